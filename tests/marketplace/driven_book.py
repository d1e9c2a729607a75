"""A book and its purses, driven as an actor drives them: for tests that tell what happens to requests and lenders."""

from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from marketplace.allocation.orders import CreditRequest
from marketplace.book.book_decisions import decide
from marketplace.book.book_events import AnyBookEvent
from marketplace.book.commands import AnyBookCommand, Envelope, PlaceOffer, PublishTerms
from marketplace.book.cover_decisions import decide_answers, decide_step
from marketplace.book.journal import BookRecord, decode_book_record, encode_book_record
from marketplace.book.order_book import OrderBook
from marketplace.company_terms import CompanyTerms, RateBand
from marketplace.strategies.offer_terms import OfferTerms
from tests.marketplace.purse_model import PurseModel

Event = TypeVar("Event", bound=AnyBookEvent)

START = datetime(2026, 1, 7, 9, tzinfo=UTC)


def some_terms(**changes: object) -> CompanyTerms:
    fields = {"version": 1, "bands": (RateBand(months=12, floor_bp=400, cap_bp=600),), "max_share_bp": None} | changes
    return CompanyTerms(**fields)  # type: ignore[arg-type]  # a test states only the fields it is about


def an_offer(lender_id: str, *, ask_bp: int = 400, **changes: object) -> OfferTerms:
    fields = {
        "offer_id": f"offer-{lender_id}",
        "lender_id": lender_id,
        "strategy_id": f"strategy-{lender_id}",
        "ask_bp": ask_bp,
        "tier": "B",
        "months": (12,),
        "min_ticket_cents": 1_000,
    } | changes
    return OfferTerms(**fields)  # type: ignore[arg-type]  # a test states only the fields it is about


def a_request(request_id: str = "r1", *, amount_cents: int = 100_000, **changes: object) -> CreditRequest:
    fields = {
        "request_id": request_id,
        "borrower_id": f"borrower-of-{request_id}",
        "amount_cents": amount_cents,
        "min_amount_cents": amount_cents,
        "months": 12,
        "max_rate_bp": 600,
    } | changes
    return CreditRequest(**fields)  # type: ignore[arg-type]  # a test states only the fields it is about


class Market:
    """A book and its purses, driven as an actor drives them: decide, record, apply, ask, record the answers."""

    def __init__(self, purses: PurseModel) -> None:
        self.purses = purses
        self.book = OrderBook("alfa", "bk00")
        self.journal: list[bytes] = []
        self.commands: dict[str, Envelope] = {}
        self.at = START

    def send(self, command: AnyBookCommand, *, after: timedelta = timedelta(0)) -> list[AnyBookEvent]:
        """Everything that happens because of a command, until the book waits for nothing."""
        self.at += after
        command_id = str(UUID(int=len(self.commands)))
        envelope = Envelope(command_id=command_id, company_id="alfa", at=self.at, command=command)
        self.commands[command_id] = envelope
        events = self.record(decide(self.book, envelope), cause_id=command_id)
        while True:
            calls = self.book.purse_calls()
            if calls:
                answers = [self.purses.release(call) for call in calls.releases]
                answers += [self.purses.take(call) for call in calls.takes]
                events += self.record(decide_answers(self.book, answers), cause_id=f"answers:{len(self.journal)}")
            elif stepped := self.step():
                events += stepped
            else:
                return events

    def step(self) -> list[AnyBookEvent]:
        """What the book does of itself next."""
        if not self.book.may_take_a_step():
            return []
        standings = self.purses.standings(self.book.lenders.with_offers())
        return self.record(decide_step(self.book, standings), cause_id=f"step:{len(self.journal)}")

    def record(self, events: list[AnyBookEvent], *, cause_id: str) -> list[AnyBookEvent]:
        """Write events to the journal and apply them as they come back from it."""
        for event in events:
            payload = encode_book_record(BookRecord(company_id="alfa", cause_id=cause_id, at=self.at, event=event))
            self.journal.append(payload)
            self.book.apply(decode_book_record(payload), len(self.journal))
        return events

    def pay_in(self, lender_id: str, cents: int) -> None:
        """Money arrives in a lender's purse."""
        self.purses.spend(lender_id, -cents)

    def pay_in_fresh(self, lender_id: str, cents: int) -> None:
        """Money arrives in a lender's purse at this very instant."""
        self.purses.spend(lender_id, -cents)
        self.purses.fresh[lender_id] = (cents, self.at)

    def replayed(self) -> OrderBook:
        """The book that the journal gives."""
        book = OrderBook("alfa", "bk00")
        for seq, payload in enumerate(self.journal, start=1):
            book.apply(decode_book_record(payload), seq)
        return book


def a_market(free_cents: dict[str, int], terms: CompanyTerms | None = None, **offers: OfferTerms) -> Market:
    market = Market(PurseModel(free_cents))
    market.send(PublishTerms(terms=terms or some_terms()))
    for lender_id in free_cents:
        market.send(PlaceOffer(offer=offers.get(lender_id, an_offer(lender_id))))
    return market


def only(kind: type[Event], events: list[AnyBookEvent]) -> Event:
    """The one event of a kind."""
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, events
    return found[0]
