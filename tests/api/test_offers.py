"""Offers: from a strategy into a company's book, once, and out again."""

from tests.api.running_gateway import RunningGateway, id_of, offer_body, terms_body

OFFER = f"/companies/{id_of('alfa')}/offers/{id_of('offer')}"
STRATEGY = f"/strategies/{id_of('strategy of ada')}"


async def test_an_offer_is_placed_in_the_book(market: RunningGateway) -> None:
    alfa = await market.add_company("alfa")
    await alfa.put(f"/companies/{id_of('alfa')}/terms/1?wait_s=10", terms_body())
    ada = await market.add_lender("ada")
    await ada.put(STRATEGY, {"name": "main"})

    placed = await ada.put(f"{OFFER}?wait_s=10", offer_body("ada"))

    assert placed.status_code == 201, placed.text
    assert placed.json()["state"] == "confirmed"
    assert placed.json()["kind"] == "place_offer"
    assert placed.headers["location"] == f"/api/v1/commands/{id_of('offer')}"
    stored = await market.pool.fetchrow("SELECT ask_bp, tier, state FROM offer")
    assert stored is not None
    assert tuple(stored) == (400, "B", "standing")
