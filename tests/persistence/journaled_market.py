"""A small market driven through the pure core, whose journals and rows are what the real processes would write."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from marketplace.book_decisions import decide
from marketplace.book_events import AnyBookEvent
from marketplace.commands import AnyBookCommand, Envelope, OpenRequest, PlaceOffer, PublishTerms, SignRequest
from marketplace.company_terms import CompanyMoney, CompanyTerms, RateBand
from marketplace.cover_decisions import decide_answers, decide_cover
from marketplace.journal import BookRecord
from marketplace.offer_terms import OfferTerms
from marketplace.order_book import OrderBook
from marketplace.orders import CreditRequest
from marketplace.postings import company_budget_granted, company_wire_received, lender_wire_received
from marketplace.purse_calls import PurseAnswer, ReleaseCall, TakeCall
from marketplace.purse_events import (
    AnyPurseEvent,
    Deposited,
    FillDenied,
    FillReleased,
    FillTaken,
    FillVoided,
    WithdrawalHeld,
)
from persistence.command_rows import record_command
from persistence.connection import Connection
from persistence.ledger import record_entry
from persistence.purse_instructions import purse_instruction_id
from tests.marketplace.purse_model import PurseModel
from tests.persistence.memory_journals import MemoryJournals

START = datetime(2026, 1, 7, 9, tzinfo=UTC)
BOOK_SHARD = "bk00"
PURSE_SHARDS = ("pu00", "pu01")


def id_of(name: str) -> str:
    """The UUID of a party, request or command that a test calls by name."""
    return str(uuid5(NAMESPACE_OID, name))


def wallet_of(name: str) -> str:
    """The wallet of a party that a test calls by name."""
    return f"w-{id_of(name)[:13]}"


def purse_shard_of(name: str) -> str:
    """Lenders with an odd number of letters live on the second purse shard."""
    return PURSE_SHARDS[len(name) % 2]


class JournaledMarket:
    """One company `alfa` whose book is driven as its actor drives it; every step is journaled as the store would.

    Parties, requests and commands have their rows in PostgreSQL before the journals speak of them.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.journals = MemoryJournals(BOOK_SHARD, *PURSE_SHARDS)
        self.purses = PurseModel({})
        self.book = OrderBook(id_of("alfa"), BOOK_SHARD)
        self.at = START
        self.before_asking: Callable[[], Awaitable[object]] | None = None
        """Something that happens once, between a book's proposal and its asking the purses."""
        self._names: dict[str, str] = {}

    async def add_company(self, *, budget_cents: int = 0) -> None:
        await self._add_party("alfa", "company")
        await self.connection.execute("INSERT INTO company (id, name) VALUES ($1, 'Alfa')", id_of("alfa"))
        if budget_cents:
            await record_entry(
                self.connection,
                company_wire_received(
                    money_in_id="of-alfa",
                    at=self.at,
                    wallet_id=wallet_of("alfa"),
                    company_id=id_of("alfa"),
                    cents=budget_cents,
                ),
            )
            await record_entry(
                self.connection,
                company_budget_granted(grant_id="g1", at=self.at, company_id=id_of("alfa"), cents=budget_cents),
            )

    async def publish(self, *, company_money: CompanyMoney | None = None) -> None:
        await self.send(
            PublishTerms(
                terms=CompanyTerms(
                    version=1,
                    bands=(RateBand(months=12, floor_bp=400, cap_bp=600),),
                    max_share_bp=None,
                    company_money=company_money or CompanyMoney(),
                )
            )
        )

    async def add_lender(self, name: str, *, cents: int) -> None:
        """A lender with money in its wallet and a standing offer."""
        self._names[id_of(name)] = name
        await self._add_party(name, "lender_person")
        await self.deposit(name, cents)
        await self.send(
            PlaceOffer(
                offer=OfferTerms(
                    offer_id=id_of(f"offer of {name}"),
                    lender_id=id_of(name),
                    strategy_id=id_of(f"strategy of {name}"),
                    ask_bp=400,
                    tier="B",
                    months=(12,),
                    min_ticket_cents=1_000,
                )
            )
        )

    async def deposit(self, name: str, cents: int) -> None:
        """A wire: row, ledger entry and step for the purse, which the purse takes at once."""
        lender_id, money_in_id = id_of(name), f"of-{name}-{len(self.journals.entries[purse_shard_of(name)])}"
        await record_entry(
            self.connection,
            lender_wire_received(
                money_in_id=money_in_id, at=self.at, wallet_id=wallet_of(name), lender_id=lender_id, cents=cents
            ),
        )
        await self.connection.execute(
            "INSERT INTO purse_instruction (id, lender_id, operation, ref, cents, at)"
            " VALUES ($1, $2, 'deposit', $3, $4, $5)",
            purse_instruction_id("deposit", money_in_id),
            lender_id,
            money_in_id,
            cents,
            self.at,
        )
        self.purses.free_cents[lender_id] = self.purses.free_cents.get(lender_id, 0) + cents
        self.purses.vers[lender_id] = self.purses.vers.get(lender_id, 0) + 1
        self.journal_purse(name, Deposited(ref=money_in_id, cents=cents, reserved_cents=0, **self.standing(name)))

    async def open_request(self, name: str, *, cents: int, max_rate_bp: int = 600) -> list[AnyBookEvent]:
        """A borrower's assessed request goes to the book, which covers it if it can."""
        borrower = f"borrower of {name}"
        await self._add_party(borrower, "borrower")
        await self.connection.execute(
            "INSERT INTO credit_request (id, company_id, borrower_id, amount_cents, min_amount_cents, months,"
            " max_rate_bp, state, command_id, created_at) VALUES ($1, $2, $3, $4, $4, 12, $5, 'opening', $6, $7)",
            id_of(name),
            id_of("alfa"),
            id_of(borrower),
            cents,
            max_rate_bp,
            id_of(f"open {name}"),
            self.at,
        )
        request = CreditRequest(
            request_id=id_of(name),
            borrower_id=id_of(borrower),
            amount_cents=cents,
            min_amount_cents=cents,
            months=12,
            max_rate_bp=max_rate_bp,
        )
        return await self.send(OpenRequest(request=request), command_id=id_of(f"open {name}"))

    async def sign(self, name: str) -> list[AnyBookEvent]:
        cover_id = self.book.requests[id_of(name)].cover_id
        assert cover_id is not None
        return await self.send(SignRequest(request_id=id_of(name), cover_id=cover_id), command_id=id_of(f"sign {name}"))

    async def send(
        self, command: AnyBookCommand, *, command_id: str | None = None, after: timedelta = timedelta(0)
    ) -> list[AnyBookEvent]:
        """A command's row, then everything that happens because of it until the book waits for nothing."""
        self.at += after
        envelope = Envelope(
            command_id=command_id or id_of(f"command {len(self.journals.entries[BOOK_SHARD])}"),
            company_id=self.book.company_id,
            at=self.at,
            command=command,
        )
        await record_command(self.connection, envelope)
        events = self._record(decide(self.book, envelope), cause_id=envelope.command_id)
        while True:
            calls = self.book.purse_calls()
            if calls:
                if self.before_asking is not None:
                    happen, self.before_asking = self.before_asking, None
                    await happen()
                answers = [self._release(call) for call in calls.releases] + [self._take(call) for call in calls.takes]
                events += self._record(decide_answers(self.book, answers), cause_id="answers")
            elif not (covering := self._cover()):
                return events
            else:
                events += covering

    async def hold_for_payout(self, name: str, cents: int) -> str:
        """A payout is asked for, and the lender's purse sets the money aside; the id of the payout."""
        lender_id, payout_id = id_of(name), id_of(f"payout of {name}")
        account_id = id_of(f"account of {name}")
        await self.connection.execute(
            "INSERT INTO bank_account (id, party_id, iban, holder, state) VALUES ($1, $2, 'IT00', $3, 'active')",
            account_id,
            lender_id,
            name,
        )
        await self.connection.execute(
            "INSERT INTO payout (id, participant_kind, participant_id, bank_account_id, cents, at)"
            " VALUES ($1, 'lender', $2, $3, $4, $5)",
            payout_id,
            lender_id,
            account_id,
            cents,
            self.at,
        )
        self.purses.spend(lender_id, cents)
        self.journal_purse(name, WithdrawalHeld(ref=payout_id, cents=cents, **self.standing(name)))
        return payout_id

    def standing(self, name: str) -> dict[str, Any]:
        """The fields that every event of a lender's purse carries."""
        lender_id = id_of(name)
        return {
            "lender_id": lender_id,
            "at": self.at,
            "ver": self.purses.vers[lender_id],
            "free_cents": self.purses.free_cents[lender_id],
        }

    def journal_purse(self, name: str, event: AnyPurseEvent) -> None:
        self.journals.append_purse(purse_shard_of(name), event)

    # ── the book and its purses ─────────────────────────────────────────────

    def _cover(self) -> list[AnyBookEvent]:
        if self.book.terms is None or not self.book.waits_for_cover():
            return []
        standings = self.purses.standings(self.book.lenders_with_offers())
        return self._record(decide_cover(self.book, standings), cause_id="cover")

    def _record(self, events: list[AnyBookEvent], *, cause_id: str) -> list[AnyBookEvent]:
        for event in events:
            record = BookRecord(company_id=self.book.company_id, cause_id=cause_id, at=self.at, event=event)
            self.book.apply(record, self.journals.append_book(BOOK_SHARD, record))
        return events

    def _take(self, call: TakeCall) -> PurseAnswer:
        name = self._names[call.lender_id]
        replaced_cents = self.purses.taken[call.replaces][1] if call.replaces else 0
        answer = self.purses.take(call)
        if answer.outcome == "denied":
            self.journal_purse(name, FillDenied(ref=call.fill_id, want_cents=call.cents, **self.standing(name)))
            return answer
        taken = FillTaken(
            ref=call.fill_id,
            strategy_id=call.strategy_id,
            want_cents=call.cents,
            cents=answer.cents,
            replaced_fill_id=call.replaces,
            replaced_cents=replaced_cents,
            **self.standing(name),
        )
        self.journal_purse(name, taken)
        return answer

    def _release(self, call: ReleaseCall) -> PurseAnswer:
        name = self._names[call.lender_id]
        promised = self.purses.taken.get(call.fill_id)
        answer = self.purses.release(call)
        if promised is None:
            self.journal_purse(name, FillVoided(ref=call.fill_id, **self.standing(name)))
        else:
            self.journal_purse(name, FillReleased(ref=call.fill_id, cents=promised[1], **self.standing(name)))
        return answer

    async def _add_party(self, name: str, kind: str) -> None:
        await self.connection.execute(
            "INSERT INTO party (id, kind, name, wallet_id, kyc_state) VALUES ($1, $2, $3, $4, 'accepted')",
            id_of(name),
            kind,
            name,
            wallet_of(name),
        )
