"""Fills and receipts over HTTP: one's own alone, to the cent, in the language asked for, and nobody else's identity."""

from typing import Any

import httpx

from tests.api.market_steps import REQUEST, a_book, an_employee, covered
from tests.api.running_gateway import Door, RunningGateway, id_of, request_body
from tests.api.test_conventions import assert_problem


def words(answer: httpx.Response) -> list[str]:
    """The steps of a receipt; no-break spaces are shown as spaces."""
    assert answer.status_code == 200, answer.text
    return [step["text"].replace("\u00a0", " ") for step in answer.json()["steps"]]


async def a_shared_cover(market: RunningGateway) -> Door:
    """1,000.00 shared by ada and bob, who have 800.00 each: 490.00 above a ticket of 10.00 for both. The borrower."""
    await a_book(market, lender_cents=80_000)
    borrower = await an_employee(market)
    await covered(market, borrower)
    return borrower


async def only_fill(lender: Door) -> dict[str, Any]:
    answer = await lender.get("/fills")
    assert answer.status_code == 200, answer.text
    (fill,) = answer.json()["items"]
    return dict(fill)


async def test_a_lender_sees_its_own_fills_and_no_exact_amount_of_the_request(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    borrower = await an_employee(market)
    await borrower.put(REQUEST, request_body("carla", "alfa", amount_cents=104_000))
    await covered_at(market, borrower)

    fill = await only_fill(market.door("ada"))

    assert fill["amount_cents"] == 52_000
    assert (fill["label"], fill["rate_cbp"], fill["ask_bp"], fill["term_months"]) == ("confirmed", 50_000, 400, 12)
    assert fill["request_amount_rounded_cents"] == 100_000
    assert fill["company_name"] == "Alfa S.p.A."
    assert (await market.door("ada").get(f"/fills/{fill['fill_id']}")).json() == fill


async def covered_at(market: RunningGateway, borrower: Door) -> None:
    await borrower.post(f"{REQUEST}/assessment")
    await borrower.post(f"{REQUEST}/opening?wait_s=10")
    for _ in range(40):
        await market.operator.post(f"/companies/{id_of('alfa')}/ticks?wait_s=10")
        if (await borrower.get(REQUEST)).json()["state"] == "covered":
            return
    raise AssertionError("the request was not covered")


async def test_a_receipt_tells_the_lender_its_two_rounds_to_the_cent(market: RunningGateway) -> None:
    await a_shared_cover(market)
    ada = market.door("ada")
    fill = await only_fill(ada)

    answer = await ada.get(f"/fills/{fill['fill_id']}/receipt?lang=en")

    assert words(answer)[:2] == [
        "You got €500.00 of this loan. Here is why.",
        "Amount requested, rounded to €100: €1,000.00. Term in months: 12.",
    ]
    assert words(answer)[5:9] == [
        "Your group offered more than was needed, so it is shared in two rounds.",
        "First round, a smallest part each, starting with who has waited longest: €10.00 for you.",
        "Second round: the rest is shared by what each could still give. Rounded to €100: €1,000.00 were left, all"
        " together could still give €1,600.00. You €790.00: €490.00 for you.",
        "Together: €10.00 + €490.00 = €500.00.",
    ]
    allocation = answer.json()["allocation"]
    assert {name: allocation[name] for name in ("ticket_cents", "share_cents", "cut_cents", "capacity_cents")} == {
        "ticket_cents": 1_000,
        "share_cents": 49_000,
        "cut_cents": 0,
        "capacity_cents": 80_000,
    }
    assert allocation["second_round"] == {
        "rest_rounded_cents": 100_000,
        "room_cents": 79_000,
        "rooms_rounded_cents": 160_000,
        "has_extra_cent": False,
    }
    assert id_of("bob") not in answer.text
    assert id_of("carla") not in answer.text


async def test_the_language_is_the_one_asked_for(market: RunningGateway) -> None:
    await a_shared_cover(market)
    ada = market.door("ada")
    path = f"/fills/{(await only_fill(ada))['fill_id']}/receipt"

    in_italian = await ada.call("GET", path, Accept_Language="it")
    in_english = await ada.call("GET", path, Accept_Language="en-GB,en;q=0.9")
    chosen = await ada.call("GET", f"{path}?lang=it", Accept_Language="en")

    assert words(in_italian)[0] == "Hai ottenuto 500,00 € di questo prestito. Ecco perché."
    assert words(in_english)[0] == "You got €500.00 of this loan. Here is why."
    assert words(chosen) == words(in_italian)


async def test_another_lenders_fill_is_not_found(market: RunningGateway) -> None:
    await a_shared_cover(market)
    fill = await only_fill(market.door("bob"))

    for path in (f"/fills/{fill['fill_id']}", f"/fills/{fill['fill_id']}/receipt"):
        assert_problem(await market.door("ada").get(path), 404, "not-found")


async def test_operations_see_every_step_with_everybody_in_it(market: RunningGateway) -> None:
    await a_shared_cover(market)
    fill = await only_fill(market.door("ada"))

    shown = words(await market.operator.get(f"/fills/{fill['fill_id']}/receipt?lang=en"))

    assert shown[-1] == "Covered with €1,000.00: clearing rate 5.00%, rate of the loan 5.00%."
    assert any(id_of("bob") in sentence for sentence in shown)


async def test_the_borrower_is_told_of_its_cover_without_names(market: RunningGateway) -> None:
    borrower = await a_shared_cover(market)

    answer = await borrower.get(f"{REQUEST}/receipt?lang=it")

    assert words(answer) == [
        "La tua richiesta è coperta per intero: 1.000,00 €.",
        "2 finanziatori con tasso 5,00 %: 1.000,00 € insieme.",
        "Tasso del prestito: 5,00 %.",
        "È il tasso minimo della tua azienda per questa durata: le offerte servite non chiedevano di più.",
        "Il massimo che accettavi: 5,00 %.",
    ]
    assert (answer.json()["state"], answer.json()["status"]) == ("covered", "covered")
    assert not [name for name in ("ada", "bob") if id_of(name) in answer.text]


async def test_a_request_without_a_plan_is_told_how_it_stands(market: RunningGateway) -> None:
    await a_book(market)
    borrower = await an_employee(market)
    await borrower.put(REQUEST, request_body("carla", "alfa"))

    answer = await borrower.get(f"{REQUEST}/receipt?lang=en")

    assert words(answer) == ["Your request is a draft: have it assessed and open it, and the gathering starts."]
    assert (answer.json()["status"], answer.json()["hash"]) == (None, None)


async def test_an_open_request_is_told_what_is_found_now_and_what_would_help(market: RunningGateway) -> None:
    await a_book(market, lender_cents=30_000)
    borrower = await an_employee(market)
    await borrower.put(REQUEST, request_body("carla", "alfa"))
    await borrower.post(f"{REQUEST}/assessment")
    assert (await borrower.post(f"{REQUEST}/opening?wait_s=10")).status_code == 200

    answer = await borrower.get(f"{REQUEST}/receipt?lang=en")

    assert words(answer) == [
        "Your request is gathering: €600.00 of €1,000.00 found, €400.00 missing.",
        "2 lenders at a rate of 5.00%: €600.00 together.",
        "You accept up to 5.00%: offers that ask for more were not called. Where the company's terms allow it,"
        " accepting a higher rate may add some.",
        "Accepting as little as €600.00, the loan can start with what was found when the time is over.",
        "You need not do anything: every new offer and all new money start the computation again.",
    ]
    assert (answer.json()["state"], answer.json()["status"], answer.json()["hash"]) == ("open", "uncovered", None)


async def test_a_cover_given_back_is_told_as_free_money(market: RunningGateway) -> None:
    borrower = await a_shared_cover(market)
    ada = market.door("ada")
    fill = await only_fill(ada)

    await borrower.post(f"{REQUEST}/cancellation?wait_s=10")

    told = words(await ada.get(f"/fills/{fill['fill_id']}/receipt?lang=en"))
    assert told[:2] == [
        "Your offer was ready with €500.00, but lent nothing.",
        "The promise no longer holds: the request ended without a loan, or the plan changed. Your money is free.",
    ]
    assert words(await borrower.get(f"{REQUEST}/receipt?lang=en")) == ["You withdrew the request. You owe nothing."]


async def test_fills_come_a_page_at_a_time(market: RunningGateway) -> None:
    await a_shared_cover(market)
    ada = market.door("ada")
    fill = await only_fill(ada)

    whole = (await ada.get("/fills?limit=1")).json()
    after = (await ada.get(f"/fills?limit=1&cursor={fill['fill_id']}")).json()

    assert (len(whole["items"]), whole["next_cursor"]) == (1, None)
    assert after == {"items": [], "next_cursor": None}
    assert_problem(await ada.get("/fills?limit=0"), 400, "invalid-parameter")
