"""An instruction put to Lemonway, and the movement it answers with: one call per kind, and one look-up per kind."""

import contextlib
from datetime import date, datetime
from enum import Enum

import msgspec

from lemonway.client import DirectKit
from lemonway.messages import HistoryEntry, TransactionIn, TransactionOut, TransactionP2P
from lemonway.statuses import Outcome, money_in_outcome, money_out_outcome, p2p_outcome
from lemonway.translation import read_date
from marketplace.business_days import earliest_collection_date
from persistence.collections_book import hand_in_date
from persistence.instructions import Instruction

_TRANSFERS = ("fund", "gather", "distribute")
_PAYMENTS = ("disburse", "pay_out")


class Verdict(Enum):
    """What a movement found at Lemonway means for its instruction."""

    EXECUTED = "executed"
    """The wallets have moved; of a collection: it was taken in, its result comes on its date."""
    NOT_YET = "not yet"
    FAILED = "failed"
    UNCLEAR = "unclear"
    """A status nobody has documented."""


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A movement as Lemonway has it: its number, and what its status means."""

    psp_id: str
    status: int
    verdict: Verdict
    scheduled_on: date | None = None
    """Of a collection: the date on which Lemonway says that it will debit, when it says one."""


async def ask_for(directkit: DirectKit, instruction: Instruction, *, at: datetime) -> Movement:
    """Send the instruction, once. Raises a LemonwayError, whose class says what is known about the outcome.

    `at` is the business instant: a collection date that can no longer be reached moves to the first that can.
    """
    reference = instruction.reference
    if instruction.kind in _TRANSFERS:
        assert instruction.debit_wallet is not None, instruction
        assert instruction.credit_wallet is not None, instruction
        return _transfer(
            await directkit.send_p2p(
                debit_wallet_id=instruction.debit_wallet,
                credit_wallet_id=instruction.credit_wallet,
                amount_cents=instruction.cents,
                reference=reference,
                private_data=_private_data(instruction),
            )
        )
    if instruction.kind in _PAYMENTS:
        assert instruction.debit_wallet is not None, instruction
        assert instruction.lemonway_iban_id is not None, instruction
        return _payment(
            await directkit.send_money_out(
                wallet_id=instruction.debit_wallet,
                iban_id=int(instruction.lemonway_iban_id),
                total_amount_cents=instruction.cents,
                reference=reference,
            )
        )
    assert instruction.credit_wallet is not None, instruction
    assert instruction.lemonway_mandate_id is not None, instruction
    assert instruction.collection_date is not None, instruction
    return _collection(
        await directkit.collect_direct_debit(
            wallet_id=instruction.credit_wallet,
            mandate_id=int(instruction.lemonway_mandate_id),
            total_amount_cents=instruction.cents,
            reference=reference,
            collection_date=reachable_collection_date(instruction.collection_date, at),
        )
    )


async def look_up(directkit: DirectKit, instruction: Instruction) -> list[Movement]:
    """The movements that carry the instruction's reference: none, one, or more than there may be."""
    if instruction.kind in _TRANSFERS:
        return [_transfer(found) for found in await directkit.find_p2ps(reference=instruction.reference)]
    if instruction.kind in _PAYMENTS:
        return [_payment(found) for found in await directkit.find_money_outs(reference=instruction.reference)]
    return [_collection(found) for found in await directkit.find_direct_debits(reference=instruction.reference)]


async def look_through_history(
    directkit: DirectKit, instruction: Instruction, *, start_at: datetime, end_at: datetime
) -> list[Movement]:
    """The same from the history of the wallet it debits (credits, for a collection), which a search may lag behind."""
    wallet_id = instruction.debit_wallet or instruction.credit_wallet
    assert wallet_id is not None, instruction
    entries = await directkit.wallet_transactions(wallet_id, start_at=start_at, end_at=end_at)
    return [
        movement for entry in entries if (movement := _movement_in(entry, reference=instruction.reference)) is not None
    ]


def reachable_collection_date(wanted: date, at: datetime) -> date:
    """`wanted`, or the first date for which a debit handed in at the instant `at` is in time."""
    return max(wanted, earliest_collection_date(hand_in_date(at)))


def _private_data(instruction: Instruction) -> tuple[str, ...]:
    """What a person at Lemonway's dashboard can search by."""
    named = (
        ("instruction", instruction.id),
        ("request", instruction.request_id),
        ("loan", instruction.loan_id),
        ("collection", instruction.collection_id),
        ("date", instruction.business_date),
    )
    return (f"kind:{instruction.kind}", *(f"{name}:{value}" for name, value in named if value is not None))


def _movement_in(entry: HistoryEntry, *, reference: str) -> Movement | None:
    if entry.transaction_p2p is not None and entry.transaction_p2p.reference == reference:
        return _transfer(entry.transaction_p2p)
    if entry.transaction_out is not None and entry.transaction_out.reference == reference:
        return _payment(entry.transaction_out)
    if entry.transaction_in is not None and entry.transaction_in.reference == reference:
        return _collection(entry.transaction_in)
    return None


_MOVED = {
    Outcome.SUCCEEDED: Verdict.EXECUTED,
    Outcome.PENDING: Verdict.NOT_YET,
    Outcome.AWAITING_APPROVAL: Verdict.NOT_YET,
    Outcome.FAILED: Verdict.FAILED,
    Outcome.CANCELLED: Verdict.FAILED,
    Outcome.UNKNOWN: Verdict.UNCLEAR,
}


def _transfer(found: TransactionP2P) -> Movement:
    return Movement(psp_id=str(found.id), status=found.status, verdict=_MOVED[p2p_outcome(found.status)])


def _payment(found: TransactionOut) -> Movement:
    outcome = money_out_outcome(found.status, psp_message=found.psp.message if found.psp else None)
    # A payout that waits for an approval in Lemonway's dashboard has been debited already.
    verdict = Verdict.EXECUTED if outcome is Outcome.AWAITING_APPROVAL else _MOVED[outcome]
    return Movement(psp_id=str(found.id), status=found.status, verdict=verdict)


def _collection(found: TransactionIn) -> Movement:
    """Whatever became of it since, it was taken in: its result is read from the collection itself, on its date."""
    is_documented = money_in_outcome(found.status) is not Outcome.UNKNOWN
    return Movement(
        psp_id=str(found.id),
        status=found.status,
        verdict=Verdict.EXECUTED if is_documented else Verdict.UNCLEAR,
        scheduled_on=_scheduled_date(found.scheduled_date),
    )


def _scheduled_date(text: str | None) -> date | None:
    """The specification describes the field as an instant and prints it as a date: what is no date says nothing."""
    with contextlib.suppress(ValueError):
        return read_date(text) if text else None
    return None
