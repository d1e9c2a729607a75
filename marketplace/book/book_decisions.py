"""What a book answers to a command: the events it causes, never none.

A command is decided on the book as it stands and changes nothing; the caller records the events and then applies them.
Asking for what already stands is acknowledged, asking for what cannot be is refused with what would pass.
"""

from datetime import timedelta

from marketplace.allocation.guarantee import used_cents
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
from marketplace.book.circuit_breakers import LONGEST_WINDOW, BreakerLimits
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
    ResumeBook,
    SetBreakers,
    SignRequest,
    Tick,
    UnbarLender,
    WithdrawOffer,
    YieldHold,
)
from marketplace.book.order_book import OrderBook
from marketplace.book.refusals import (
    AmountNotPositive,
    NoTermsYet,
    OfferBelongsToAnother,
    OfferExistsForStrategy,
    OfferTermsWrong,
    OfferUnknown,
    TermsContradictory,
    TermsVersionUnexpected,
    ValueOutOfRange,
)
from marketplace.book.request_decisions import decide_on_request, refused
from marketplace.company_terms import LARGEST_AMOUNT_CENTS, WHOLE_BP, CompanyTerms, TermsProblem, terms_problems
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
            return [
                PrincipalRepaid(request_id=item.request_id, lender_id=item.lender_id, cents=item.cents)
                for item in repaid
            ] or [CommandAcknowledged()]
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
                return refused(AmountNotPositive(given_cents=cents, maximum_cents=LARGEST_AMOUNT_CENTS))
            return [CompanyBudgetGranted(cents=cents)]
        case PauseBook(by=by):
            return [CommandAcknowledged()] if by in book.pauses else [BookPaused(by=by)]
        case ResumeBook(by=by):
            return [BookResumed(by=by)] if by in book.pauses else [CommandAcknowledged()]
        case SetBreakers(limits=limits):
            return _set_breakers(book, limits)
        case RecordArrears(arrears_bp=arrears_bp):
            return _within("arrears_bp", arrears_bp, WHOLE_BP) or [ArrearsRecorded(arrears_bp=arrears_bp)]
        case BarLender(lender_id=lender_id, bar=bar):
            is_barred = bar in book.lenders.bars.get(lender_id, ())
            return [CommandAcknowledged()] if is_barred else [LenderBarred(lender_id=lender_id, bar=bar)]
        case UnbarLender(lender_id=lender_id, bar=bar):
            is_barred = bar in book.lenders.bars.get(lender_id, ())
            return [LenderUnbarred(lender_id=lender_id, bar=bar)] if is_barred else [CommandAcknowledged()]
        case _:
            raise AssertionError(command)


def _within(setting: str, given: int, maximum: int) -> list[AnyBookEvent]:
    """A refusal when `given` is not between 0 and `maximum`, else nothing."""
    if 0 <= given <= maximum:
        return []
    return refused(ValueOutOfRange(setting=setting, given=given, minimum=0, maximum=maximum))


def _set_breakers(book: OrderBook, limits: BreakerLimits | None) -> list[AnyBookEvent]:
    if limits == book.breakers:
        return [CommandAcknowledged()]
    if limits is not None:
        longest = LONGEST_WINDOW // timedelta(minutes=1)
        if not 1 <= limits.window_minutes <= longest:
            return refused(
                ValueOutOfRange(setting="window_minutes", given=limits.window_minutes, minimum=1, maximum=longest)
            )
        for setting in ("most_cents", "most_covers", "most_rate_move_bp"):
            given = getattr(limits, setting)
            if given is not None and (wrong := _within(setting, given, LARGEST_AMOUNT_CENTS)):
                return wrong
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


def standing_problems(book: OrderBook, terms: CompanyTerms) -> tuple[TermsProblem, ...]:
    """What `terms` would break of what stands in the book: lenders keep the guarantee they lent under."""
    guarantee, present = terms.guarantee, None if book.terms is None else book.terms.guarantee
    if present is None or book.guaranteed_cents == 0:
        return ()
    if guarantee is None:
        needed = f"a guarantee while {book.guaranteed_cents} cents of lenders' principal stand under it"
        return (TermsProblem(field="guarantee", given="none", accepted=needed),)
    in_use_cents = used_cents(present, guaranteed_cents=book.guaranteed_cents)
    needed_cents = -(-in_use_cents * guarantee.coverage_bp // WHOLE_BP)
    if guarantee.limit_cents < needed_cents:
        return (
            TermsProblem(
                field="guarantee.limit_cents", given=str(guarantee.limit_cents), accepted=f"{needed_cents} or more"
            ),
        )
    return ()


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
