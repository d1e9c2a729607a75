"""A version of the terms tried on the live book, and what of it its company may see."""

import asyncio
from typing import Any

import pytest

from tests.api.market_steps import REQUEST, an_employee
from tests.api.running_gateway import Door, RunningGateway, id_of, offer_body, request_body, terms_body
from tests.api.test_conventions import assert_problem

ALFA = f"/companies/{id_of('alfa')}"
DRY_RUNS = f"{ALFA}/terms/dry-runs"


def tried(**changes: Any) -> dict[str, Any]:
    """The next terms with a cap of 7 %, and `changes`."""
    terms: dict[str, Any] = terms_body(version=2, cap_bp=700)["terms"]
    return {"terms": terms | changes}


async def a_waiting_request(gateway: RunningGateway) -> Door:
    """Two lenders ask 6 %, above alfa's posted 5 %, so that carla's request of 1,000.00 waits; alfa's door."""
    alfa = await gateway.add_company("alfa")
    published = await alfa.put(f"{ALFA}/terms/1?wait_s=10", terms_body())
    assert published.json()["state"] == "confirmed", published.text
    for name in ("ada", "bob"):
        lender = await gateway.add_lender(name)
        await lender.put(f"/strategies/{id_of(f'strategy of {name}')}", {"name": "main", "caps": {"borrower_bp": None}})
        await gateway.wire(name, "lender_person", 80_000)
        offer = f"{ALFA}/offers/{id_of(f'offer of {name}')}?wait_s=10"
        placed = await lender.put(offer, offer_body(name, rate_floor_bp=600))
        assert placed.status_code == 201, placed.text
    while await gateway.pool.fetchval("SELECT count(*) FROM purse_instruction WHERE state <> 'done'"):
        await asyncio.sleep(0.01)
    carla = await an_employee(gateway)
    await carla.put(REQUEST, request_body("carla", "alfa", rate_max_bp=700))
    await carla.post(f"{REQUEST}/assessment")
    opened = await carla.post(f"{REQUEST}/opening?wait_s=10")
    assert opened.json()["state"] == "confirmed", opened.text
    return alfa


async def test_operations_see_both_versions_side_by_side(market: RunningGateway) -> None:
    await a_waiting_request(market)

    answer = await market.operator.post(DRY_RUNS, tried())

    assert answer.status_code == 200, answer.text
    present, proposed = answer.json()["present"]["total"], answer.json()["proposed"]["total"]
    assert (present["covered"], present["blocked"]) == (0, [{"reason": "uncovered", "requests": 1, "cents": 100_000}])
    assert (proposed["covered"], proposed["cover_cents"], proposed["rate_cbp"]) == (1, 100_000, 60_000)
    assert answer.json()["proposed"]["depth"] == [[12, 600, "B", 160_000, 4], [24, 600, "B", 160_000, 4]]
    assert answer.json()["problems"] == []


async def test_a_dry_run_changes_nothing(market: RunningGateway) -> None:
    await a_waiting_request(market)
    first = (await market.operator.post(DRY_RUNS, tried())).json()

    second = (await market.operator.post(DRY_RUNS, tried())).json()

    assert second == first
    assert await market.pool.fetchval("SELECT count(*) FROM company_terms") == 1
    assert await market.pool.fetchval("SELECT count(*) FROM cover") == 0


async def test_a_company_sees_no_figure_of_fewer_than_five_people(market: RunningGateway) -> None:
    alfa = await a_waiting_request(market)

    shown = (await alfa.post(DRY_RUNS, tried())).json()["proposed"]

    assert [
        (term["months"], term["is_withheld"], term["waiting"], term["cover_cents"]) for term in shown["by_term"]
    ] == [
        (12, True, None, None),
        (24, True, None, None),
    ]
    assert (shown["total"]["is_withheld"], shown["company_used_cents"]) == (True, None)
    assert shown["depth"] == [[12, 600, "B", 160_000, 4], [24, 600, "B", 160_000, 4]]


async def test_a_company_sees_figures_of_five_people_who_wait(market: RunningGateway) -> None:
    alfa = await a_waiting_request(market)
    for name in ("dora", "eva", "ida"):
        await another_waiting_request(market, name)
    four = (await alfa.post(DRY_RUNS, tried())).json()["proposed"]
    await another_waiting_request(market, "leo")

    five = (await alfa.post(DRY_RUNS, tried())).json()["proposed"]

    assert [term["is_withheld"] for term in (*four["by_term"], four["total"])] == [True, True, True]
    assert [term["is_withheld"] for term in (*five["by_term"], five["total"])] == [False, True, False]
    # 1,600.00 cover one request of 1,000.00: of one person, as the rest are of four.
    assert (five["total"]["waiting"], five["total"]["waiting_cents"], five["total"]["covered"]) == (5, 500_000, None)
    assert "borrower" not in str(five)


async def another_waiting_request(gateway: RunningGateway, name: str) -> None:
    """Somebody else's request for 1,000.00 over 12 months, which waits like carla's."""
    borrower, path = await an_employee(gateway, name), f"/requests/{id_of(f'request of {name}')}"
    await borrower.put(path, request_body(name, "alfa", rate_max_bp=700))
    await borrower.post(f"{path}/assessment")
    opened = await borrower.post(f"{path}/opening?wait_s=10")
    assert opened.json()["state"] == "confirmed", opened.text


async def test_terms_that_contradict_themselves_are_answered_with_every_problem(market: RunningGateway) -> None:
    alfa = await a_waiting_request(market)

    answer = (await alfa.post(DRY_RUNS, tried(max_share_bp=20_000, ticket_cents=0))).json()

    assert [problem["field"] for problem in answer["problems"]] == ["ticket_cents", "max_share_bp"]
    assert (answer["proposed"], answer["present"]["version"]) == (None, 1)


async def test_absurd_figures_and_unknown_fields_are_refused(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")

    errors: Any = assert_problem(await alfa.post(DRY_RUNS, tried(ticket_cents=10**14)), 422, "invalid-body")["errors"]

    assert [error["pointer"] for error in errors] == ["/terms/ticket_cents"]
    assert_problem(await alfa.post(DRY_RUNS, tried(colour="blue")), 422, "invalid-body")


async def test_a_company_without_terms_has_only_the_proposed_outcome(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")

    answer = await alfa.post(DRY_RUNS, tried())

    assert (answer.json()["present"], answer.json()["book_sequence"]) == (None, 0)
    assert_problem(await gateway.operator.post(f"/companies/{id_of('x')}/terms/dry-runs", tried()), 404, "not-found")


async def test_a_guarantee_below_what_stands_under_it_is_refused_before_anything_is_stored(
    market: RunningGateway,
) -> None:
    alfa = await a_waiting_request(market)
    body = terms_body(version=2, cap_bp=700)
    body["terms"]["guarantee"] = {"rate_bp": 1_000, "limit_cents": 100_000}
    await alfa.put(f"{ALFA}/terms/2?wait_s=10", body)
    for _ in range(40):
        await market.operator.post(f"{ALFA}/ticks?wait_s=10")
        if await market.pool.fetchval("SELECT state FROM credit_request") == "covered":
            break
    smaller = terms_body(version=3, cap_bp=700)
    smaller["terms"]["guarantee"] = {"rate_bp": 1_000, "limit_cents": 9_999}

    refused = assert_problem(await alfa.put(f"{ALFA}/terms/3", smaller), 422, "invalid-body")

    assert refused["errors"] == [
        {
            "pointer": "/terms/guarantee/limit_cents",
            "rule": "range",
            "detail": "9999 is not accepted: 10000 or more",
        }
    ]
    assert await market.pool.fetchval("SELECT max(version) FROM company_terms") == 2


@pytest.mark.parametrize("is_current", [True, False])
async def test_the_record_serves_while_the_feed_is_not_current(
    market: RunningGateway, is_current: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_waiting_request(market)
    if not is_current:
        monkeypatch.setattr("api.feeds.channels.Channels.is_current", property(lambda channels: False))

    answer = await market.operator.post(DRY_RUNS, tried())

    assert answer.json()["proposed"]["total"]["covered"] == 1
