"""A small market driven through the pure core, whose journals and rows are what the real processes would write."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import msgspec

from marketplace.allocation.orders import CreditRequest
from marketplace.book.book_decisions import decide
from marketplace.book.book_events import AnyBookEvent, StagingSet
from marketplace.book.commands import (
    AnyBookCommand,
    CancelRequest,
    Envelope,
    GrantCompanyBudget,
    OpenRequest,
    PlaceOffer,
    PublishTerms,
    SignRequest,
)
from marketplace.book.cover_decisions import decide_answers, decide_step
from marketplace.book.journal import BookRecord
from marketplace.book.order_book import OrderBook
from marketplace.book.purse_calls import PurseAnswer, ReleaseCall, TakeCall
from marketplace.book.purse_events import (
    AnyPurseEvent,
    Deposited,
    FillDenied,
    FillLent,
    FillReleased,
    FillSent,
    FillTaken,
    FillVoided,
    UseFreed,
    WithdrawalHeld,
    WithdrawalRefused,
    WithdrawalSent,
)
from marketplace.company_terms import CompanyMoney, CompanyTerms, RateBand
from marketplace.postings import company_budget_granted
from marketplace.strategies.offer_terms import OfferTerms
from persistence.collection_results import record_collected
from persistence.collections_book import due_to_hand_in, request_collection
from persistence.command_rows import record_command
from persistence.connection import Pool
from persistence.distribution import net_receipts
from persistence.executed_movements import book_executed
from persistence.instructions import start_sending
from persistence.ledger import record_entry
from persistence.payouts import NewPayout, ask_payout
from persistence.projector import Projector
from persistence.wires import ReceivedWire, record_wire
from tests.marketplace.purse_model import PurseModel
from tests.persistence.memory_journals import MemoryJournals

START = datetime(2026, 1, 7, 9, tzinfo=UTC)
BOOK_SHARD = "bk00"
PURSE_SHARDS = ("pu00", "pu01")
COLLECTION_WALLET = "collection"


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

    def __init__(self, database_url: str, pool: Pool) -> None:
        self.pool = pool
        self.journals = MemoryJournals(BOOK_SHARD, *PURSE_SHARDS)
        self.purses = PurseModel({})
        self.book = OrderBook(id_of("alfa"), BOOK_SHARD)
        self.at = START
        self.before_asking: Callable[[], Awaitable[object]] | None = None
        """Something that happens once, between a book's proposal and its asking the purses."""
        self._database_url = database_url
        self._lenders: dict[str, str] = {}
        self._movements = 0

    # ── parties ─────────────────────────────────────────────────────────────

    async def add_company(self, *, budget_cents: int = 0, money: CompanyMoney | None = None, **terms: Any) -> None:
        """`alfa` with terms in force: 12 months between 4 and 6 %, no cap on a lender's share, and `terms`;
        `budget_cents` set aside for its tranches."""
        await self._add_party("alfa", "company")
        await self.pool.execute("INSERT INTO company (id, name) VALUES ($1, 'Alfa')", id_of("alfa"))
        bands = (RateBand(months=12, floor_bp=400, cap_bp=600),)
        fields = {"max_share_bp": None, "company_money": money or CompanyMoney()} | terms
        await self.send(PublishTerms(terms=CompanyTerms(version=1, bands=bands, **fields)))
        if budget_cents:
            await self._wire("alfa", budget_cents)
            grant = company_budget_granted(grant_id="g1", at=self.at, company_id=id_of("alfa"), cents=budget_cents)
            async with self.pool.acquire() as connection:
                await record_entry(connection, grant)
            await self.send(GrantCompanyBudget(cents=budget_cents))

    async def add_lender(self, name: str, *, cents: int) -> None:
        """A lender with money in its wallet, a bank account, and a standing offer."""
        self._lenders[id_of(name)] = name
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
        """A wire that the lender's purse hears of at once."""
        await self._wire(name, cents)
        await self.take_purse_steps()

    async def _wire(self, name: str, cents: int) -> None:
        self._movements += 1
        wire = ReceivedWire(
            money_in_id=f"90{self._movements}", wallet_id=wallet_of(name), cents=cents, executed_at=self.at
        )
        assert await record_wire(self.pool, wire)

    async def _add_party(self, name: str, kind: str) -> None:
        await self.pool.execute(
            "INSERT INTO party (id, kind, name, wallet_id, kyc_state) VALUES ($1, $2, $3, $4, 'accepted')",
            id_of(name),
            kind,
            name,
            wallet_of(name),
        )
        await self.pool.execute(
            "INSERT INTO bank_account (id, party_id, iban, holder, state, lemonway_iban_id)"
            " VALUES ($1, $2, 'IT60X0542811101000000123456', $3, 'active', $3)",
            id_of(f"account of {name}"),
            id_of(name),
            name,
        )
        await self.pool.execute(
            "INSERT INTO mandate (id, party_id, bank_account_id, state, lemonway_mandate_id)"
            " VALUES ($1, $2, $3, 'active', $4)",
            id_of(f"mandate of {name}"),
            id_of(name),
            id_of(f"account of {name}"),
            name,
        )

    # ── requests ────────────────────────────────────────────────────────────

    async def open_request(
        self, name: str, *, cents: int, min_cents: int | None = None, max_rate_bp: int = 600
    ) -> list[AnyBookEvent]:
        """A borrower's assessed request goes to the book, which covers it if it can."""
        borrower = f"borrower of {name}"
        await self._add_party(borrower, "borrower")
        await self.pool.execute(
            "INSERT INTO credit_request (id, company_id, borrower_id, amount_cents, min_amount_cents, months,"
            " max_rate_bp, state, command_id, created_at, mandate_id, bank_account_id)"
            " VALUES ($1, $2, $3, $4, $5, 12, $6, 'opening', $7, $8, $9, $10)",
            id_of(name),
            id_of("alfa"),
            id_of(borrower),
            cents,
            min_cents or cents,
            max_rate_bp,
            id_of(f"open {name}"),
            self.at,
            id_of(f"mandate of {borrower}"),
            id_of(f"account of {borrower}"),
        )
        request = CreditRequest(
            request_id=id_of(name),
            borrower_id=id_of(borrower),
            amount_cents=cents,
            min_amount_cents=min_cents or cents,
            months=12,
            max_rate_bp=max_rate_bp,
        )
        return await self.send(OpenRequest(request=request), command_id=id_of(f"open {name}"))

    async def sign(self, name: str) -> list[AnyBookEvent]:
        cover_id = self.book.requests[id_of(name)].cover_id
        assert cover_id is not None
        return await self.send(SignRequest(request_id=id_of(name), cover_id=cover_id), command_id=id_of(f"sign {name}"))

    async def cancel(self, name: str) -> list[AnyBookEvent]:
        return await self.send(CancelRequest(request_id=id_of(name)), command_id=id_of(f"cancel {name}"))

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
        async with self.pool.acquire() as connection:
            await record_command(connection, envelope)
        events = self._record(decide(self.book, envelope), cause_id=envelope.command_id)
        while True:
            calls = self.book.purse_calls()
            if calls:
                if self.before_asking is not None:
                    happen, self.before_asking = self.before_asking, None
                    await happen()
                answers = [self._release(call) for call in calls.releases] + [self._take(call) for call in calls.takes]
                events += self._record(decide_answers(self.book, answers), cause_id=self._turn_id("answers"))
            elif step := self._step_of_book():
                events += step
            else:
                return events

    def stage_new_cash(self, *, tick_ms: int) -> None:
        """The platform is set to show new cash so much later per tier, and the host records it in the book."""
        self._record([StagingSet(tick_ms=tick_ms)], cause_id=self._turn_id("setting"))

    # ── projection and payments ─────────────────────────────────────────────

    def a_projector(self) -> Projector:
        return Projector(database_url=self._database_url, journals=self.journals, outages=())

    async def project(self) -> int:
        """Record every fact there is; how many there were."""
        projector, recorded = self.a_projector(), 0
        async with self.pool.acquire() as connection:
            await projector.take_up(connection)
            while news := await projector.project(connection, self.journals.shards()):
                recorded += news
        return recorded

    async def pay(self) -> None:
        """Carry out every payment asked for, and what follows from it, as worker, purses and projector would."""
        while await self.execute_payments():
            await self.take_purse_steps()
            await self.project()

    async def execute_payments(self) -> int:
        """Carry out the payments that are asked for now; how many. The purses have yet to hear of it."""
        rows = await self.pool.fetch(
            "UPDATE payment_instruction SET state = 'queued' WHERE state = 'ready' RETURNING id"
        )
        for row in rows:
            instruction = await start_sending(self.pool, row["id"], lease_ms=10_000)
            assert instruction is not None
            self._movements += 1
            await book_executed(self.pool, instruction, psp_id=f"70{self._movements}", at=self.at)
        return len(rows)

    async def take_purse_steps(self) -> None:
        """Every purse takes the steps asked of it; the answers stand in the journals, not in rows yet."""
        for row in await self.pool.fetch(
            "SELECT lender_id, operation, ref, cents, freed_cents FROM purse_instruction"
            " WHERE state = 'ready' ORDER BY number"
        ):
            name = self._lenders[row["lender_id"]]
            if (row["operation"], row["ref"]) not in self._steps_taken(name):
                freed_cents = msgspec.json.decode(row["freed_cents"], type=dict[str, int])
                self.journal_purse(name, self._step(name, row["operation"], row["ref"], row["cents"], freed_cents))

    async def collect_next(self) -> None:
        """The next debits to leave are collected when they are due, shared out and distributed."""
        on_date: date = await self.pool.fetchval("SELECT min(next_submission_date) FROM loan")
        self.at = datetime.combine(on_date, time(8), UTC)
        async with self.pool.acquire() as connection:
            due = await due_to_hand_in(connection, on_date)
        for loan_id in due.loan_ids:
            await request_collection(self.pool, loan_id, on_date=on_date, at=self.at)
        await self.pay()
        for row in await self.pool.fetch("SELECT id, collection_date FROM collection WHERE state = 'submitted'"):
            self.at = datetime.combine(row["collection_date"], time(8), UTC)
            await record_collected(
                self.pool,
                row["id"],
                executed_on=row["collection_date"],
                collection_wallet=COLLECTION_WALLET,
                at=self.at,
            )
        await self.pay()
        async with self.pool.acquire() as connection, connection.transaction():
            await net_receipts(connection, self.at.date(), collection_wallet=COLLECTION_WALLET, at=self.at)
        await self.pay()

    async def ask_for_payout(self, name: str, cents: int) -> str:
        """A lender asks for its money; the id of the payout, which its purse has yet to hold."""
        payout = NewPayout(
            payout_id=id_of(f"payout of {name}"),
            participant_kind="lender",
            participant_id=id_of(name),
            bank_account_id=id_of(f"account of {name}"),
            cents=cents,
            at=self.at,
        )
        async with self.pool.acquire() as connection, connection.transaction():
            await ask_payout(connection, payout)
        return payout.payout_id

    async def hold_for_payout(self, name: str, cents: int) -> str:
        """A payout asked for and held by the purse at once."""
        payout_id = await self.ask_for_payout(name, cents)
        await self.take_purse_steps()
        return payout_id

    # ── the book and its purses ─────────────────────────────────────────────

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

    def _steps_taken(self, name: str) -> set[tuple[str, str]]:
        operations = {
            "deposited": "deposit",
            "fill_sent": "post",
            "fill_lent": "lend",
            "use_freed": "free_use",
            "withdrawal_held": "hold",
            "withdrawal_refused": "hold",
            "withdrawal_sent": "pay_out",
        }
        entries = self.journals.entries[purse_shard_of(name)]
        return {(operations[entry.kind], entry.cause_id) for entry in entries if entry.kind in operations}

    def _step(self, name: str, operation: str, ref: str, cents: int, freed_cents: dict[str, int]) -> AnyPurseEvent:
        lender_id = id_of(name)
        match operation:
            case "deposit":
                self._change_free(lender_id, cents)
                return Deposited(ref=ref, cents=cents, reserved_cents=0, **self.standing(name))
            case "hold" if self.purses.free_cents[lender_id] < cents:
                return WithdrawalRefused(ref=ref, cents=cents, **self.standing(name))
            case "hold":
                self._change_free(lender_id, -cents)
                return WithdrawalHeld(ref=ref, cents=cents, **self.standing(name))
            case "pay_out":
                return WithdrawalSent(ref=ref, cents=cents, **self.standing(name))
            case "free_use":
                return UseFreed(ref=ref, freed_cents=freed_cents, **self.standing(name))
            case "post":
                return FillSent(ref=ref, cents=cents, **self.standing(name))
            case _:
                assert operation == "lend", operation
                return FillLent(ref=ref, cents=cents, **self.standing(name))

    def _change_free(self, lender_id: str, cents: int) -> None:
        self.purses.free_cents[lender_id] = self.purses.free_cents.get(lender_id, 0) + cents
        self.purses.vers[lender_id] = self.purses.vers.get(lender_id, 0) + 1

    def _step_of_book(self) -> list[AnyBookEvent]:
        if not self.book.may_take_a_step():
            return []
        standings = self.purses.standings(self.book.lenders.with_offers())
        return self._record(decide_step(self.book, standings), cause_id=self._turn_id("step"))

    def _turn_id(self, kind: str) -> str:
        return f"{kind}:{self.book.company_id}:{len(self.journals.entries[BOOK_SHARD]) + 1}"

    def _record(self, events: list[AnyBookEvent], *, cause_id: str) -> list[AnyBookEvent]:
        for event in events:
            record = BookRecord(company_id=self.book.company_id, cause_id=cause_id, at=self.at, event=event)
            self.book.apply(record, self.journals.append_book(BOOK_SHARD, record))
        return events

    def _take(self, call: TakeCall) -> PurseAnswer:
        name = self._lenders[call.lender_id]
        replaced_cents = self.purses.taken[call.replaces][1] if call.replaces else 0
        answer = self.purses.take(call)
        if answer.outcome == "denied":
            self.journal_purse(name, FillDenied(ref=call.fill_id, want_cents=call.cents, **self.standing(name)))
            return answer
        taken = FillTaken(
            ref=call.fill_id,
            strategy_id=call.strategy_id,
            limit_keys=call.limit_keys,
            want_cents=call.cents,
            cents=answer.cents,
            replaced_fill_id=call.replaces,
            replaced_cents=replaced_cents,
            **self.standing(name),
        )
        self.journal_purse(name, taken)
        return answer

    def _release(self, call: ReleaseCall) -> PurseAnswer:
        name = self._lenders[call.lender_id]
        promised = self.purses.taken.get(call.fill_id)
        answer = self.purses.release(call)
        if promised is None:
            self.journal_purse(name, FillVoided(ref=call.fill_id, **self.standing(name)))
        else:
            self.journal_purse(name, FillReleased(ref=call.fill_id, cents=promised[1], **self.standing(name)))
        return answer
