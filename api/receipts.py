"""Fills and receipts: what a lender's money did in a book and why, and why a request stands where it does."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from api.callers import Role
from api.dependencies import AskedLanguage, Database, LiveBooksPart, SignedIn
from api.guards import Objects, allow
from api.problems import not_found
from api.receipt_views import FillList, FillReceipt, FillView, RequestReceipt, fill_receipt, fill_view, request_receipt
from marketplace.allocation.matching import Uncovered
from marketplace.allocation.receipts import Receipt
from marketplace.book.book_events import Standing
from marketplace.book.book_walk import walk
from marketplace.book.order_book import OrderBook
from marketplace.explanations.borrower_account import borrower_account, borrower_account_without_plan
from marketplace.explanations.languages import Language
from marketplace.explanations.operations_account import operations_account
from marketplace.explanations.plan_accounts import account_of_plan
from persistence.receipts_desk import (
    fill_status,
    is_hold_lifted,
    own_fills,
    plan_of_request,
    plan_status,
    plans_of,
)
from persistence.requests_desk import request_status

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many at most, 1 to 200.")]
Cursor = Annotated[str | None, QueryParameter(max_length=60, description="`next_cursor` of the page before.")]


class FillController(Controller):
    path = "/fills"
    tags = ("Receipts",)

    @get(operation_id="ListFills", opt=allow(Role.LENDER, objects=Objects.THE_CALLER))
    async def list_fills(self, caller: SignedIn, pool: Database, limit: Limit = 50, cursor: Cursor = None) -> FillList:
        """One's own fills, those of the newest covers first."""
        fills = await own_fills(pool, caller.own_id, limit=limit + 1, after_fill_id=cursor)
        plans = await plans_of(pool, fills[:limit])
        items = [fill_view(fill, plans[fill.fill_id].plan.receipt) for fill in fills[:limit]]
        return FillList(items=items, next_cursor=items[-1].fill_id if len(fills) > limit else None)

    @get("/{fill_id:str}", operation_id="GetFill", opt=allow(Role.LENDER, Role.OPERATOR, objects=Objects.OWN_IN_QUERY))
    async def get_fill(self, fill_id: FromPath[str], caller: SignedIn, pool: Database) -> FillView:
        """A fill."""
        fill = await fill_status(pool, fill_id, lender_id=None if caller.is_operator else caller.own_id)
        if fill is None:
            not_found("fill")
        plans = await plans_of(pool, [fill])
        return fill_view(fill, plans[fill_id].plan.receipt)

    @get(
        "/{fill_id:str}/receipt",
        operation_id="GetFillReceipt",
        opt=allow(Role.LENDER, Role.OPERATOR, objects=Objects.OWN_IN_QUERY),
    )
    async def get_receipt(
        self,
        fill_id: FromPath[str],
        caller: SignedIn,
        pool: Database,
        language: AskedLanguage,
        lang: FromQuery[Language | None] = None,
    ) -> FillReceipt:
        """Why the fill has its amount, to the cent, in `lang` or the language of `Accept-Language`."""
        fill = await fill_status(pool, fill_id, lender_id=None if caller.is_operator else caller.own_id)
        if fill is None:
            not_found("fill")
        plans = await plans_of(pool, [fill])
        return fill_receipt(
            fill,
            plans[fill_id],
            lang or language,
            is_lifted=fill.label == "released"
            and await is_hold_lifted(pool, cover_id=fill.cover_id, lender_id=fill.lender_id),
            for_operations=caller.is_operator,
        )


class RequestReceiptController(Controller):
    path = "/requests/{request_id:uuid}/receipt"
    tags = ("Receipts",)

    @get(
        operation_id="GetRequestReceipt",
        opt=allow(Role.BORROWER, Role.OPERATOR, objects=Objects.OWN_IN_QUERY),
    )
    async def get_receipt(
        self,
        request_id: FromPath[UUID],
        caller: SignedIn,
        pool: Database,
        live_books: LiveBooksPart,
        language: AskedLanguage,
        lang: FromQuery[Language | None] = None,
    ) -> RequestReceipt:
        """Why the request stands where it does: what was found, why this rate, what is missing and what would help."""
        borrower_id = None if caller.is_operator else caller.own_id
        status = await request_status(pool, str(request_id), borrower_id=borrower_id)
        if status is None:
            not_found("request")
        chosen = lang or language
        plan = await plan_of_request(pool, str(request_id))
        kept = None if plan is None else await plan_status(pool, plan)
        if plan is not None and kept is not None and kept != "released":
            reader = "operations" if caller.is_operator else "borrower"
            steps = account_of_plan(plan.plan, reader, chosen, status=kept)
            return request_receipt(status, kept, plan.plan.receipt, steps, plan)
        reached, state = None, status.state
        if state == "open":
            book, standings = await live_books.with_standings(status.company_id)
            state = "paused" if book.pauses else state
            reached = None if book.pauses else _reached_now(book, standings, status.request_id)
        if reached is None:
            return request_receipt(status, kept, None, borrower_account_without_plan(state, chosen), None)
        account = operations_account if caller.is_operator else borrower_account
        return request_receipt(status, reached.outcome, reached, account(reached, chosen), None)


def _reached_now(book: OrderBook, standings: Sequence[Standing], request_id: str) -> Receipt | None:
    """What the rule finds for an open request at this moment; None where the book does not have it waiting, or is about
    to cover it."""
    booked = book.requests.get(request_id)
    if booked is None or booked.cover_id is not None or book.terms is None:
        return None
    with book.lenders.as_if(standings):
        outcome = walk(book, booked)
    return outcome.receipt if isinstance(outcome, Uncovered) else None
