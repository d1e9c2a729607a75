"""From signed to disbursed: every leg of a cover is paid to the borrower's wallet, then the whole to its bank."""

from datetime import date, datetime
from uuid import UUID, uuid5

import msgspec

from marketplace.business_days import business_date_of
from marketplace.chart_of_accounts import ParticipantKind
from marketplace.company_terms import CompanyTerms
from marketplace.loans.loan import LoanContradiction
from marketplace.loans.loan_events import LoanDisbursed, Participation
from marketplace.loans.schedules import PlanTerms, first_due_date_after
from marketplace.postings import LentPart, fill_funded, loan_disbursed, tranche_funded
from persistence.connection import AnyConnection
from persistence.instructions import Instruction, NewInstruction, insert_instructions
from persistence.ledger import record_entry
from persistence.loan_record import record_new_loan
from persistence.purse_steps import PurseStep, ask_purses

NOTICE_DAYS = 14
"""A borrower is told of a debit this many days ahead unless a shorter time was agreed. Source: SEPA Core rulebook."""

_LOANS = UUID("8c2b6a0e-5d34-5f7a-9b1c-4e6d8f0a2c57")


def loan_id_of(request_id: str) -> str:
    """The id (UUIDv5) of the loan that a request becomes."""
    return str(uuid5(_LOANS, request_id))


def plan_terms(*, principal_cents: int, months: int, debit_day: int | None, disbursed_on: date) -> PlanTerms:
    """The plan of a contract disbursed on that date: a French plan in months under 30/360.

    `debit_day` is the borrower's day of the month (1 to 31), by default the day of disbursement; the first debit falls
    on it at least `NOTICE_DAYS` days later.
    """
    due_day = debit_day or disbursed_on.day
    return PlanTerms(
        principal_cents=principal_cents,
        count=months,
        disbursed_on=disbursed_on,
        first_due_date=first_due_date_after(disbursed_on, due_day, days_min=NOTICE_DAYS),
        due_day=due_day,
    )


class _Leg(msgspec.Struct, frozen=True, kw_only=True):
    """What one participant paid to the borrower's wallet. `fill_id` is None for the company's own tranche."""

    participant_kind: ParticipantKind
    participant_id: str
    fill_id: str | None
    cents: int


class _Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What a request settled on, for the loan that it becomes. `company_rate_bp` None: the clearing rate."""

    borrower_id: str
    company_id: str
    covered_cents: int
    months: int
    debit_day: int | None
    rate_bp: int
    loan_rate_cbp: int
    company_rate_bp: int | None
    mandate_id: str | None


async def book_fund(connection: AnyConnection, instruction: Instruction, *, at: datetime) -> None:
    """A leg was moved to the borrower's wallet. The last one of its request brings the payment to the bank."""
    assert instruction.request_id is not None, instruction
    assert instruction.participant_id is not None, instruction
    assert instruction.debit_wallet is not None, instruction
    assert instruction.credit_wallet is not None, instruction
    if instruction.participant_kind == "company":
        await record_entry(
            connection,
            tranche_funded(
                instruction_id=instruction.id,
                at=at,
                company_wallet=instruction.debit_wallet,
                borrower_wallet=instruction.credit_wallet,
                company_id=instruction.participant_id,
                cents=instruction.cents,
            ),
        )
    else:
        assert instruction.fill_id is not None, instruction
        await record_entry(
            connection,
            fill_funded(
                instruction_id=instruction.id,
                at=at,
                lender_wallet=instruction.debit_wallet,
                borrower_wallet=instruction.credit_wallet,
                lender_id=instruction.participant_id,
                cents=instruction.cents,
            ),
        )
        post = PurseStep(
            lender_id=instruction.participant_id,
            operation="post",
            ref=instruction.fill_id,
            at=at,
            cents=instruction.cents,
        )
        await ask_purses(connection, [post])
    await _disburse_when_complete(connection, instruction.request_id, at)


async def _disburse_when_complete(connection: AnyConnection, request_id: str, at: datetime) -> None:
    # The row lock puts the last two legs in order: each sees whether the other is done.
    request = await connection.fetchrow(
        """
        UPDATE credit_request SET state = 'funding' WHERE id = $1 AND state IN ('signed', 'funding')
        RETURNING covered_cents, bank_account_id, borrower_id,
            (SELECT wallet_id FROM party WHERE id = borrower_id) AS wallet_id
        """,
        request_id,
    )
    assert request is not None, request_id
    paid = await connection.fetchrow(
        """
        SELECT coalesce(sum(cents) FILTER (WHERE state = 'done'), 0)::bigint AS cents,
            bool_and(state = 'done') AS is_complete
        FROM payment_instruction WHERE request_id = $1 AND kind = 'fund'
        """,
        request_id,
    )
    assert paid is not None
    if not paid["is_complete"]:
        return
    if paid["cents"] != request["covered_cents"]:
        raise LoanContradiction(f"lenders paid {paid['cents']} cents of a cover of {request['covered_cents']}")
    await insert_instructions(
        connection,
        [
            NewInstruction(
                kind="disburse",
                natural_key=(request_id,),
                cents=paid["cents"],
                at=at,
                debit_wallet=request["wallet_id"],
                bank_account_id=request["bank_account_id"],
                participant_kind="borrower",
                participant_id=request["borrower_id"],
                request_id=request_id,
            )
        ],
    )


async def book_disbursement(connection: AnyConnection, instruction: Instruction, *, at: datetime) -> None:
    """The borrower's bank was paid: the loan exists, with plan and shares, and the lenders' purses have lent."""
    request_id = instruction.request_id
    assert request_id is not None, instruction
    assert instruction.debit_wallet is not None, instruction
    contract = await _contract(connection, request_id)
    legs = await _legs(connection, request_id)
    if not sum(leg.cents for leg in legs) == contract.covered_cents == instruction.cents:
        raise LoanContradiction(f"paid out {instruction.cents} cents of a cover of {contract.covered_cents}: {legs}")
    event = _loan_disbursed(request_id, contract, legs, business_date_of(at))
    await record_new_loan(
        connection, event, mandate_id=contract.mandate_id, fill_ids=[leg.fill_id for leg in legs], at=at
    )
    await record_entry(
        connection,
        loan_disbursed(
            instruction_id=instruction.id,
            at=at,
            borrower_wallet=instruction.debit_wallet,
            loan_id=event.loan_id,
            parts=[
                LentPart(kind=leg.participant_kind, participant_id=leg.participant_id, cents=leg.cents) for leg in legs
            ],
        ),
    )
    await ask_purses(
        connection,
        [
            PurseStep(lender_id=leg.participant_id, operation="lend", ref=leg.fill_id, at=at, cents=leg.cents)
            for leg in legs
            if leg.fill_id is not None
        ],
    )
    await connection.execute(
        "UPDATE credit_request SET state = 'disbursed', disbursed_at = $2 WHERE id = $1", request_id, at
    )


def _loan_disbursed(request_id: str, contract: _Contract, legs: list[_Leg], disbursed_on: date) -> LoanDisbursed:
    lenders_rate_cbp = contract.rate_bp * 100
    company_rate_cbp = lenders_rate_cbp if contract.company_rate_bp is None else contract.company_rate_bp * 100
    return LoanDisbursed(
        loan_id=loan_id_of(request_id),
        request_id=request_id,
        borrower_id=contract.borrower_id,
        company_id=contract.company_id,
        rate_cbp=contract.loan_rate_cbp,
        terms=plan_terms(
            principal_cents=contract.covered_cents,
            months=contract.months,
            debit_day=contract.debit_day,
            disbursed_on=disbursed_on,
        ),
        participations=tuple(
            Participation(
                participant_id=leg.participant_id,
                principal_cents=leg.cents,
                rate_cbp=company_rate_cbp if leg.participant_kind == "company" else lenders_rate_cbp,
            )
            for leg in legs
        ),
    )


async def _contract(connection: AnyConnection, request_id: str) -> _Contract:
    row = await connection.fetchrow(
        """
        SELECT borrower_id, request.company_id, covered_cents, months, debit_day, rate_bp, loan_rate_cbp, mandate_id,
            company_terms.terms
        FROM credit_request request
        LEFT JOIN company_terms
            ON company_terms.company_id = request.company_id AND company_terms.version = request.terms_version
        WHERE request.id = $1 FOR NO KEY UPDATE OF request
        """,
        request_id,
    )
    assert row is not None, request_id
    columns = dict(row.items())
    terms = columns.pop("terms")
    money = msgspec.json.decode(terms, type=CompanyTerms).company_money if terms else None
    return msgspec.convert({**columns, "company_rate_bp": money.rate_bp if money else None}, _Contract)


async def _legs(connection: AnyConnection, request_id: str) -> list[_Leg]:
    """In the order of the loan's shares: by participant, which does not depend on how the cover came about."""
    rows = await connection.fetch(
        """
        SELECT participant_kind, participant_id, fill_id, cents FROM payment_instruction
        WHERE request_id = $1 AND kind = 'fund' AND state = 'done' ORDER BY participant_kind DESC, participant_id
        """,
        request_id,
    )
    return [msgspec.convert(dict(row.items()), _Leg) for row in rows]
