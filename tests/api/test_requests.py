"""A request from draft to signature, and everything that keeps it from getting there."""

from typing import Any

import pytest

from tests.api.market_steps import REQUEST, a_book, an_employee, covered
from tests.api.running_gateway import RunningGateway, id_of, request_body
from tests.api.test_conventions import assert_problem
from tests.api.two_of_each import add_bank_account, add_mandate


async def test_a_request_is_covered_and_signed(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    carla = await an_employee(market)
    await add_bank_account(market.pool, "carla")
    await add_mandate(market.pool, "carla")

    status = await covered(market, carla)
    signature = {"cover_id": status["cover_id"], "mandate_id": id_of("mandate of carla")}
    signed = await carla.post(f"{REQUEST}/signature?wait_s=10", signature)
    again = await carla.post(f"{REQUEST}/signature?wait_s=10", signature)

    assert (status["covered_cents"], status["missing_cents"], status["lender_count"]) == (100_000, 0, 2)
    assert (status["rate_cbp"], status["label"]) == (50_000, "confirmed")
    assert (signed.status_code, signed.json()["state"]) == (200, "confirmed")
    assert again.json() == signed.json()
    after = (await carla.get(REQUEST)).json()
    assert after["state"] in ("signed", "funding")
    assert after["mandate_id"] == id_of("mandate of carla")


async def test_an_other_cover_than_the_one_seen_is_not_signed(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    carla = await an_employee(market)
    await add_bank_account(market.pool, "carla")
    await add_mandate(market.pool, "carla")
    status = await covered(market, carla)

    answer = await carla.post(f"{REQUEST}/signature", {"cover_id": "bk00:999", "mandate_id": id_of("mandate of carla")})

    assert assert_problem(answer, 409, "wrong-state")["cover_id"] == status["cover_id"]
    assert (await carla.get(REQUEST)).json()["mandate_id"] is None


async def test_a_signature_needs_an_active_mandate_of_one_s_own(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    carla = await an_employee(market)
    await market.add_borrower("dora")
    for name, state in (("carla", "signing"), ("dora", "active")):
        await add_bank_account(market.pool, name)
        await add_mandate(market.pool, name, state=state)
    status = await covered(market, carla)

    unsigned = await carla.post(
        f"{REQUEST}/signature", {"cover_id": status["cover_id"], "mandate_id": id_of("mandate of carla")}
    )
    foreign = await carla.post(
        f"{REQUEST}/signature", {"cover_id": status["cover_id"], "mandate_id": id_of("mandate of dora")}
    )

    assert assert_problem(unsigned, 409, "mandate-not-active")["state"] == "signing"
    assert_problem(foreign, 404, "not-found")


async def test_a_covered_request_can_be_withdrawn_and_then_no_longer_signed(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    carla = await an_employee(market)
    await add_bank_account(market.pool, "carla")
    await add_mandate(market.pool, "carla")
    status = await covered(market, carla)

    cancelled = await carla.post(f"{REQUEST}/cancellation?wait_s=10")
    signed = await carla.post(
        f"{REQUEST}/signature", {"cover_id": status["cover_id"], "mandate_id": id_of("mandate of carla")}
    )

    assert cancelled.json()["kind"] == "cancel_request"
    assert assert_problem(signed, 409, "wrong-state")["state"] == "cancelled"


async def test_a_draft_is_withdrawn_without_any_book(market: RunningGateway) -> None:
    await a_book(market)
    carla = await an_employee(market)
    await carla.put(REQUEST, request_body("carla", "alfa"))

    assert (await carla.post(f"{REQUEST}/cancellation")).status_code == 204
    assert (await carla.get(REQUEST)).json()["state"] == "cancelled"
    assert assert_problem(await carla.post(f"{REQUEST}/assessment"), 409, "wrong-state")["state"] == "cancelled"


async def test_the_same_draft_again_is_the_same_and_another_is_refused(market: RunningGateway) -> None:
    await a_book(market)
    carla, dora = await an_employee(market), await an_employee(market, "dora")
    first = await carla.put(REQUEST, request_body("carla", "alfa"))

    again = await carla.put(REQUEST, request_body("carla", "alfa"))
    other_amount = await carla.put(REQUEST, request_body("carla", "alfa", amount_cents=100_001))
    of_another = await dora.put(REQUEST, request_body("dora", "alfa"))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["state"] == "draft"
    assert_problem(other_amount, 409, "id-reused")
    assert_problem(of_another, 409, "id-reused")


@pytest.mark.parametrize(
    "change",
    [
        {"amount_cents": 0},
        {"amount_cents": -100_000},
        {"amount_cents": 10**13 + 1},
        {"amount_cents": 10**40},
        {"amount_min_cents": 100_001},
        {"term_months": 0},
        {"term_months": 1_000},
        {"rate_max_bp": 10_001},
        {"debit_day": 32},
        {"other_instalments_cents": -1},
        {"purpose": "x" * 2_001},
    ],
    ids=str,
)
async def test_absurd_figures_are_refused_and_nothing_is_stored(
    gateway: RunningGateway, change: dict[str, Any]
) -> None:
    await gateway.add_company("alfa")
    carla = await an_employee(gateway)

    assert_problem(await carla.put(REQUEST, request_body("carla", "alfa", **change)), 422, "invalid-body")
    assert await gateway.pool.fetchval("SELECT count(*) FROM credit_request") == 0


async def test_a_request_needs_an_employment_of_one_s_own_with_that_company(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    await gateway.add_company("beta")
    await an_employee(gateway)
    dora = await gateway.add_borrower("dora")

    assert_problem(await dora.put(REQUEST, request_body("carla", "alfa")), 404, "not-found")
    assert_problem(await dora.put(REQUEST, request_body("dora", "beta")), 404, "not-found")


async def test_every_reason_against_a_request_is_told_in_the_reader_s_language(market: RunningGateway) -> None:
    await a_book(market)
    carla = await an_employee(market, net_monthly_cents=100_000, contract_type="fixed-term")
    await carla.put(REQUEST, request_body("carla", "alfa", amount_cents=400_000, term_months=12))

    italian = await carla.post(f"{REQUEST}/assessment")
    english = await carla.post(f"{REQUEST}/assessment", Accept_Language="en-GB, it;q=0.5")

    assert italian.json()["outcome"] == "refuse"
    codes = [reason["code"] for reason in italian.json()["reasons"]]
    assert codes == ["contract-type-not-admitted", "instalment-above-share"]
    above_share = italian.json()["reasons"][1]
    assert (above_share["actual"], above_share["threshold"]) == (34_243, 30_000)
    assert above_share["text"].startswith("La rata sarebbe di 342,43 € al mese")
    assert english.json()["reasons"][1]["text"].startswith("The instalment would be €342.43 a month")
    status = (await carla.get(REQUEST)).json()
    assert status["state"] == "declined"
    assert [reason["code"] for reason in status["declined_reasons"]] == codes


async def test_a_request_is_opened_only_after_a_good_assessment(market: RunningGateway) -> None:
    await a_book(market)
    carla = await an_employee(market)
    await carla.put(REQUEST, request_body("carla", "alfa"))

    problem = assert_problem(await carla.post(f"{REQUEST}/opening"), 409, "wrong-state")

    assert (problem["state"], problem["allowed"]) == ("draft", ["assessed"])


async def test_a_second_opening_changes_nothing(market: RunningGateway) -> None:
    await a_book(market)
    carla = await an_employee(market)
    await carla.put(REQUEST, request_body("carla", "alfa"))
    await carla.post(f"{REQUEST}/assessment")

    first = await carla.post(f"{REQUEST}/opening?wait_s=10")
    second = await carla.post(f"{REQUEST}/opening?wait_s=10")

    assert second.headers["idempotent-replayed"] == "true"
    assert first.json() == second.json()
    assert (await carla.get(REQUEST)).json()["state"] == "open"


async def test_an_open_request_counts_against_the_company_s_maximum(market: RunningGateway) -> None:
    await a_book(market)
    carla = await an_employee(market)
    second = f"/requests/{id_of('second')}"
    for path in (REQUEST, second):
        await carla.put(path, request_body("carla", "alfa"))
        await carla.post(f"{path}/assessment")
    await carla.post(f"{REQUEST}/opening?wait_s=10")

    answer = await carla.post(f"{second}/opening")

    reasons: Any = assert_problem(answer, 422, "not-eligible")["reasons"]
    assert [reason["code"] for reason in reasons] == ["open-loans-at-maximum"]


async def test_opening_needs_a_complete_identity_check(market: RunningGateway) -> None:
    await a_book(market)
    carla = await an_employee(market)
    await market.pool.execute("UPDATE party SET kyc_state = 'in_progress' WHERE id = $1", id_of("carla"))
    await carla.put(REQUEST, request_body("carla", "alfa"))
    await carla.post(f"{REQUEST}/assessment")

    assert_problem(await carla.post(f"{REQUEST}/opening"), 409, "kyc-incomplete")


async def test_the_book_refuses_a_rate_outside_its_band(market: RunningGateway) -> None:
    await a_book(market)
    carla = await an_employee(market)
    await carla.put(REQUEST, request_body("carla", "alfa", rate_max_bp=450))
    await carla.post(f"{REQUEST}/assessment")

    problem = assert_problem(await carla.post(f"{REQUEST}/opening?wait_s=10"), 422, "rate-outside-band")

    assert (problem["max_rate_bp"], problem["floor_bp"], problem["cap_bp"]) == (450, 500, 500)
