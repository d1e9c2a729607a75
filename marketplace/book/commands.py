"""What may be asked of a company's order book.

A command travels in an `Envelope`, whose id its sender chooses: sending the same envelope again is harmless, because
a book decides an id once. A command carries every instant it needs; a book never reads a clock.
"""

from datetime import datetime

import msgspec

from marketplace.allocation.orders import Bar, CreditRequest
from marketplace.book.book_events import PausedBy
from marketplace.book.circuit_breakers import BreakerLimits
from marketplace.company_terms import CompanyTerms
from marketplace.strategies.offer_terms import OfferTerms


class BookCommand(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """Base of everything a book can be asked."""


class PublishTerms(BookCommand, frozen=True, kw_only=True, tag="publish_terms"):
    """Put a new version of the company's terms in force; `terms.version` is the present one plus one."""

    terms: CompanyTerms


class GrantCompanyBudget(BookCommand, frozen=True, kw_only=True, tag="grant_company_budget"):
    """Add money the company has set aside for its own tranches (cents, positive). Only this book spends it."""

    cents: int


class PlaceOffer(BookCommand, frozen=True, kw_only=True, tag="place_offer"):
    """Place a lender's standing offer, or replace its terms; its place in the rotation belongs to the lender."""

    offer: OfferTerms


class WithdrawOffer(BookCommand, frozen=True, kw_only=True, tag="withdraw_offer"):
    """Take an offer out of the book. What it has already promised to a cover stays promised."""

    offer_id: str


class OpenRequest(BookCommand, frozen=True, kw_only=True, tag="open_request"):
    """Put an assessed request in the book. `approval_sequence` is given by the book."""

    request: CreditRequest


class CancelRequest(BookCommand, frozen=True, kw_only=True, tag="cancel_request"):
    """Close a request that has not been signed; a cover it holds is released."""

    request_id: str


class SignRequest(BookCommand, frozen=True, kw_only=True, tag="sign_request"):
    """Bind a confirmed cover: from now on payments alone close its fills."""

    request_id: str
    cover_id: str


class LapseRequest(BookCommand, frozen=True, kw_only=True, tag="lapse_request"):
    """The borrower did not sign in time: release the cover, every lender keeps its place."""

    request_id: str
    cover_id: str


class PauseBook(BookCommand, frozen=True, kw_only=True, tag="pause_book"):
    """Propose no more covers until the same party resumes; a pause by the company refuses new requests, too."""

    by: PausedBy


class ResumeBook(BookCommand, frozen=True, kw_only=True, tag="resume_book"):
    """Take back one party's pause; a tripped breaker is reset as `breaker`."""

    by: PausedBy


class SetBreakers(BookCommand, frozen=True, kw_only=True, tag="set_breakers"):
    """Replace the alarms that pause the book by themselves; None switches them off."""

    limits: BreakerLimits | None


class RecordArrears(BookCommand, frozen=True, kw_only=True, tag="record_arrears"):
    """Tell the book what share (basis points) of the company's outstanding principal is in arrears."""

    arrears_bp: int


class BarLender(BookCommand, frozen=True, kw_only=True, tag="bar_lender"):
    """Keep a lender from lending in this book for one reason; promises already made stand."""

    lender_id: str
    bar: Bar


class UnbarLender(BookCommand, frozen=True, kw_only=True, tag="unbar_lender"):
    """Take one reason back; the lender lends again when none is left, at the place it had."""

    lender_id: str
    bar: Bar


class LiftHold(BookCommand, frozen=True, kw_only=True, tag="lift_hold"):
    """A lender takes back what it holds for a request that is not covered yet."""

    request_id: str
    lender_id: str


class YieldHold(BookCommand, frozen=True, kw_only=True, tag="yield_hold"):
    """Give back everything a request holds, so that another may be completed; it keeps its place and tries again."""

    request_id: str


class RepaidPrincipal(msgspec.Struct, frozen=True, kw_only=True):
    """Principal (cents, positive) that came back to one lender of one request."""

    request_id: str
    lender_id: str
    cents: int


class RecordRepayments(BookCommand, frozen=True, kw_only=True, tag="record_repayments"):
    """Free the head-room that returned principal was using: the company caps of lenders and the guarantee."""

    repaid: tuple[RepaidPrincipal, ...]


class Tick(BookCommand, frozen=True, kw_only=True, tag="tick"):
    """Time passed: look again at what lenders can spend and at the requests that wait."""


AnyBookCommand = (
    PublishTerms
    | GrantCompanyBudget
    | PlaceOffer
    | WithdrawOffer
    | OpenRequest
    | CancelRequest
    | SignRequest
    | LapseRequest
    | RecordRepayments
    | PauseBook
    | ResumeBook
    | SetBreakers
    | RecordArrears
    | BarLender
    | UnbarLender
    | LiftHold
    | YieldHold
    | Tick
)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A command on its way to a book.

    `command_id` is chosen by the sender and decided once; `at` is the instant (UTC) the command speaks of;
    after `deadline_at`, if any, the mailbox no longer accepts it.
    """

    command_id: str
    company_id: str
    at: datetime
    command: AnyBookCommand
    deadline_at: datetime | None = None
