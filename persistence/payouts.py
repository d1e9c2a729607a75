"""Money on its way to its owner's bank, whoever asked for it.

asked → held → executed, or refused. A lender's money is held by its purse, whose answer the projector records; a
company has no purse, so the ledger decides at once.
"""

from datetime import datetime

import msgspec

from marketplace.chart_of_accounts import ParticipantKind
from marketplace.postings import company_withdrawal_held, paid_out
from persistence.connection import AnyConnection
from persistence.instructions import Instruction, NewInstruction, insert_instructions
from persistence.ledger import record_entry
from persistence.purse_steps import PurseStep, ask_purses


class NewPayout(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to be paid `cents`. Its sender chooses `payout_id`; `loan_id` names the settled loan that brought it."""

    payout_id: str
    participant_kind: ParticipantKind
    participant_id: str
    bank_account_id: str
    cents: int
    at: datetime
    loan_id: str | None = None


class PayoutTaken(msgspec.Struct, frozen=True, kw_only=True, tag="taken"):
    """The payout stands; its state is `asked`, `held`, `executed`, `refused` or `cancelled`."""

    state: str


class PayoutIdReused(msgspec.Struct, frozen=True, kw_only=True, tag="id_reused"):
    """The id stands for a payout of other terms."""


class BankAccountNotPayable(msgspec.Struct, frozen=True, kw_only=True, tag="bank_account_not_payable"):
    """The bank account is not the participant's, or not active yet: its `state` must be `active`."""

    state: str | None


class TooLittleFree(msgspec.Struct, frozen=True, kw_only=True, tag="insufficient_funds"):
    """At most `free_cents` can be paid out now."""

    free_cents: int
    asked_cents: int


PayoutOutcome = PayoutTaken | PayoutIdReused | BankAccountNotPayable | TooLittleFree


async def ask_payout(connection: AnyConnection, new: NewPayout) -> PayoutOutcome:
    """Ask for a payout, in the caller's transaction. The same payout asked for again answers how it stands."""
    known = await _known_payout(connection, new)
    if known is not None:
        return known
    account_state = await connection.fetchval(
        "SELECT state FROM bank_account WHERE id = $1 AND party_id = $2", new.bank_account_id, new.participant_id
    )
    if account_state != "active":
        return BankAccountNotPayable(state=account_state)
    free_cents = await payable_cents(connection, new.participant_kind, new.participant_id)
    if new.cents > free_cents:
        return TooLittleFree(free_cents=free_cents, asked_cents=new.cents)
    await open_payout(connection, new)
    state = await connection.fetchval("SELECT state FROM payout WHERE id = $1", new.payout_id)
    return PayoutTaken(state=state)


async def _known_payout(connection: AnyConnection, new: NewPayout) -> PayoutTaken | PayoutIdReused | None:
    row = await connection.fetchrow(
        "SELECT participant_kind, participant_id, bank_account_id, cents, state FROM payout WHERE id = $1",
        new.payout_id,
    )
    if row is None:
        return None
    terms = (new.participant_kind, new.participant_id, new.bank_account_id, new.cents)
    if (row["participant_kind"], row["participant_id"], row["bank_account_id"], row["cents"]) != terms:
        return PayoutIdReused()
    return PayoutTaken(state=row["state"])


async def payable_cents(connection: AnyConnection, kind: ParticipantKind, participant_id: str) -> int:
    """Free money less what asked-for payouts are about to take. The account is locked, so that two do not share it.

    For a lender it is an estimate in the record's favour: the purse decides when it holds the money.
    """
    free: int | None = await connection.fetchval(
        """
        SELECT balance_cents * normal_side FROM account
        WHERE owner_kind = $1 AND owner_id = $2 AND bucket = 'free' FOR NO KEY UPDATE
        """,
        kind,
        participant_id,
    )
    asked: int = await connection.fetchval(
        """
        SELECT coalesce(sum(cents), 0)::bigint FROM payout
        WHERE participant_kind = $1 AND participant_id = $2 AND state = 'asked'
        """,
        kind,
        participant_id,
    )
    return max(0, (free or 0) - asked)


async def open_payout(connection: AnyConnection, new: NewPayout) -> None:
    """Record a payout that may be made, and ask for the money to be held; recorded before, it stands as it is."""
    await connection.execute(
        """
        INSERT INTO payout (id, participant_kind, participant_id, loan_id, bank_account_id, cents, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING
        """,
        new.payout_id,
        new.participant_kind,
        new.participant_id,
        new.loan_id,
        new.bank_account_id,
        new.cents,
        new.at,
    )
    if new.participant_kind == "lender":
        hold = PurseStep(lender_id=new.participant_id, operation="hold", ref=new.payout_id, at=new.at, cents=new.cents)
        await ask_purses(connection, [hold])
        return
    await _hold_at_once(connection, new)


async def _hold_at_once(connection: AnyConnection, new: NewPayout) -> None:
    held = company_withdrawal_held(payout_id=new.payout_id, at=new.at, company_id=new.participant_id, cents=new.cents)
    await record_entry(connection, held)
    wallet_id = await connection.fetchval(
        """
        UPDATE payout SET state = 'held', decided_at = $2 FROM party
        WHERE payout.id = $1 AND party.id = payout.participant_id RETURNING party.wallet_id
        """,
        new.payout_id,
        new.at,
    )
    await insert_instructions(connection, [payment_of_held(new, wallet_id=wallet_id)])


def payment_of_held(payout: NewPayout, *, wallet_id: str) -> NewInstruction:
    """What is asked of Lemonway once the money is held: to pay the bank account from the wallet."""
    return NewInstruction(
        kind="pay_out",
        natural_key=(payout.payout_id,),
        cents=payout.cents,
        at=payout.at,
        debit_wallet=wallet_id,
        bank_account_id=payout.bank_account_id,
        participant_kind=payout.participant_kind,
        participant_id=payout.participant_id,
        loan_id=payout.loan_id,
        payout_id=payout.payout_id,
    )


async def book_payout(connection: AnyConnection, instruction: Instruction, *, at: datetime) -> None:
    """Lemonway paid the bank account: what was held has left the wallet."""
    kind, participant_id = instruction.participant_kind, instruction.participant_id
    assert kind in ("lender", "company"), instruction
    assert participant_id is not None, instruction
    assert instruction.debit_wallet is not None, instruction
    assert instruction.payout_id is not None, instruction
    await record_entry(
        connection,
        paid_out(
            instruction_id=instruction.id,
            at=at,
            participant_wallet=instruction.debit_wallet,
            kind=kind,
            participant_id=participant_id,
            cents=instruction.cents,
        ),
    )
    await connection.execute(
        "UPDATE payout SET state = 'executed', executed_at = $2 WHERE id = $1", instruction.payout_id, at
    )
    if kind == "lender":
        sent = PurseStep(
            lender_id=participant_id, operation="pay_out", ref=instruction.payout_id, at=at, cents=instruction.cents
        )
        await ask_purses(connection, [sent])
