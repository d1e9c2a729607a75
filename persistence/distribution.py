"""From borrowers' wallets to lenders': each receipt is gathered, then each participant gets one movement a day."""

from datetime import date, datetime
from uuid import UUID, uuid5

import msgspec

from marketplace.book.commands import Envelope, RecordRepayments, RepaidPrincipal
from marketplace.chart_of_accounts import ParticipantKind
from marketplace.postings import receipt_gathered, receipts_distributed
from marketplace.strategies.strategy_limits import outstanding_keys
from persistence.command_rows import record_command
from persistence.connection import AnyConnection
from persistence.instructions import Instruction, NewInstruction, insert_instructions
from persistence.ledger import record_entry
from persistence.purse_steps import PurseStep, ask_purses

_REPAYMENTS = UUID("e4b7c1f0-2a96-5d38-8f51-6c0d9e3a7b24")


async def book_gathering(connection: AnyConnection, instruction: Instruction, *, at: datetime) -> None:
    """A receipt has left the borrower's wallet for the collection wallet: its shares may be distributed."""
    assert instruction.debit_wallet is not None, instruction
    assert instruction.credit_wallet is not None, instruction
    await record_entry(
        connection,
        receipt_gathered(
            instruction_id=instruction.id,
            at=at,
            borrower_wallet=instruction.debit_wallet,
            collection_wallet=instruction.credit_wallet,
            cents=instruction.cents,
        ),
    )
    await connection.execute(
        "UPDATE receipt_share SET gathered_at = $2 WHERE gather_instruction_id = $1", instruction.id, at
    )


class _Netted(msgspec.Struct, frozen=True, kw_only=True):
    """All that one participant gets on one business date."""

    participant_kind: ParticipantKind
    participant_id: str
    wallet_id: str
    cents: int


async def net_receipts(connection: AnyConnection, business_date: date, *, collection_wallet: str, at: datetime) -> int:
    """One movement for each participant, of all its shares that are gathered; how many movements.

    To be called once for a business date, in the transaction that records that it was.
    """
    rows = await connection.fetch(
        """
        SELECT share.participant_kind, share.participant_id, party.wallet_id,
            sum(share.principal_cents + share.interest_cents)::bigint AS cents
        FROM receipt_share share JOIN party ON party.id = share.participant_id
        WHERE share.distribute_instruction_id IS NULL AND share.gathered_at IS NOT NULL
        GROUP BY share.participant_kind, share.participant_id, party.wallet_id
        ORDER BY share.participant_kind, share.participant_id
        """
    )
    movements = [
        NewInstruction(
            kind="distribute",
            natural_key=(netted.participant_kind, netted.participant_id, business_date.isoformat()),
            cents=netted.cents,
            at=at,
            debit_wallet=collection_wallet,
            credit_wallet=netted.wallet_id,
            participant_kind=netted.participant_kind,
            participant_id=netted.participant_id,
            business_date=business_date,
        )
        for netted in (msgspec.convert(dict(row.items()), _Netted) for row in rows)
    ]
    await insert_instructions(connection, movements)
    await connection.execute(
        """
        UPDATE receipt_share share SET distribute_instruction_id = movement.id
        FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS movement (id, participant_kind, participant_id)
        WHERE share.participant_kind = movement.participant_kind AND share.participant_id = movement.participant_id
            AND share.distribute_instruction_id IS NULL AND share.gathered_at IS NOT NULL
        """,
        [movement.id for movement in movements],
        [movement.participant_kind for movement in movements],
        [movement.participant_id for movement in movements],
    )
    return len(movements)


async def book_distribution(connection: AnyConnection, instruction: Instruction, *, at: datetime) -> None:
    """A participant's receipts of a day are in its wallet, free to be lent as far as it wishes to lend them again."""
    participant_kind, participant_id = instruction.participant_kind, instruction.participant_id
    assert participant_kind in ("lender", "company"), instruction
    assert participant_id is not None, instruction
    assert instruction.debit_wallet is not None, instruction
    assert instruction.credit_wallet is not None, instruction
    await record_entry(
        connection,
        receipts_distributed(
            instruction_id=instruction.id,
            at=at,
            collection_wallet=instruction.debit_wallet,
            participant_wallet=instruction.credit_wallet,
            kind=participant_kind,
            participant_id=participant_id,
            cents=instruction.cents,
        ),
    )
    await connection.execute(
        "UPDATE receipt_share SET distributed_at = $2 WHERE distribute_instruction_id = $1", instruction.id, at
    )
    if participant_kind == "lender":
        deposit = PurseStep(
            lender_id=participant_id,
            operation="deposit",
            ref=instruction.id,
            at=at,
            cents=instruction.cents,
            reserved_cents=await _not_to_be_lent_again(connection, instruction),
        )
        back = PurseStep(
            lender_id=participant_id,
            operation="free_use",
            ref=instruction.id,
            at=at,
            freed_cents=await _principal_by_limit(connection, instruction),
        )
        await ask_purses(connection, [deposit, back] if back.freed_cents else [deposit])


async def _not_to_be_lent_again(connection: AnyConnection, instruction: Instruction) -> int:
    reinvest = await connection.fetchval(
        "SELECT reinvest FROM lender_settings WHERE lender_id = $1", instruction.participant_id
    )
    match reinvest:
        case "none":
            return instruction.cents
        case "principal":
            return int(
                await connection.fetchval(
                    "SELECT sum(interest_cents)::bigint FROM receipt_share WHERE distribute_instruction_id = $1",
                    instruction.id,
                )
            )
        case _:
            return 0


async def _principal_by_limit(connection: AnyConnection, instruction: Instruction) -> dict[str, int]:
    """The principal that a movement brings back, by each limit that it still counted against."""
    rows = await connection.fetch(
        """
        SELECT fill.strategy_id, loan.months, sum(share.principal_cents)::bigint AS cents
        FROM receipt_share share
        JOIN loan ON loan.id = share.loan_id
        JOIN loan_share lent ON lent.loan_id = share.loan_id AND lent.participant_kind = share.participant_kind
            AND lent.participant_id = share.participant_id
        JOIN fill ON fill.fill_id = lent.fill_id
        WHERE share.distribute_instruction_id = $1 AND share.principal_cents > 0
        GROUP BY fill.strategy_id, loan.months
        """,
        instruction.id,
    )
    back: dict[str, int] = {}
    for row in rows:
        for key in outstanding_keys(row["strategy_id"], row["months"]):
            back[key] = back.get(key, 0) + row["cents"]
    return back


async def report_repayments(connection: AnyConnection, business_date: date, *, at: datetime) -> list[Envelope]:
    """One command for each book: the principal that came back to its lenders on the business date.

    The commands are recorded; the caller sends them once it has committed. Reported twice, they are the same commands.
    """
    rows = await connection.fetch(
        """
        SELECT loan.company_id, loan.request_id, share.participant_id AS lender_id,
            sum(share.principal_cents)::bigint AS cents
        FROM receipt_share share
        JOIN payment_instruction movement ON movement.id = share.distribute_instruction_id
        JOIN loan ON loan.id = share.loan_id
        WHERE movement.kind = 'distribute' AND movement.business_date = $1 AND share.participant_kind = 'lender'
            AND share.principal_cents > 0
        GROUP BY loan.company_id, loan.request_id, share.participant_id
        ORDER BY loan.company_id, loan.request_id, share.participant_id
        """,
        business_date,
    )
    repaid: dict[str, list[RepaidPrincipal]] = {}
    for row in rows:
        repaid.setdefault(row["company_id"], []).append(
            RepaidPrincipal(request_id=row["request_id"], lender_id=row["lender_id"], cents=row["cents"])
        )
    envelopes = [
        Envelope(
            command_id=str(uuid5(_REPAYMENTS, f"{company_id}/{business_date.isoformat()}")),
            company_id=company_id,
            at=at,
            command=RecordRepayments(repaid=tuple(of_company)),
        )
        for company_id, of_company in repaid.items()
    ]
    for envelope in envelopes:
        await record_command(connection, envelope, sent_by="caller")
    return envelopes
