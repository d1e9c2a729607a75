"""Rows as the gateway and the projector leave them: parties with money in their wallets, and signed requests."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from uuid import NAMESPACE_OID, uuid5

import asyncpg
import msgspec

from marketplace.book.book_events import CoveredFill, RequestSigned
from marketplace.book.journal import JournalEntry
from marketplace.book.purse_events import WithdrawalHeld
from marketplace.company_terms import CompanyMoney, CompanyTerms, RateBand
from marketplace.postings import company_budget_granted, fill_taken
from persistence.business_day import Step, step_instant
from persistence.collection_results import record_collected
from persistence.collections_book import due_to_hand_in, request_collection
from persistence.connection import AnyConnection, Pool
from persistence.executed_movements import book_executed
from persistence.instructions import start_sending
from persistence.journal_facts import PurseFact
from persistence.ledger import balance_cents, record_entry
from persistence.projected_purses import PurseProjection
from persistence.signed_covers import SignedCover, ask_for_payments
from persistence.wires import ReceivedWire, record_wire

START = datetime(2026, 1, 12, 8, 0, tzinfo=UTC)
"""Monday, 09:00 in Rome: the instant at which a simulator of the tests starts."""

COLLECTION_WALLET = "distribution"


def id_of(name: str) -> str:
    """The UUID of a party, request or loan that a test calls by name."""
    return str(uuid5(NAMESPACE_OID, name))


class SignedMarket:
    """A company `alfa`, lenders and borrowers by name, and the requests they signed."""

    def __init__(self, pool: Pool, at: datetime = START) -> None:
        self.pool = pool
        self.at = at
        self._takes = 0
        self._movements = 1_000

    async def add_company(self, *, budget_cents: int = 0, money: CompanyMoney | None = None) -> None:
        """`alfa` with published terms; `budget_cents` were wired and set aside for its own tranches."""
        await self.add_party("alfa", "company")
        await self.pool.execute("INSERT INTO company (id, name) VALUES ($1, 'Alfa')", id_of("alfa"))
        terms = CompanyTerms(
            version=1,
            bands=(RateBand(months=12, floor_bp=400, cap_bp=600),),
            company_money=money or CompanyMoney(),
        )
        await self.pool.execute(
            "INSERT INTO company_terms (company_id, version, terms, policy, command_id, at)"
            " VALUES ($1, 1, $2, '{}', gen_random_uuid(), $3)",
            id_of("alfa"),
            msgspec.json.encode(terms).decode(),
            self.at,
        )
        if budget_cents:
            await self.wire("alfa", budget_cents)
            async with self.pool.acquire() as connection, connection.transaction():
                grant = company_budget_granted(grant_id="g1", at=self.at, company_id=id_of("alfa"), cents=budget_cents)
                await record_entry(connection, grant)

    async def add_lender(self, name: str, *, cents: int, reinvest: str = "none", payout: str = "settlement") -> None:
        """A lender with `cents` in its wallet and a bank account that can be paid."""
        await self.add_party(name, "lender_person")
        await self.pool.execute(
            "INSERT INTO lender_settings (lender_id, reinvest, payout_every) VALUES ($1, $2, $3)",
            id_of(name),
            reinvest,
            payout,
        )
        await self.add_bank_account(name)
        await self.wire(name, cents)

    async def add_borrower(self, name: str) -> None:
        """A borrower with a bank account and a mandate to debit it."""
        await self.add_party(name, "borrower")
        await self.add_bank_account(name)
        await self.pool.execute(
            "INSERT INTO mandate (id, party_id, bank_account_id, state, lemonway_mandate_id)"
            " VALUES ($1, $2, $3, 'active', $4)",
            id_of(f"mandate of {name}"),
            id_of(name),
            id_of(f"bank account of {name}"),
            await self.mandate_at_lemonway(name),
        )

    async def add_party(self, name: str, kind: str) -> None:
        await self.open_at_lemonway(name, kind)
        await self.pool.execute(
            "INSERT INTO party (id, kind, name, wallet_id, kyc_state) VALUES ($1, $2, $3, $4, 'accepted')",
            id_of(name),
            kind,
            name,
            name,
        )

    async def add_bank_account(self, name: str) -> None:
        await self.pool.execute(
            "INSERT INTO bank_account (id, party_id, iban, holder, state, lemonway_iban_id)"
            " VALUES ($1, $2, 'IT60X0542811101000000123456', $3, 'active', $4)",
            id_of(f"bank account of {name}"),
            id_of(name),
            name,
            await self.iban_at_lemonway(name),
        )

    async def wire(self, name: str, cents: int) -> None:
        """Money arrives in the wallet of `name`."""
        await record_wire(
            self.pool,
            ReceivedWire(money_in_id=f"wire of {name}", wallet_id=name, cents=cents, executed_at=self.at),
        )

    async def sign(
        self,
        name: str,
        borrower: str,
        lent: Mapping[str, int],
        *,
        company_cents: int = 0,
        months: int = 12,
        rate_bp: int = 600,
        loan_rate_cbp: int | None = None,
        debit_day: int | None = None,
    ) -> str:
        """A covered request, signed: its purses have promised, and its payments are asked for. The request's id."""
        request_id, amount = id_of(name), sum(lent.values()) + company_cents
        fills = tuple(
            CoveredFill(
                fill_id=f"bk00.{name}.{place}", lender_id=id_of(lender), strategy_id=id_of("strategy"), cents=cents
            )
            for place, (lender, cents) in enumerate(lent.items())
        )
        async with self.pool.acquire() as connection, connection.transaction():
            for fill in fills:
                self._takes += 1
                taken = fill_taken(
                    shard="pu00",
                    seq=self._takes,
                    at=self.at,
                    lender_id=fill.lender_id,
                    cents=fill.cents,
                    replaced_cents=0,
                )
                assert taken is not None
                await record_entry(connection, taken)
                await connection.execute(
                    "INSERT INTO fill (fill_id, lender_id, strategy_id, purse_state, amount_purse_cents)"
                    " VALUES ($1, $2, $3, 'taken', $4)",
                    fill.fill_id,
                    fill.lender_id,
                    fill.strategy_id,
                    fill.cents,
                )
            await self.record_request(
                connection,
                name,
                borrower,
                state="signed",
                covered_cents=amount,
                company_cents=company_cents,
                months=months,
                rate_bp=rate_bp,
                loan_rate_cbp=rate_bp * 100 if loan_rate_cbp is None else loan_rate_cbp,
                debit_day=debit_day,
            )
            signed = RequestSigned(
                cover_id=f"bk00:{name}", request_id=request_id, fills=fills, company_cents=company_cents
            )
            await ask_for_payments(connection, [SignedCover(signed, self.at)])
        return request_id

    async def record_request(
        self, connection: AnyConnection, name: str, borrower: str, *, state: str = "covered", **columns: object
    ) -> None:
        """A request that has been covered; it can be signed for 48 hours."""
        values: dict[str, object] = {
            "id": id_of(name),
            "company_id": id_of("alfa"),
            "borrower_id": id_of(borrower),
            "amount_cents": columns.get("covered_cents", 100_000),
            "min_amount_cents": columns.get("covered_cents", 100_000),
            "months": 12,
            "max_rate_bp": 600,
            "state": state,
            "cover_id": f"bk00:{name}",
            "covered_cents": 100_000,
            "company_cents": 0,
            "rate_bp": 600,
            "loan_rate_cbp": 60_000,
            "terms_version": 1,
            "mandate_id": id_of(f"mandate of {borrower}"),
            "bank_account_id": id_of(f"bank account of {borrower}"),
            "created_at": self.at,
            "covered_at": self.at,
            "accept_until_at": self.at + timedelta(hours=48),
            **columns,
        }
        names, marks = ", ".join(values), ", ".join(f"${place}" for place in range(1, len(values) + 1))
        await connection.execute(f"INSERT INTO credit_request ({names}) VALUES ({marks})", *values.values())

    async def execute(self, kind: str, *, at: datetime | None = None) -> int:
        """Have every instruction of a kind that is ready carried out, as a worker would; how many were."""
        rows = await self.pool.fetch(
            "UPDATE payment_instruction SET state = 'queued' WHERE kind = $1 AND state = 'ready' RETURNING id", kind
        )
        for row in rows:
            instruction = await start_sending(self.pool, row["id"], lease_ms=10_000)
            assert instruction is not None
            self._movements += 1
            await book_executed(self.pool, instruction, psp_id=str(self._movements), at=at or self.at)
        return len(rows)

    async def disburse(self, *, at: datetime | None = None) -> None:
        """Pay every leg, then every borrower's bank: the signed requests become loans."""
        await self.execute("fund", at=at)
        await self.execute("disburse", at=at)

    async def hand_in(self, on_date: date, *, at: datetime | None = None) -> list[str]:
        """A morning's debits, handed in and taken by Lemonway; the collections' ids."""
        instant = at or step_instant(on_date, Step.COLLECTIONS)
        async with self.pool.acquire() as connection:
            due = await due_to_hand_in(connection, on_date)
        for loan_id in due.loan_ids:
            await request_collection(self.pool, loan_id, on_date=on_date, at=instant)
        await self.execute("collect", at=instant)
        rows = await self.pool.fetch("SELECT id FROM collection WHERE state = 'submitted' ORDER BY id")
        return [row["id"] for row in rows]

    async def collect(self, collection_id: str) -> None:
        """The bank pays the debit on its date, and the receipt is gathered."""
        collection_date = await self.pool.fetchval(
            "SELECT collection_date FROM collection WHERE id = $1", collection_id
        )
        at = datetime.combine(collection_date, time(8), UTC)
        await record_collected(
            self.pool, collection_id, executed_on=collection_date, collection_wallet=COLLECTION_WALLET, at=at
        )
        await self.execute("gather", at=at)

    async def hold_payouts(self, *, at: datetime) -> None:
        """The purses hold what they were asked to, and their journals are projected."""
        steps = await self.pool.fetch(
            "UPDATE purse_instruction SET state = 'done', done_at = now() WHERE operation = 'hold' AND state = 'ready'"
            " RETURNING number, lender_id, ref, cents"
        )
        projection = PurseProjection()
        for step in steps:
            held = WithdrawalHeld(
                lender_id=step["lender_id"], ref=step["ref"], at=at, ver=2, free_cents=0, cents=step["cents"]
            )
            entry = JournalEntry(
                shard="pu01",
                seq=step["number"],
                kind="withdrawal_held",
                company_id=None,
                lender_id=held.lender_id,
                cause_id=held.ref,
                payload=b"",
                hash="0" * 40,
            )
            projection.fold(PurseFact(entry, held))
        async with self.pool.acquire() as connection, connection.transaction():
            await projection.write(connection)

    # What Lemonway has of them: nothing here, a simulator where there is one.

    async def open_at_lemonway(self, name: str, kind: str) -> None:
        """Open the wallet `name`."""

    async def iban_at_lemonway(self, name: str) -> str:
        """Lemonway's number of the bank account."""
        return f"9{int(id_of(name)[:7], 16)}"

    async def mandate_at_lemonway(self, name: str) -> str:
        """Lemonway's number of the signed mandate."""
        return f"8{int(id_of(name)[:7], 16)}"

    # Looking

    async def row(self, query: str, *values: object) -> asyncpg.Record:
        """The first row of a query that finds one."""
        found = await self.pool.fetchrow(query, *values)
        assert found is not None, query
        return found

    async def balance(self, account_id: str) -> int:
        """What the account holds or owes, in cents, on its own side."""
        async with self.pool.acquire() as connection:
            return await balance_cents(connection, account_id)

    async def balances(self, owner_kind: str, owner: str) -> dict[str, int]:
        """The buckets of an owner that are not empty."""
        rows = await self.pool.fetch(
            "SELECT bucket, balance_cents * normal_side AS cents FROM account"
            " WHERE owner_kind = $1 AND owner_id = $2 AND balance_cents <> 0 ORDER BY bucket",
            owner_kind,
            owner if owner_kind == "wallet" else id_of(owner),
        )
        return {row["bucket"]: row["cents"] for row in rows}

    async def trial_balance_cents(self) -> int:
        """The sum of all accounts: zero, or money was made or lost."""
        return int(await self.pool.fetchval("SELECT coalesce(sum(balance_cents), 0)::bigint FROM account"))

    async def instructions(self, kind: str) -> list[tuple[str, int]]:
        """State and cents of every instruction of a kind."""
        rows = await self.pool.fetch(
            "SELECT state, cents FROM payment_instruction WHERE kind = $1 ORDER BY cents, id", kind
        )
        return [(row["state"], row["cents"]) for row in rows]
