"""Steps of a market's life, taken through the API: a book with lenders, an employee, a request and its cover."""

from typing import Any

from tests.api.running_gateway import (
    Door,
    RunningGateway,
    employee_row,
    id_of,
    offer_body,
    request_body,
    terms_body,
)
from tests.api.two_of_each import add_employment

REQUEST = f"/requests/{id_of('request')}"


async def an_employee(gateway: RunningGateway, name: str = "carla", **row: Any) -> Door:
    """A borrower on alfa's list; alfa is there already."""
    await gateway.operator.post(f"/companies/{id_of('alfa')}/employee-imports", {"rows": [employee_row(name, **row)]})
    borrower = await gateway.add_borrower(name)
    await add_employment(gateway, borrower, name, company="alfa")
    return borrower


async def a_book(gateway: RunningGateway, *, lender_cents: int = 0) -> None:
    """Alfa with a posted rate of 5 %, and two lenders with money of so much each."""
    await gateway.add_company("alfa")
    await add_terms_and_lenders(gateway, lender_cents=lender_cents)


async def add_terms_and_lenders(gateway: RunningGateway, *, lender_cents: int) -> None:
    """The same for an alfa that is there already."""
    published = await gateway.operator.put(f"/companies/{id_of('alfa')}/terms/1?wait_s=10", terms_body())
    assert published.json()["state"] == "confirmed", published.text
    if not lender_cents:
        return
    for name in ("ada", "bob"):
        lender = await gateway.add_lender(name)
        await lender.put(f"/strategies/{id_of(f'strategy of {name}')}", {"name": "main", "caps": {"borrower_bp": None}})
        await gateway.wire(name, "lender_person", lender_cents)
        path = f"/companies/{id_of('alfa')}/offers/{id_of(f'offer of {name}')}?wait_s=10"
        assert (await lender.put(path, offer_body(name))).status_code == 201


async def covered(gateway: RunningGateway, door: Door) -> dict[str, Any]:
    """The request, assessed, opened and covered."""
    await door.put(REQUEST, request_body("carla", "alfa"))
    assert (await door.post(f"{REQUEST}/assessment")).json()["outcome"] == "pass"
    opened = await door.post(f"{REQUEST}/opening?wait_s=10")
    assert opened.json()["state"] == "confirmed", opened.text
    for _ in range(40):
        await gateway.operator.post(f"/companies/{id_of('alfa')}/ticks?wait_s=10")
        status: dict[str, Any] = (await door.get(REQUEST)).json()
        if status["state"] == "covered":
            return status
    raise AssertionError(status)
