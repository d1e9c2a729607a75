"""What a book answers to a command: the events it causes, never none.

A command is decided on the book as it stands and changes nothing; the caller records the events and then applies them.
Asking for what already stands is acknowledged, asking for what cannot be is refused with what would pass.
"""

from collections.abc import Sequence

from marketplace.book.book_events import (
    AnyBookEvent,
    ArrearsRecorded,
    BookPaused,
    BookResumed,
    BreakersSet,
    CommandAcknowledged,
    CompanyBudgetGranted,
    LenderBarred,
    LenderUnbarred,
    OfferPlaced,
    OfferWithdrawn,
    PrincipalRepaid,
    TermsPublished,
)
from marketplace.book.book_lenders import terms_of
from marketplace.book.booked_requests import RequestState
from marketplace.book.circuit_breakers import BreakerLimits, breaker_problems
from marketplace.book.commands import (
    AnyBookCommand,
    BarLender,
    CancelRequest,
    Envelope,
    GrantCompanyBudget,
    LapseRequest,
    LiftHold,
    OpenRequest,
    PauseBook,
    PlaceOffer,
    PublishTerms,
    RecordArrears,
    RecordRepayments,
    RepaidPrincipal,
    ResumeBook,
    SetBreakers,
    SignRequest,
    Tick,
    UnbarLender,
    WithdrawOffer,
    YieldHold,
)
from marketplace.book.guarantees_given import standing_problems
from marketplace.book.order_book import OrderBook
from marketplace.book.refusals import (
    BreakerLimitsWrong,
    NoTermsYet,
    OfferBelongsToAnother,
    OfferExistsForStrategy,
    OfferTermsWrong,
    OfferUnknown,
    RequestUnknown,
    TermsContradictory,
    TermsVersionUnexpected,
    ValueOutOfRange,
    WrongState,
)
from marketplace.book.request_decisions import decide_on_request, refused
from marketplace.company_terms import LARGEST_AMOUNT_CENTS, WHOLE_BP, CompanyTerms
from marketplace.company_terms_problems import terms_problems
from marketplace.strategies.offer_problems import offer_problems
from marketplace.strategies.offer_terms import OfferTerms


def decide(book: OrderBook, envelope: Envelope) -> list[AnyBookEvent]:
    """The events `envelope` causes; the first one is its outcome."""
    match envelope.command:
        case OpenRequest() | CancelRequest() | SignRequest() | LapseRequest() | LiftHold() | YieldHold() as command:
            return decide_on_request(book, command, envelope.at)
        case PlaceOffer(offer=offer):
            return _place(book, offer)
        case WithdrawOffer(offer_id=offer_id):
            if offer_id not in book.lenders.offers:
                return refused(OfferUnknown(offer_id=offer_id))
            return [OfferWithdrawn(offer_id=offer_id)]
        case RecordRepayments(repaid=repaid):
            return _repay(book, repaid)
        case Tick():
            return [CommandAcknowledged()]
        case _ as command:
            return _decide_setting(book, command)


def _decide_setting(book: OrderBook, command: AnyBookCommand) -> list[AnyBookEvent]:
    """Commands that set how the book runs, or who may lend in it."""
    match command:
        case PublishTerms(terms=terms):
            return _publish(book, terms)
        case GrantCompanyBudget(cents=cents):
            if not 0 < cents <= LARGEST_AMOUNT_CENTS:
                return refused(ValueOutOfRange(setting="cents", given=cents, minimum=1, maximum=LARGEST_AMOUNT_CENTS))
            return [CompanyBudgetGranted(cents=cents)]
        case PauseBook(by=by):
            return [CommandAcknowledged()] if by in book.pauses else [BookPaused(by=by)]
        case ResumeBook(by=by):
            return [BookResumed(by=by)] if by in book.pauses else [CommandAcknowledged()]
        case SetBreakers(limits=limits):
            return _set_breakers(book, limits)
        case RecordArrears(arrears_bp=arrears_bp):
            if not 0 <= arrears_bp <= WHOLE_BP:
                return refused(ValueOutOfRange(setting="arrears_bp", given=arrears_bp, minimum=0, maximum=WHOLE_BP))
            return [ArrearsRecorded(arrears_bp=arrears_bp)]
        case BarLender(lender_id=lender_id, bar=bar):
            is_barred = bar in book.lenders.bars.get(lender_id, ())
            return [CommandAcknowledged()] if is_barred else [LenderBarred(lender_id=lender_id, bar=bar)]
        case UnbarLender(lender_id=lender_id, bar=bar):
            is_barred = bar in book.lenders.bars.get(lender_id, ())
            return [LenderUnbarred(lender_id=lender_id, bar=bar)] if is_barred else [CommandAcknowledged()]
        case _:
            raise AssertionError(command)


def _set_breakers(book: OrderBook, limits: BreakerLimits | None) -> list[AnyBookEvent]:
    if limits == book.breakers:
        return [CommandAcknowledged()]
    if limits is not None and (problems := breaker_problems(limits)):
        return refused(BreakerLimitsWrong(problems=problems))
    return [BreakersSet(limits=limits)]


def _publish(book: OrderBook, terms: CompanyTerms) -> list[AnyBookEvent]:
    if book.terms == terms:
        return [CommandAcknowledged()]
    expected = 1 if book.terms is None else book.terms.version + 1
    if terms.version != expected:
        return refused(TermsVersionUnexpected(given_version=terms.version, expected_version=expected))
    if problems := (*terms_problems(terms), *standing_problems(book, terms)):
        return refused(TermsContradictory(problems=problems))
    return [TermsPublished(terms=terms)]


def _repay(book: OrderBook, repaid: Sequence[RepaidPrincipal]) -> list[AnyBookEvent]:
    """Free what came back; refused whole when any of it cannot have been lent."""
    left: dict[tuple[str, str], int] = {}
    for item in repaid:
        booked = book.requests.get(item.request_id)
        if booked is None:
            return refused(RequestUnknown(request_id=item.request_id))
        if booked.state is not RequestState.SIGNED:
            return refused(WrongState(request_id=item.request_id, state=booked.state, allowed=("signed",)))
        lent_to_borrower = book.exposures.get(booked.request.borrower_id, {})
        key = booked.request.borrower_id, item.lender_id
        outstanding_cents = left.get(key, lent_to_borrower.get(item.lender_id, 0))
        if not 0 < item.cents <= outstanding_cents:
            return refused(
                ValueOutOfRange(setting="repaid_cents", given=item.cents, minimum=1, maximum=outstanding_cents)
            )
        left[key] = outstanding_cents - item.cents
    return [
        PrincipalRepaid(request_id=item.request_id, lender_id=item.lender_id, cents=item.cents) for item in repaid
    ] or [CommandAcknowledged()]


def _place(book: OrderBook, offer: OfferTerms) -> list[AnyBookEvent]:
    if book.terms is None:
        return refused(NoTermsYet())
    standing = book.lenders.offers.get(offer.offer_id)
    if standing is not None and (standing.lender_id, standing.strategy_id) != (offer.lender_id, offer.strategy_id):
        return refused(OfferBelongsToAnother(offer_id=offer.offer_id))
    if problems := offer_problems(offer):
        return refused(OfferTermsWrong(problems=problems))
    if standing is not None:
        if terms_of(standing) == offer:
            return [CommandAcknowledged()]
        return [OfferPlaced(offer=offer, sequence=standing.sequence)]
    other_id = book.lenders.offer_id_of(offer.lender_id, offer.strategy_id)
    if other_id is not None:
        return refused(OfferExistsForStrategy(offer_id=other_id))
    return [OfferPlaced(offer=offer, sequence=book.next_offer_sequence)]
