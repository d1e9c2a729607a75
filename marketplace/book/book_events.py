"""What happened in a company's order book: the only facts the book's journal stores.

An event names fills by place: the fills of an event at sequence `seq` of shard `bk07` are `bk07.<seq>.0`,
`bk07.<seq>.1`… in the order of its legs, and the cover is `bk07:<seq>` of its `CoverProposed`. So the terms of a fill
stand in the event that created it and never change.
"""

from datetime import datetime
from typing import Literal

import msgspec

from marketplace.allocation.orders import Bar, CreditRequest
from marketplace.allocation.receipts import Receipt
from marketplace.book.circuit_breakers import BreakerLimits, BreakerTrip
from marketplace.book.refusals import BookRefusal
from marketplace.company_terms import CompanyTerms
from marketplace.strategies.offer_terms import OfferTerms


class BookEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of every fact in a book's journal."""


class TermsPublished(BookEvent, frozen=True, kw_only=True, tag="terms_published"):
    """A version of the company's terms is in force from the next decision on."""

    terms: CompanyTerms


class CompanyBudgetGranted(BookEvent, frozen=True, kw_only=True, tag="company_budget_granted"):
    """The company set `cents` more aside for its own tranches."""

    cents: int


PausedBy = Literal["company", "operations", "breaker"]


class BookPaused(BookEvent, frozen=True, kw_only=True, tag="book_paused"):
    """No cover is proposed until `by` lets the book go on; what is covered stands. `trip`: what a breaker met."""

    by: PausedBy
    trip: BreakerTrip | None = None


class BookResumed(BookEvent, frozen=True, kw_only=True, tag="book_resumed"):
    """`by` lets the book go on; it still waits for others who paused it."""

    by: PausedBy


class BreakersSet(BookEvent, frozen=True, kw_only=True, tag="breakers_set"):
    """The alarms that pause this book by themselves; None switches them off."""

    limits: BreakerLimits | None


class StagingSet(BookEvent, frozen=True, kw_only=True, tag="staging_set"):
    """The platform's setting: new cash is shown one `tick_ms` (milliseconds) later per tier below A; 0 at once."""

    tick_ms: int


class ArrearsRecorded(BookEvent, frozen=True, kw_only=True, tag="arrears_recorded"):
    """The share of the company's outstanding principal that is in arrears, which lenders may filter by."""

    arrears_bp: int


class LenderBarred(BookEvent, frozen=True, kw_only=True, tag="lender_barred"):
    """The lender does not lend in this book while `bar` stands; its place in the rotation is kept."""

    lender_id: str
    bar: Bar


class LenderUnbarred(BookEvent, frozen=True, kw_only=True, tag="lender_unbarred"):
    """`bar` no longer keeps the lender out."""

    lender_id: str
    bar: Bar


class OfferPlaced(BookEvent, frozen=True, kw_only=True, tag="offer_placed"):
    """An offer stands in the book, new or with new terms. `sequence` is its order of first arrival."""

    offer: OfferTerms
    sequence: int


class OfferWithdrawn(BookEvent, frozen=True, kw_only=True, tag="offer_withdrawn"):
    """An offer left the book."""

    offer_id: str


class RequestOpened(BookEvent, frozen=True, kw_only=True, tag="request_opened"):
    """A request waits for a cover. Its `approval_sequence` is final."""

    request: CreditRequest
    expires_at: datetime


class RequestClosed(BookEvent, frozen=True, kw_only=True, tag="request_closed"):
    """A request left the book without a loan."""

    request_id: str
    why: Literal["cancelled", "expired", "lapsed"]


class HoldingBegan(BookEvent, frozen=True, kw_only=True, tag="holding_began"):
    """The request waited for longer than the company's patience: from now on its fills are held as they come."""

    request_id: str


class Standing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one lender's purse said it could spend: `free_cents` without the lender's reserve, at version `ver`.

    `fresh_cents` of them came at `fresh_at`, the latest moment when the free money grew.
    """

    lender_id: str
    ver: int
    free_cents: int
    cash_since_at: datetime
    rooms: dict[str, int]
    """Cents that may still be promised under each limit of the purse, by key (`strategy_limits`)."""
    fresh_cents: int = 0
    fresh_at: datetime | None = None


class StandingsObserved(BookEvent, frozen=True, kw_only=True, tag="standings_observed"):
    """The book looked at the purses of its lenders; only what had changed is listed. A hint, never a promise."""

    standings: tuple[Standing, ...]


class CoverLeg(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One lender's part of a planned cover.

    The purse grants at most `cents` and nothing below `min_cents`. `replaces` names the fill this leg takes the place
    of, swapped in one step by the purse. `kept_fill_id` names a promise that stands unchanged: nothing is asked for it.
    """

    lender_id: str
    offer_id: str
    strategy_id: str
    cents: int
    min_cents: int
    replaces: str | None = None
    kept_fill_id: str | None = None


class PlannedCover(msgspec.Struct, frozen=True, kw_only=True):
    """A whole plan: legs plus company tranche fund `amount_cents` at one clearing rate.

    While `is_holding`, the plan still falls short of the request: its legs are kept until more come or time is up.
    """

    amount_cents: int
    rate_bp: int
    loan_rate_cbp: int
    company_cents: int
    dust: Literal["none", "backstop", "shrunk", "shaved"]
    legs: tuple[CoverLeg, ...]
    rotated_lender_ids: tuple[str, ...]
    receipt: Receipt
    is_holding: bool = False


class CoverProposed(BookEvent, frozen=True, kw_only=True, tag="cover_proposed"):
    """A walk covered the request, or part of one that is held; caps, tranche and head-room are reserved before any
    purse is asked."""

    request_id: str
    plan: PlannedCover


class LegTaken(BookEvent, frozen=True, kw_only=True, tag="leg_taken"):
    """A purse promised `cents` to a fill. `free_cents` and `ver` are its standing after that."""

    cover_id: str
    fill_id: str
    cents: int
    ver: int
    free_cents: int


class LegDenied(BookEvent, frozen=True, kw_only=True, tag="leg_denied"):
    """A purse could not promise the fill's minimum."""

    cover_id: str
    fill_id: str
    ver: int
    free_cents: int


class CoverAmended(BookEvent, frozen=True, kw_only=True, tag="cover_amended"):
    """The walk was repeated on what the purses answered: the whole new plan.

    `round` counts from 1 to 3; 0 is the first round of a plan for a request that held fills before, or of those fills
    themselves. A cover that falls back to what it holds is tried again from `not_before_at` on.
    """

    cover_id: str
    request_id: str
    round: int
    plan: PlannedCover
    not_before_at: datetime | None = None


class HoldLifted(BookEvent, frozen=True, kw_only=True, tag="hold_lifted"):
    """A lender took back what it holds for a request that is not covered yet; it is not asked for it again."""

    cover_id: str
    request_id: str
    lender_id: str


class CoveredFill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fill of a complete cover, promised by its purse for exactly `cents`."""

    fill_id: str
    lender_id: str
    strategy_id: str
    cents: int


class Covered(BookEvent, frozen=True, kw_only=True, tag="covered"):
    """Every leg is promised to the cent; the borrower may sign until `accept_until_at`."""

    cover_id: str
    request_id: str
    borrower_id: str
    amount_cents: int
    company_cents: int
    months: int
    rate_bp: int
    loan_rate_cbp: int
    terms_version: int
    accept_until_at: datetime
    fills: tuple[CoveredFill, ...]


class CoverReleased(BookEvent, frozen=True, kw_only=True, tag="cover_released"):
    """A cover is given up; its promises are to be released. The request keeps its place, and after a failure is tried
    again from `not_before_at` on."""

    cover_id: str
    request_id: str
    why: Literal["failed", "cancelled", "lapsed", "expired", "yielded"]
    not_before_at: datetime | None = None


class LegReleased(BookEvent, frozen=True, kw_only=True, tag="leg_released"):
    """A purse confirmed that a fill holds no money any more."""

    cover_id: str
    fill_id: str
    answer: Literal["released", "void", "denied", "replaced", "gone"]
    ver: int
    free_cents: int


class RequestSigned(BookEvent, frozen=True, kw_only=True, tag="request_signed"):
    """The borrower signed: the named fills and the company's tranche are to be paid."""

    cover_id: str
    request_id: str
    fills: tuple[CoveredFill, ...]
    company_cents: int


class PrincipalRepaid(BookEvent, frozen=True, kw_only=True, tag="principal_repaid"):
    """Principal (cents) came back to one lender of one request."""

    request_id: str
    lender_id: str
    cents: int


class CommandRefused(BookEvent, frozen=True, kw_only=True, tag="command_refused"):
    """A command was decided: no, and why."""

    refusal: BookRefusal


class CommandAcknowledged(BookEvent, frozen=True, kw_only=True, tag="command_acknowledged"):
    """A command was decided and changed nothing by itself: what it asks for already stands, or it asks for nothing, as
    the passing of time does, from which only the next step follows."""


AnyBookEvent = (
    TermsPublished
    | CompanyBudgetGranted
    | BookPaused
    | BookResumed
    | BreakersSet
    | StagingSet
    | ArrearsRecorded
    | LenderBarred
    | LenderUnbarred
    | OfferPlaced
    | OfferWithdrawn
    | RequestOpened
    | HoldingBegan
    | RequestClosed
    | StandingsObserved
    | CoverProposed
    | LegTaken
    | LegDenied
    | CoverAmended
    | HoldLifted
    | Covered
    | CoverReleased
    | LegReleased
    | RequestSigned
    | PrincipalRepaid
    | CommandRefused
    | CommandAcknowledged
)
