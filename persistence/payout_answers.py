"""What purses answer to payouts: a held one is asked of Lemonway, the others end there."""

from collections.abc import Sequence

from marketplace.book.purse_events import WithdrawalHeld, WithdrawalRefused, WithdrawalVoided
from persistence.connection import AnyConnection
from persistence.instructions import insert_instructions
from persistence.payouts import NewPayout, payment_of_held
from persistence.projection_refused import ProjectionRefused

PayoutAnswer = WithdrawalHeld | WithdrawalRefused | WithdrawalVoided

_STATE_AND_REASON: dict[type[PayoutAnswer], tuple[str, str | None]] = {
    WithdrawalHeld: ("held", None),
    WithdrawalRefused: ("refused", "more than the purse has free"),
    WithdrawalVoided: ("cancelled", None),
}

_DECIDE = """
    UPDATE payout SET state = answer.state, refused_reason = answer.reason, decided_at = answer.at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS answer (id, state, reason, at), party
    WHERE payout.id = answer.id AND party.id = payout.participant_id
    RETURNING payout.id, payout.bank_account_id, payout.loan_id, party.wallet_id
"""


async def record_payout_answers(connection: AnyConnection, answers: Sequence[PayoutAnswer]) -> None:
    """Decide the payouts, and ask Lemonway for those held, in the transaction that records the purses' facts.

    Raises ProjectionRefused for a payout that has no row.
    """
    if not answers:
        return
    last = {answer.ref: answer for answer in answers}
    states = {ref: _STATE_AND_REASON[type(answer)] for ref, answer in last.items()}
    rows = await connection.fetch(
        _DECIDE,
        list(states),
        [state for state, _ in states.values()],
        [reason for _, reason in states.values()],
        [answer.at for answer in last.values()],
    )
    payouts = {row["id"]: row for row in rows}
    if unknown := sorted(set(last).difference(payouts)):
        raise ProjectionRefused(f"purses answered for payouts that are not recorded: {', '.join(unknown)}")
    await insert_instructions(
        connection,
        [
            payment_of_held(
                NewPayout(
                    payout_id=answer.ref,
                    participant_kind="lender",
                    participant_id=answer.lender_id,
                    bank_account_id=payouts[answer.ref]["bank_account_id"],
                    cents=answer.cents,
                    at=answer.at,
                    loan_id=payouts[answer.ref]["loan_id"],
                ),
                wallet_id=payouts[answer.ref]["wallet_id"],
            )
            for answer in last.values()
            if isinstance(answer, WithdrawalHeld)
        ],
    )
