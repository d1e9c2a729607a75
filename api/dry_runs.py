"""Dry runs: what a version of the terms would do to the live book, before it is published."""

from uuid import UUID

import msgspec
from litestar import Controller, post
from litestar.params import FromPath, JSONBody

from api.callers import Role
from api.dependencies import Aside, Database, LiveBooksPart, MarketClock, SignedIn
from api.guards import Objects, allow
from api.problems import Problem, not_found
from api.terms import range_errors
from marketplace.book.dry_run import dry_run
from marketplace.book.dry_run_disclosure import ShownDryRun, shown_to_company, shown_to_operations
from marketplace.company_terms import CompanyTerms
from persistence.company_cards import company_exists


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
        aside: Aside,
    ) -> ShownDryRun:
        """What would be covered now under these terms and under the present ones, side by side; the book is not
        touched. A company sees figures of requests only where five people of the book stand behind each of them."""
        errors = list(range_errors(data.terms))
        if errors:
            raise Problem("invalid-body", "A figure of the terms is out of every range.", errors=errors)
        if not await company_exists(pool, str(company_id)):
            not_found("company")
        now_at = clock.now()
        async with aside.turn():
            book, standings = await live_books.with_standings(str(company_id))
            copied = book.copy()
            outcome = await aside.done(lambda: dry_run(copied, data.terms, standings, at=now_at))
        return shown_to_operations(outcome) if caller.is_operator else shown_to_company(outcome)
