"""Wires that reached wallets: recorded once, credited to the wallet's owner, or kept where a person sees them."""

from datetime import datetime

import msgspec

from marketplace.postings import Entry, borrower_wire_received, company_wire_received, lender_wire_received
from persistence.connection import AnyConnection, Pool
from persistence.ledger import record_entry
from persistence.purse_steps import PurseStep, ask_purses
from persistence.strategy_desk import refresh_lender


class ReceivedWire(msgspec.Struct, frozen=True, kw_only=True):
    """A wire as Lemonway has it. `money_in_id` is its number, `executed_at` the business instant of its credit."""

    money_in_id: str
    wallet_id: str
    cents: int
    executed_at: datetime


async def record_wire(pool: Pool, wire: ReceivedWire, *, notification_key: str | None = None) -> bool:
    """Credit a wire to whoever owns the wallet; False when it was recorded before.

    A lender's money is free to lend and told to its purse, and caps that are parts of it grow; a company's is free; a
    borrower's is received and not allocated. A wallet that nobody here owns makes the wire `unmatched`: it is recorded,
    and moves nothing.
    """
    async with pool.acquire() as connection, connection.transaction():
        owner = await connection.fetchrow("SELECT id, kind FROM party WHERE wallet_id = $1", wire.wallet_id)
        is_new = await connection.fetchval(
            """
            INSERT INTO wire (id, wallet_id, party_id, cents, state, executed_at, notification_key)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING RETURNING true
            """,
            wire.money_in_id,
            wire.wallet_id,
            owner and owner["id"],
            wire.cents,
            "matched" if owner else "unmatched",
            wire.executed_at,
            notification_key,
        )
        if not is_new:
            return False
        if owner is not None:
            await record_entry(connection, _entry(wire, owner["id"], owner["kind"]))
            if owner["kind"] in ("lender_person", "lender_legal"):
                deposit = PurseStep(
                    lender_id=owner["id"],
                    operation="deposit",
                    ref=f"wire:{wire.money_in_id}",
                    at=wire.executed_at,
                    cents=wire.cents,
                )
                await ask_purses(connection, [deposit])
                await refresh_lender(connection, owner["id"], at=wire.executed_at)
        return True


async def last_wire_at(connection: AnyConnection) -> datetime | None:
    """Business instant of the latest wire recorded so far."""
    at: datetime | None = await connection.fetchval("SELECT max(executed_at) FROM wire")
    return at


def _entry(wire: ReceivedWire, owner_id: str, kind: str) -> Entry:
    money_in_id, at, wallet_id, cents = wire.money_in_id, wire.executed_at, wire.wallet_id, wire.cents
    match kind:
        case "lender_person" | "lender_legal":
            return lender_wire_received(
                money_in_id=money_in_id, at=at, wallet_id=wallet_id, lender_id=owner_id, cents=cents
            )
        case "company":
            return company_wire_received(
                money_in_id=money_in_id, at=at, wallet_id=wallet_id, company_id=owner_id, cents=cents
            )
        case _:
            assert kind == "borrower", kind
            return borrower_wire_received(
                money_in_id=money_in_id, at=at, wallet_id=wallet_id, borrower_id=owner_id, cents=cents
            )
