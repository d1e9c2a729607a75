"""What the facts of purses change in PostgreSQL: the purse's side of fills, the ledger, steps done, payouts."""

import msgspec

from marketplace.book.purse_events import (
    Deposited,
    FillDenied,
    FillLent,
    FillRefunded,
    FillReleased,
    FillSent,
    FillTaken,
    FillVoided,
    LimitsSet,
    UseFreed,
    WithdrawalHeld,
    WithdrawalRefused,
    WithdrawalSent,
    WithdrawalVoided,
)
from marketplace.ports import PurseOperation
from marketplace.postings import Entry, fill_returned, fill_taken, withdrawal_held, withdrawal_voided
from persistence.connection import AnyConnection
from persistence.journal_facts import PurseFact
from persistence.ledger import record_entries
from persistence.payout_answers import PayoutAnswer, record_payout_answers


class PurseFill(msgspec.Struct, kw_only=True):
    """The purse's side of a fill's row; None leaves a column as it is."""

    fill_id: str
    lender_id: str
    strategy_id: str | None
    purse_state: str
    amount_purse_cents: int | None


class PurseProjection:
    """The changes that a transaction's purse facts make: folded in order of the facts, written at once."""

    def __init__(self) -> None:
        self._fills: dict[str, PurseFill] = {}
        self._entries: list[Entry] = []
        self._done: set[tuple[PurseOperation, str]] = set()
        self._payout_answers: list[PayoutAnswer] = []

    def fold(self, fact: PurseFact) -> None:
        """Take one fact in."""
        shard, seq = fact.entry.shard, fact.entry.seq
        match fact.event:
            case Deposited(ref=ref):
                self._done.add(("deposit", ref))
            case LimitsSet(ref=ref):
                self._done.add(("limits", ref))
            case FillTaken() as event:
                self._take(shard, seq, event)
            case FillDenied() as event:
                self._note(event.ref, event.lender_id, "denied")
            case FillVoided() as event:
                self._note(event.ref, event.lender_id, "void")
            case FillReleased() as event:
                self._note(event.ref, event.lender_id, "released")
                self._return(shard, seq, event)
            case FillSent() as event:
                self._note(event.ref, event.lender_id, "sent")
                self._done.add(("post", event.ref))
            case FillRefunded() as event:
                self._note(event.ref, event.lender_id, "refunded")
                self._done.add(("refund", event.ref))
                self._return(shard, seq, event)
            case FillLent() as event:
                self._note(event.ref, event.lender_id, "lent")
                self._done.add(("lend", event.ref))
            case UseFreed(ref=ref):
                self._done.add(("free_use", ref))
            case WithdrawalHeld() as event:
                self._hold(shard, seq, event)
            case WithdrawalRefused() as event:
                self._done.add(("hold", event.ref))
                self._payout_answers.append(event)
            case WithdrawalSent(ref=ref):
                self._done.add(("pay_out", ref))
            case WithdrawalVoided() as event:
                self._void(shard, seq, event)

    async def write(self, connection: AnyConnection) -> None:
        """Record everything, in as many statements as there are tables concerned, rows in one order."""
        if self._fills:
            fills = [self._fills[fill_id] for fill_id in sorted(self._fills)]
            await connection.execute(
                _UPSERT_PURSE_SIDE,
                [fill.fill_id for fill in fills],
                [fill.lender_id for fill in fills],
                [fill.strategy_id for fill in fills],
                [fill.purse_state for fill in fills],
                [fill.amount_purse_cents for fill in fills],
            )
        await record_entries(connection, self._entries)
        if self._done:
            done = sorted(self._done)
            await connection.execute(_MARK_STEPS_DONE, [operation for operation, _ in done], [ref for _, ref in done])
        await record_payout_answers(connection, self._payout_answers)

    # ── folding ─────────────────────────────────────────────────────────────

    def _note(self, fill_id: str, lender_id: str, state: str) -> PurseFill:
        fill = self._fills.get(fill_id)
        if fill is None:
            fill = PurseFill(
                fill_id=fill_id, lender_id=lender_id, strategy_id=None, purse_state=state, amount_purse_cents=None
            )
            self._fills[fill_id] = fill
        fill.purse_state = state
        return fill

    def _take(self, shard: str, seq: int, event: FillTaken) -> None:
        fill = self._note(event.ref, event.lender_id, "taken")
        fill.strategy_id, fill.amount_purse_cents = event.strategy_id, event.cents
        if event.replaced_fill_id is not None:
            self._note(event.replaced_fill_id, event.lender_id, "replaced")
        entry = fill_taken(
            shard=shard,
            seq=seq,
            at=event.at,
            lender_id=event.lender_id,
            cents=event.cents,
            replaced_cents=event.replaced_cents,
        )
        if entry is not None:
            self._entries.append(entry)

    def _return(self, shard: str, seq: int, event: FillReleased | FillRefunded) -> None:
        self._entries.append(
            fill_returned(shard=shard, seq=seq, at=event.at, lender_id=event.lender_id, cents=event.cents)
        )

    def _hold(self, shard: str, seq: int, event: WithdrawalHeld) -> None:
        self._done.add(("hold", event.ref))
        self._payout_answers.append(event)
        self._entries.append(
            withdrawal_held(shard=shard, seq=seq, at=event.at, lender_id=event.lender_id, cents=event.cents)
        )

    def _void(self, shard: str, seq: int, event: WithdrawalVoided) -> None:
        self._done.add(("void_hold", event.ref))
        self._payout_answers.append(event)
        self._entries.append(
            withdrawal_voided(shard=shard, seq=seq, at=event.at, lender_id=event.lender_id, cents=event.cents)
        )


# The book's side of the row belongs to whoever projects the book: it is neither read nor written here.
_UPSERT_PURSE_SIDE = """
    INSERT INTO fill (fill_id, lender_id, strategy_id, purse_state, amount_purse_cents)
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[])
    ON CONFLICT (fill_id) DO UPDATE SET
        purse_state = excluded.purse_state,
        amount_purse_cents = coalesce(excluded.amount_purse_cents, fill.amount_purse_cents)
"""

_MARK_STEPS_DONE = """
    UPDATE purse_instruction SET state = 'done', done_at = now(), last_error = NULL
    FROM unnest($1::text[], $2::text[]) AS done (operation, ref)
    WHERE purse_instruction.operation = done.operation AND purse_instruction.ref = done.ref AND state <> 'done'
"""
