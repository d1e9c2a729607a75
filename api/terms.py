"""Versions of a company's terms: rates, tickets, guarantee, own money, and the policy on who may borrow."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, put
from litestar.params import FromPath, JSONBody, PathParameter

from api.body_fields import CENTS_MAX, WaitS
from api.callers import Role
from api.command_desk import CommandReceipt
from api.dependencies import Commands, Database, LiveBooksPart, MarketClock, SignedIn
from api.guards import Objects, allow
from api.problems import FieldError, Problem, not_found
from marketplace.book.guarantees_given import standing_problems
from marketplace.book.order_book import OrderBook
from marketplace.company_terms import CompanyTerms, TermsProblem
from marketplace.company_terms_problems import terms_problems
from marketplace.loans.affordability import CreditPolicy, policy_problems
from persistence.company_cards import company_exists
from persistence.published_terms import TermsTaken, VersionReused, VersionUnexpected, publish_terms

_MONTHS_MAX = 120
_VERSION_MAX = 2**31 - 1

Version = Annotated[int, PathParameter(ge=1, le=_VERSION_MAX, description="Number of the version, from 1 on.")]


class TermsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of the terms, numbered as in the address, and the credit policy that goes with it."""

    terms: CompanyTerms
    policy: CreditPolicy


class TermsController(Controller):
    path = "/companies/{company_id:uuid}/terms"
    tags = ("Terms",)

    @put(
        "/{version:int}",
        operation_id="PublishTerms",
        status_code=201,
        opt=allow(Role.COMPANY, Role.OPERATOR, objects=Objects.OWN_COMPANY_IN_PATH),
    )
    async def publish_terms(
        self,
        company_id: FromPath[UUID],
        version: Version,
        data: JSONBody[TermsBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        live_books: LiveBooksPart,
        wait_s: WaitS = 0,
    ) -> Response[CommandReceipt]:
        """Publish a version. It re-prices every request that is not covered yet, from the book's next turn on."""
        errors = [
            *_terms_errors(data.terms, version),
            *_problem_errors(_broken_by(data.terms, live_books.live(str(company_id)))),
            *_policy_errors(data.policy),
        ]
        if errors:
            raise Problem("invalid-body", "The terms contradict themselves.", errors=errors)
        if not await company_exists(pool, str(company_id)):
            not_found("company")
        async with pool.acquire() as connection, connection.transaction():
            outcome = await publish_terms(
                connection, str(company_id), data.terms, data.policy, at=clock.now(), party_id=caller.party_id
            )
        match outcome:
            case VersionReused():
                raise Problem("id-reused", "This version stands with other terms. Publish the next one.")
            case VersionUnexpected(expected_version=expected_version):
                raise Problem(
                    "terms-changed",
                    "Versions are published one after the other.",
                    given_version=version,
                    expected_version=expected_version,
                )
            case TermsTaken(envelope=envelope, is_new=is_new):
                return await commands.answer(envelope, wait_s=wait_s, is_new=is_new, decided_status=201)


def _broken_by(terms: CompanyTerms, book: OrderBook | None) -> tuple[TermsProblem, ...]:
    """What the next version would break of what stands in the book, as far as this gateway knows; the book decides."""
    if book is None or book.terms is None or terms.version != book.terms.version + 1:
        return ()
    return standing_problems(book, terms)


def _terms_errors(terms: CompanyTerms, version: int) -> Iterator[FieldError]:
    if terms.version != version:
        yield _error("/terms/version", f"must be the version in the address, {version}")
    yield from _problem_errors(terms_problems(terms))
    yield from range_errors(terms)


def _problem_errors(problems: Iterable[TermsProblem]) -> Iterator[FieldError]:
    for problem in problems:
        pointer = "/terms/" + problem.field.replace("[", "/").replace("]", "").replace(".", "/")
        yield _error(pointer, f"{problem.given} is not accepted: {problem.accepted}")


def range_errors(terms: CompanyTerms) -> Iterator[FieldError]:
    """Figures that no terms can have, whatever the others are."""
    for band in terms.bands:
        if band.months > _MONTHS_MAX:
            yield _error("/terms/bands", f"{band.months} months is not accepted: at most {_MONTHS_MAX}")
    yield from _absurd_figures("/terms", msgspec.to_builtins(terms))


def _policy_errors(policy: CreditPolicy) -> Iterator[FieldError]:
    for problem in policy_problems(policy):
        yield _error(f"/policy/{problem.field}", f"{problem.given} is not accepted: {problem.accepted}")


def _absurd_figures(pointer: str, value: Any) -> Iterator[FieldError]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _absurd_figures(f"{pointer}/{name}", inner)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from _absurd_figures(f"{pointer}/{place}", inner)
    elif isinstance(value, int) and value > CENTS_MAX:
        yield _error(pointer, f"at most {CENTS_MAX}")


def _error(pointer: str, detail: str) -> FieldError:
    return FieldError(pointer=pointer, rule="range", detail=detail)
