"""Company codes cannot be guessed for ever, and whoever knows one is not held up by it."""

import pytest
from redis.asyncio import Redis

from api.throttling import FAILED_CODE_CHECKS, Limit, give_turn_back, take_turn
from tests.api.running_gateway import RunningGateway
from tests.api.test_conventions import assert_problem

CHECK = "/company-code-checks"


async def test_after_ten_wrong_codes_the_eleventh_is_not_looked_at(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    guesses = [await gateway.nobody.post(CHECK, {"code": f"GUESS-{number}"}) for number in range(10)]

    late = await gateway.nobody.post(CHECK, {"code": "ALFA-2026"})

    assert {answer.status_code for answer in guesses} == {422}
    document = assert_problem(late, 429, "rate-limited")
    assert document["policy"] == '"failed-code-checks";q=10;w=3600'
    assert 350 <= int(late.headers["retry-after"]) <= 360


async def test_right_codes_use_nothing_up(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")

    statuses = {(await gateway.nobody.post(CHECK, {"code": "ALFA-2026"})).status_code for _ in range(12)}

    assert statuses == {200}


async def test_a_turn_comes_back_with_time(jobs_redis_url: str) -> None:
    quick = Limit(name="quick", most=2, window_s=1)
    async with Redis.from_url(jobs_redis_url) as redis:
        for _ in range(2):
            await take_turn(redis, quick, "somebody")
        with pytest.raises(Exception, match="rate-limited"):
            await take_turn(redis, quick, "somebody")
        await take_turn(redis, quick, "somebody else")
        await give_turn_back(redis, quick, "somebody")
        await take_turn(redis, quick, "somebody")

        assert 0 < await redis.pttl("limit:quick:somebody") <= 1_000
        assert await redis.keys(f"limit:{FAILED_CODE_CHECKS.name}:*") == []
