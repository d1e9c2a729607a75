"""The simulated market tells once where a lender's receipts are, with a key that opens them."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from cli.demo.built_in_market import built_in_market
from cli.demo.doors import Door, client_for
from cli.demo.enrolment import secret_of
from cli.market_traffic import ReceiptsTour
from tests.api.running_gateway import RunningGateway, a_person, running_gateway
from tests.api.two_of_each import fill_id_of, make_two_of_each

SECRET = b"what the keys of a simulation are derived from"


@pytest.fixture
async def gateway(database_url: str, books_redis_url: str, jobs_redis_url: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(
        database_url=database_url, book_redis_url=books_redis_url, jobs_redis_url=jobs_redis_url
    ) as running:
        yield running


async def test_the_first_fill_of_a_simulated_lender_is_announced_with_a_key_that_opens_it(
    gateway: RunningGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    await make_two_of_each(gateway)
    market = built_in_market(seed=1, scale=1)
    market = msgspec.structs.replace(market, lenders=market.lenders[:1])
    lender_id = market.id_of("lender", market.lenders[0].key)
    secret = secret_of(lender_id, secrets_from=SECRET)
    body = {"kind": "lender_person", "person": a_person("livia"), "secret": secret}
    assert (await gateway.nobody.put(f"/registrations/{lender_id}", body)).status_code == 201

    async with client_for(gateway.url) as client:
        tour = ReceiptsTour(market, Door(client), secrets_from=SECRET, url=gateway.url)
        await tour.offer_once()
        assert capsys.readouterr().err == ""
        await gateway.pool.execute("UPDATE fill SET lender_id = $1 WHERE fill_id = $2", lender_id, fill_id_of("ada"))
        await tour.offer_once()
        where, key = capsys.readouterr().err.splitlines()
        await tour.offer_once()

        assert where == f"why a simulated lender's money went where it went: {gateway.url}/presta/ricevute"
        announced = key.removeprefix("the access key of that invented lender: ")
        fills = await Door(client, key=announced).get("/api/v1/fills")
    assert [fill["fill_id"] for fill in fills["items"]] == [fill_id_of("ada")]
    assert capsys.readouterr().err == ""
