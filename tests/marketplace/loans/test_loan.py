"""A loan is the fold of its events; what to collect and whom to pay follows from it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.business_days import BusinessCalendar, is_business_day
from marketplace.loans.collection_returns import RETURN_REASONS, ReturnStep, step_after_refusal
from marketplace.loans.loan import (
    InstalmentPart,
    Loan,
    LoanContradiction,
    LoanState,
    SharePayment,
    allocate_receipt,
    apply,
    days_past_due,
    fold,
    is_paid,
    loan_state,
    overdue_cents,
    share_receipt,
    unapplied_cash_now_due,
)
from marketplace.loans.loan_collections import NextCollection, next_collection
from marketplace.loans.loan_events import (
    CollectionRefused,
    CollectionRequested,
    CollectionsResumed,
    InstalmentCollected,
    LoanDisbursed,
    LoanEvent,
    LoanSettled,
    Participation,
    UnappliedCashApplied,
)
from marketplace.loans.schedules import PlanTerms

# 15 February 2026 is a Sunday, 15 March too; 15 April is a Wednesday.
TERMS = PlanTerms(
    principal_cents=1_000_00, count=12, disbursed_on=date(2026, 1, 15), first_due_date=date(2026, 2, 15), due_day=15
)
TICKETS = {"ada": 333_34, "bob": 333_33, "cyd": 333_33}


def a_disbursement(**changes: Any) -> LoanDisbursed:
    event = LoanDisbursed(
        loan_id="loan",
        request_id="request",
        borrower_id="borrower",
        company_id="alfa",
        rate_cbp=60_000,
        terms=TERMS,
        participations=tuple(
            Participation(participant_id=lender, principal_cents=cents, rate_cbp=60_000)
            for lender, cents in TICKETS.items()
        ),
    )
    return msgspec.structs.replace(event, **changes)


def requested(collection: NextCollection, collection_id: str) -> CollectionRequested:
    return CollectionRequested(
        loan_id="loan",
        collection_id=collection_id,
        requested_on=collection.submission_date,
        collection_date=collection.collection_date,
        amount_cents=collection.amount_cents,
        presentation=collection.presentation,
    )


def presented(loan: Loan, on: str) -> CollectionRequested:
    collection = next_collection(loan, date.fromisoformat(on))
    assert collection is not None
    return requested(collection, f"handed in {on}")


def after_collecting(loan: Loan, on: str) -> Loan:
    """The loan once the debit handed in `on` that day has been credited on its date."""
    debit = presented(loan, on)
    credited = InstalmentCollected(
        loan_id="loan",
        collection_id=debit.collection_id,
        collected_on=debit.collection_date,
        amount_cents=debit.amount_cents,
    )
    return fold_on(loan, [debit, credited])


def after_refusal(loan: Loan, on: str, reason_code: str) -> Loan:
    """The loan once the debit handed in `on` that day has been refused on its date."""
    debit = presented(loan, on)
    refusal = CollectionRefused(
        loan_id="loan",
        collection_id=debit.collection_id,
        refused_on=debit.collection_date,
        reason_code=reason_code,
    )
    return fold_on(loan, [debit, refusal])


def fold_on(loan: Loan, events: Sequence[LoanEvent]) -> Loan:
    for event in events:
        loan = apply(loan, event)
    return loan


def disbursed() -> Loan:
    return fold([a_disbursement()])


def test_a_loan_begins_with_its_plan_and_its_shares() -> None:
    loan = disbursed()

    assert len(loan.instalments) == 12
    assert (loan.principal_left_cents, loan.left_cents) == (1_000_00, 1_032_80)
    assert [share.principal_left_cents for share in loan.shares] == [333_34, 333_33, 333_33]
    assert loan_state(loan, date(2026, 1, 15)) is LoanState.CURRENT


def test_an_instalment_is_collected_on_its_due_date_moved_to_a_target_day() -> None:
    assert next_collection(disbursed(), date(2026, 1, 20)) == NextCollection(
        collection_date=date(2026, 2, 16),
        submission_date=date(2026, 2, 12),
        amount_cents=86_07,
        instalment_numbers=(1,),
        presentation=1,
        needs_notice=False,
    )


def test_a_collection_missed_by_days_goes_out_for_the_first_day_still_in_time() -> None:
    collection = next_collection(disbursed(), date(2026, 2, 14))

    assert collection is not None
    assert (collection.submission_date, collection.collection_date) == (date(2026, 2, 16), date(2026, 2, 18))
    assert collection.needs_notice


def test_after_months_of_silence_everything_overdue_is_collected_at_once() -> None:
    collection = next_collection(disbursed(), date(2026, 4, 20))

    assert collection is not None
    assert (collection.instalment_numbers, collection.amount_cents) == ((1, 2, 3), 3 * 86_07)
    assert collection.needs_notice


def test_nothing_more_is_collected_while_a_debit_is_open() -> None:
    loan = apply(disbursed(), presented(disbursed(), "2026-02-12"))

    assert next_collection(loan, date(2026, 2, 13)) is None


def test_a_receipt_pays_interest_before_principal_and_each_lender_to_the_cent() -> None:
    loan = disbursed()

    allocation = allocate_receipt(loan, 86_07, date(2026, 2, 16))

    assert allocation.parts == (InstalmentPart(number=1, interest_cents=5_00, principal_cents=81_07),)
    assert share_receipt(loan, allocation) == (
        SharePayment(participant_id="ada", interest_cents=1_67, principal_cents=27_03),
        SharePayment(participant_id="bob", interest_cents=1_67, principal_cents=27_02),
        SharePayment(participant_id="cyd", interest_cents=1_66, principal_cents=27_02),
    )


@pytest.mark.parametrize(
    ("cents", "parts", "unapplied_cents"),
    [
        pytest.param(3_00, [(1, 3_00, 0)], 0, id="interest of the oldest first"),
        pytest.param(50_00, [(1, 5_00, 45_00)], 0, id="then its principal"),
        pytest.param(90_00, [(1, 5_00, 81_07), (2, 3_93, 0)], 0, id="then the interest of the next"),
        pytest.param(172_14, [(1, 5_00, 81_07), (2, 4_59, 81_48)], 0, id="both whole"),
        pytest.param(200_00, [(1, 5_00, 81_07), (2, 4_59, 81_48)], 27_86, id="what is in advance stays unapplied"),
        pytest.param(0, [], 0, id="nothing pays nothing"),
    ],
)
def test_a_receipt_walks_from_the_oldest_instalment_due(
    cents: int, parts: list[tuple[int, int, int]], unapplied_cents: int
) -> None:
    allocation = allocate_receipt(disbursed(), cents, date(2026, 3, 15))

    assert [(part.number, part.interest_cents, part.principal_cents) for part in allocation.parts] == parts
    assert allocation.unapplied_cents == unapplied_cents


def test_money_credited_before_it_is_due_waits_and_is_applied_on_the_day() -> None:
    loan = disbursed()
    debit = presented(loan, "2026-02-12")
    early = InstalmentCollected(
        loan_id="loan", collection_id=debit.collection_id, collected_on=date(2026, 2, 13), amount_cents=86_07
    )
    loan = fold_on(loan, [debit, early])

    assert (loan.unapplied_cents, loan.principal_left_cents) == (86_07, 1_000_00)
    assert unapplied_cash_now_due(loan, date(2026, 2, 14)) is None
    assert next_collection(loan, date(2026, 2, 12)) is None

    application = unapplied_cash_now_due(loan, date(2026, 2, 15))
    assert application == UnappliedCashApplied(loan_id="loan", applied_on=date(2026, 2, 15))
    loan = apply(loan, application)
    assert (loan.unapplied_cents, loan.principal_left_cents) == (0, 918_93)


def test_a_loan_paid_on_time_ends_settled_with_every_share_closed() -> None:
    loan, day = disbursed(), date(2026, 1, 20)
    while (collection := next_collection(loan, day)) is not None:
        day = collection.submission_date
        loan = after_collecting(loan, day.isoformat())
        assert loan_state(loan, collection.collection_date) is LoanState.CURRENT

    assert is_paid(loan)
    assert [share.principal_paid_cents for share in loan.shares] == [333_34, 333_33, 333_33]
    assert [share.interest_paid_cents for share in loan.shares] == [10_94, 10_93, 10_93]

    loan = apply(loan, LoanSettled(loan_id="loan", settled_on=date(2027, 1, 15)))
    assert loan_state(loan, date(2027, 1, 15)) is LoanState.SETTLED


@pytest.mark.parametrize(
    ("on", "days", "overdue_cents_then", "state"),
    [
        pytest.param("2026-02-15", 0, 0, LoanState.CURRENT, id="on the due date"),
        pytest.param("2026-02-16", 0, 0, LoanState.CURRENT, id="on the TARGET day it moved to"),
        pytest.param("2026-02-17", 1, 86_07, LoanState.LATE, id="the day after"),
        pytest.param("2026-03-16", 28, 86_07, LoanState.LATE, id="a month later the next is payable, not late"),
        pytest.param("2026-03-17", 29, 172_14, LoanState.LATE, id="counted from the oldest unpaid"),
    ],
)
def test_lateness_counts_from_the_oldest_unpaid_instalment(
    on: str, days: int, overdue_cents_then: int, state: LoanState
) -> None:
    day = date.fromisoformat(on)

    assert days_past_due(disbursed(), day) == days
    assert overdue_cents(disbursed(), day) == overdue_cents_then
    assert loan_state(disbursed(), day) is state


@pytest.mark.parametrize("reason_code", ["AM04", "MS03"])
def test_a_debit_refused_for_want_of_money_is_presented_once_more_on_the_fifth_business_day(reason_code: str) -> None:
    loan = after_refusal(disbursed(), "2026-02-12", reason_code)

    assert loan.needs_person is None
    assert next_collection(loan, date(2026, 2, 16)) == NextCollection(
        collection_date=date(2026, 2, 23),
        submission_date=date(2026, 2, 19),
        amount_cents=86_07,
        instalment_numbers=(1,),
        presentation=2,
        needs_notice=True,
    )


def test_a_re_presentation_goes_together_with_an_instalment_that_comes_first() -> None:
    debit = presented(disbursed(), "2026-02-12")
    late_refusal = CollectionRefused(
        loan_id="loan", collection_id=debit.collection_id, refused_on=date(2026, 3, 12), reason_code="AM04"
    )
    loan = fold_on(disbursed(), [debit, late_refusal])

    assert next_collection(loan, date(2026, 3, 12)) == NextCollection(
        collection_date=date(2026, 3, 16),
        submission_date=date(2026, 3, 12),
        amount_cents=2 * 86_07,
        instalment_numbers=(1, 2),
        presentation=2,
        needs_notice=True,
    )


def test_a_debt_collected_the_second_time_stays_one_instalment() -> None:
    loan = after_collecting(after_refusal(disbursed(), "2026-02-12", "AM04"), "2026-02-19")

    assert (loan.refused, loan.left_cents) == (None, 1_032_80 - 86_07)
    assert loan_state(loan, date(2026, 2, 24)) is LoanState.CURRENT
    collection = next_collection(loan, date(2026, 2, 24))
    assert collection is not None
    assert (collection.instalment_numbers, collection.presentation) == ((2,), 1)


def test_a_second_refusal_stops_collecting_until_a_person_resumes_it() -> None:
    loan = after_refusal(after_refusal(disbursed(), "2026-02-12", "AM04"), "2026-02-19", "AM04")

    assert loan.needs_person is ReturnStep.CONTACT_BORROWER
    assert next_collection(loan, date(2026, 3, 1)) is None

    resumption = CollectionsResumed(
        loan_id="loan", resumed_on=date(2026, 3, 2), decided_by="ops-7", note="pay day moved to the 27th"
    )
    collection = next_collection(apply(loan, resumption), date(2026, 3, 2))
    assert collection is not None
    assert (collection.collection_date, collection.presentation) == (date(2026, 3, 4), 1)


@pytest.mark.parametrize(
    ("reason_code", "step"),
    [
        ("AC01", ReturnStep.NEW_ACCOUNT),
        ("AC04", ReturnStep.NEW_ACCOUNT),
        ("AC06", ReturnStep.CONTACT_BORROWER),
        ("MD01", ReturnStep.NEW_MANDATE),
        ("MD06", ReturnStep.CONTACT_BORROWER),
        ("MD07", ReturnStep.ESTATE),
        ("MS02", ReturnStep.CONTACT_BORROWER),
        ("FRAD", ReturnStep.SECURITY_REVIEW),
        ("AM05", ReturnStep.CORRECT_OUR_DATA),
        ("XX99", ReturnStep.UNKNOWN_CODE),
    ],
)
def test_any_other_reason_stops_collecting_and_says_what_a_person_has_to_do(reason_code: str, step: ReturnStep) -> None:
    loan = after_refusal(disbursed(), "2026-02-12", reason_code)

    assert loan.needs_person is step
    assert next_collection(loan, date(2026, 2, 17)) is None


def test_only_missing_money_and_silent_banks_are_presented_again_and_only_once() -> None:
    again = [code for code in RETURN_REASONS if step_after_refusal(code, 1) is ReturnStep.PRESENT_AGAIN]

    assert again == ["AM04", "MS03"]
    assert all(step_after_refusal(code, 2) is ReturnStep.CONTACT_BORROWER for code in again)


def test_a_subsidised_tranche_earns_its_own_rate() -> None:
    """800.00 of lenders at 6.00 % and 200.00 of the employer at 1.00 % make a loan at 5.00 %."""
    parts = [("ada", 500_00, 60_000), ("bob", 300_00, 60_000), ("alfa", 200_00, 10_000)]
    loan = fold(
        [
            a_disbursement(
                rate_cbp=50_000,
                participations=tuple(
                    Participation(participant_id=who, principal_cents=cents, rate_cbp=rate)
                    for who, cents, rate in parts
                ),
            )
        ]
    )

    payments = share_receipt(loan, allocate_receipt(loan, 85_61, date(2026, 2, 16)))

    assert [(payment.interest_cents, payment.principal_cents) for payment in payments] == [
        (2_50, 40_72),
        (1_50, 24_43),
        (17, 16_29),
    ]


def test_events_keep_their_tags_and_terms_through_json() -> None:
    loan = disbursed()
    debit = presented(loan, "2026-02-12")
    events: list[LoanEvent] = [
        a_disbursement(),
        debit,
        CollectionRefused(
            loan_id="loan", collection_id=debit.collection_id, refused_on=date(2026, 2, 16), reason_code="AM04"
        ),
        LoanSettled(loan_id="loan", settled_on=date(2027, 1, 15)),
    ]

    stored = [msgspec.json.encode(event) for event in events]

    assert [msgspec.json.decode(text)["type"] for text in stored] == [
        "loan_disbursed",
        "collection_requested",
        "collection_refused",
        "loan_settled",
    ]
    assert [msgspec.json.decode(text, type=LoanEvent) for text in stored] == events


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(a_disbursement(), id="disbursed twice"),
        pytest.param(LoanSettled(loan_id="loan", settled_on=date(2026, 2, 1)), id="settled while owed"),
        pytest.param(LoanSettled(loan_id="another", settled_on=date(2026, 2, 1)), id="of another loan"),
        pytest.param(
            InstalmentCollected(
                loan_id="loan", collection_id="never", collected_on=date(2026, 2, 16), amount_cents=86_07
            ),
            id="collected without a request",
        ),
        pytest.param(
            CollectionsResumed(loan_id="loan", resumed_on=date(2026, 2, 1), decided_by="ops-7", note=""),
            id="resumed though never stopped",
        ),
    ],
)
def test_an_event_that_cannot_have_happened_contradicts_the_loan(event: LoanEvent) -> None:
    with pytest.raises(LoanContradiction):
        apply(disbursed(), event)


@pytest.mark.parametrize(
    "participations",
    [
        pytest.param([("ada", 999_99, 60_000)], id="principals do not sum to the loan"),
        pytest.param([("ada", 500_00, 60_000), ("ada", 500_00, 60_000)], id="one lender twice"),
        pytest.param([("ada", 1_000_00, 59_999)], id="rates do not make the rate of the loan"),
    ],
)
def test_shares_that_do_not_make_up_the_loan_contradict_it(participations: list[tuple[str, int, int]]) -> None:
    parts = tuple(
        Participation(participant_id=who, principal_cents=cents, rate_cbp=rate) for who, cents, rate in participations
    )

    with pytest.raises(LoanContradiction):
        fold([a_disbursement(participations=parts)])


def test_a_loan_without_its_disbursement_is_a_contradiction() -> None:
    with pytest.raises(LoanContradiction, match="without events"):
        fold([])
    with pytest.raises(LoanContradiction, match="never disbursed"):
        fold([LoanSettled(loan_id="loan", settled_on=date(2026, 2, 16))])


@st.composite
def shared_loans(draw: st.DrawFn) -> LoanDisbursed:
    tickets = draw(st.lists(st.integers(10_00, 500_00), min_size=1, max_size=30))
    rate_cbp = draw(st.integers(0, 120_000))
    disbursed_on = draw(st.dates(date(2026, 1, 1), date(2028, 12, 31)))
    terms = PlanTerms(
        principal_cents=sum(tickets),
        count=draw(st.integers(1, 24)),
        disbursed_on=disbursed_on,
        first_due_date=disbursed_on + timedelta(days=draw(st.integers(14, 44))),
    )
    return a_disbursement(
        rate_cbp=rate_cbp,
        terms=terms,
        participations=tuple(
            Participation(participant_id=f"lender {number}", principal_cents=cents, rate_cbp=rate_cbp)
            for number, cents in enumerate(tickets)
        ),
    )


@settings(deadline=None)
@given(event=shared_loans(), outcomes=st.lists(st.sampled_from(["paid", "AM04", "AC04"]), max_size=60))
def test_whatever_the_bank_answers_no_cent_is_lost_and_the_loan_ends_settled(
    event: LoanDisbursed, outcomes: list[str]
) -> None:
    events: list[LoanEvent] = [event]
    loan, day, collected = fold(events), event.terms.disbursed_on, 0
    planned = loan.left_cents

    def record(fact: LoanEvent) -> None:
        nonlocal loan
        events.append(fact)
        loan = apply(loan, fact)

    answers = iter(outcomes)
    while not is_paid(loan):
        if loan.needs_person is not None:
            record(CollectionsResumed(loan_id="loan", resumed_on=day, decided_by="ops-7", note="new account"))
        collection = next_collection(loan, day)
        assert collection is not None
        assert is_business_day(collection.collection_date, BusinessCalendar.TARGET)
        assert day <= collection.submission_date < collection.collection_date
        day = collection.collection_date
        record(requested(collection, f"collection {len(events)}"))
        answer = next(answers, "paid")
        identity = {"loan_id": "loan", "collection_id": f"collection {len(events) - 1}"}
        if answer == "paid":
            collected += collection.amount_cents
            record(InstalmentCollected(**identity, collected_on=day, amount_cents=collection.amount_cents))
        else:
            record(CollectionRefused(**identity, refused_on=day, reason_code=answer))
        shared = sum(share.principal_paid_cents + share.interest_paid_cents for share in loan.shares)
        assert shared + loan.unapplied_cents == collected

    assert collected == planned
    assert all(share.principal_left_cents == 0 for share in loan.shares)
    assert fold(events) == loan
