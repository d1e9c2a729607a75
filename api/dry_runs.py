"""Dry runs: what a version of the terms would do to the live book, before it is published."""

from datetime import timedelta
from uuid import UUID

import msgspec
from litestar import Controller, post
from litestar.params import FromPath, JSONBody

from api.callers import Role
from api.dependencies import Database, LiveBooksPart, MarketClock, SignedIn
from api.guards import Objects, allow
from api.problems import Problem, not_found
from api.terms import range_errors
from marketplace.book.dry_run import dry_run
from marketplace.book.dry_run_disclosure import ShownDryRun, shown_to_company, shown_to_operations
from marketplace.book.order_book import OrderBook
from marketplace.company_terms import CompanyTerms
from persistence.company_cards import company_exists
from persistence.people_behind_requests import borrowers_by_term

COUNTED_BACK = timedelta(days=90)
"""People behind requests are counted in the live book and so far back."""


class DryRunBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms to try. Their version decides nothing here."""

    terms: CompanyTerms


class DryRunController(Controller):
    path = "/companies/{company_id:uuid}/terms/dry-runs"
    tags = ("Terms",)

    @post(
        operation_id="TryTerms",
        status_code=200,
        opt=allow(Role.COMPANY, Role.OPERATOR, objects=Objects.OWN_COMPANY_IN_PATH),
    )
    async def try_terms(
        self,
        company_id: FromPath[UUID],
        data: JSONBody[DryRunBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        live_books: LiveBooksPart,
    ) -> ShownDryRun:
        """What would be covered now under these terms and under the present ones, side by side; the book is not
        touched. A company sees figures of requests only where five people stand behind them in the book and the last
        90 days."""
        errors = list(range_errors(data.terms))
        if errors:
            raise Problem("invalid-body", "A figure of the terms is out of every range.", errors=errors)
        if not await company_exists(pool, str(company_id)):
            not_found("company")
        now_at = clock.now()
        people = await borrowers_by_term(pool, str(company_id), since_at=now_at - COUNTED_BACK)
        book, standings = await live_books.with_standings(str(company_id))
        outcome = dry_run(book, data.terms, standings, at=now_at)
        if caller.is_operator:
            return shown_to_operations(outcome)
        return shown_to_company(outcome, _with_waiting(people, book))


def _with_waiting(people: dict[int, set[str]], book: OrderBook) -> dict[int, set[str]]:
    for booked in book.open_requests():
        people.setdefault(booked.request.months, set()).add(booked.request.borrower_id)
    return people
