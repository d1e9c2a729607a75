"""Whether an employee may ask for a credit under the employer's policy, and what would pass where not.

Source: the duty to assess before signing, article 124-bis of the Italian banking act (TUB) and directive (EU)
2023/2225, articles 18 and 19. The thresholds are the company's own policy.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction

import msgspec

from marketplace.calendar_months import months_later, whole_months_between
from marketplace.company_terms import LARGEST_AMOUNT_CENTS, WHOLE_BP, TermsProblem
from marketplace.loans import assessment_reasons as reasons
from marketplace.loans.assessment_reasons import ContractType, Reason
from marketplace.loans.schedules import monthly_instalment_cents
from marketplace.range_problems import outside, problem
from marketplace.rounding import Rounding

WHOLE_EURO_CENTS = 100
"""An amount that would pass is told in whole euro, as credits are asked for."""


class EmployeeRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the employer's list and the employee's own declaration say of one person."""

    hired_on: date
    contract_type: ContractType
    contract_ends_on: date | None = None
    """Last day of a contract with a term; none for one without."""
    net_monthly_cents: int
    """Fixed net pay of a month, a thirteenth or fourteenth month's pay spread over twelve."""
    other_instalments_cents: int = 0
    """Instalments, salary assignments and garnishments already borne each month."""


class CreditPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A company's rules on who may borrow how much. Which terms it offers stands in its book terms."""

    seniority_min_months: int = 0
    contract_types: tuple[ContractType, ...] = (ContractType.PERMANENT,)
    instalment_max_bp: int = 3_000
    """Largest share of net monthly pay that all instalments together may take, basis points."""
    amount_min_cents: int
    amount_max_cents: int
    open_loans_max: int = 1


def policy_problems(policy: CreditPolicy) -> tuple[TermsProblem, ...]:
    """Every reason why `policy` cannot be a company's, empty when there is none."""
    least_cents = max(1, policy.amount_min_cents)
    return (
        *outside("amount_min_cents", policy.amount_min_cents, 1, LARGEST_AMOUNT_CENTS),
        *outside("amount_max_cents", policy.amount_max_cents, least_cents, LARGEST_AMOUNT_CENTS),
        *outside("instalment_max_bp", policy.instalment_max_bp, 0, WHOLE_BP),
        *outside("seniority_min_months", policy.seniority_min_months, 0, 600),
        *outside("open_loans_max", policy.open_loans_max, 1, 100),
        *(() if policy.contract_types else [problem("contract_types", "none", "at least one")]),
    )


class CreditApplication(msgspec.Struct, frozen=True, kw_only=True):
    amount_cents: int
    term_months: int
    max_rate_bp: int
    """The highest rate the borrower accepts: the instalment is judged at this rate, so that no cover can exceed it."""


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """Passed when there is no reason against. Every rule is judged, so the borrower learns all reasons at once."""

    reasons: tuple[Reason, ...]
    instalment_cents: int | None
    """The instalment it was judged by; none when amount or term are not admitted, as then there is none to judge."""

    @property
    def is_passed(self) -> bool:
        return not self.reasons


def assess(
    application: CreditApplication,
    employee: EmployeeRecord | None,
    policy: CreditPolicy,
    *,
    offered_months: Sequence[int],
    open_loans: int,
    on_date: date,
) -> Assessment:
    """Judge `application` on `on_date` by every rule of `policy`.

    `employee` is none for a person who is not on the company's list; `offered_months` are the terms of the company's
    book, at least one; `open_loans` counts the applicant's loans not settled yet and its requests under way.
    """
    offered = sorted(offered_months)
    found = list(_about_the_credit(application, policy, offered))
    instalment = None if found else _instalment_cents(application, application.term_months)
    if open_loans >= policy.open_loans_max:
        found.append(reasons.open_loans_at_maximum(open_loans=open_loans, maximum=policy.open_loans_max))
    if employee is None:
        found.insert(0, reasons.not_on_employee_list())
        return Assessment(reasons=tuple(found), instalment_cents=instalment)
    found += _about_the_employment(application, employee, policy, offered, on_date)
    if instalment is not None:
        found += _about_the_instalment(instalment, application, employee, policy, offered)
    return Assessment(reasons=tuple(found), instalment_cents=instalment)


def instalment_room_cents(employee: EmployeeRecord, policy: CreditPolicy) -> int:
    """The largest further instalment that the policy allows: its share of net pay, minus what is borne already."""
    share = employee.net_monthly_cents * policy.instalment_max_bp // WHOLE_BP
    return max(0, share - employee.other_instalments_cents)


def _about_the_credit(application: CreditApplication, policy: CreditPolicy, offered: Sequence[int]) -> Iterator[Reason]:
    if application.amount_cents < policy.amount_min_cents:
        yield reasons.amount_below_minimum(amount_cents=application.amount_cents, minimum_cents=policy.amount_min_cents)
    if application.amount_cents > policy.amount_max_cents:
        yield reasons.amount_above_maximum(amount_cents=application.amount_cents, maximum_cents=policy.amount_max_cents)
    if application.term_months not in offered:
        yield reasons.term_not_offered(application.term_months, offered)


def _about_the_employment(
    application: CreditApplication,
    employee: EmployeeRecord,
    policy: CreditPolicy,
    offered: Sequence[int],
    on_date: date,
) -> Iterator[Reason]:
    seniority = whole_months_between(employee.hired_on, max(on_date, employee.hired_on))
    if seniority < policy.seniority_min_months:
        reached_on = months_later(employee.hired_on, policy.seniority_min_months)
        yield reasons.seniority_below_minimum(
            months=seniority, minimum_months=policy.seniority_min_months, reached_on=reached_on
        )
    if employee.contract_type not in policy.contract_types:
        yield reasons.contract_type_not_admitted(employee.contract_type, policy.contract_types)
    ends_on = employee.contract_ends_on
    if ends_on is None or application.term_months not in offered:
        return
    last_due_on = months_later(on_date, application.term_months)
    if ends_on < last_due_on:
        in_time = [months for months in offered if months_later(on_date, months) <= ends_on]
        yield reasons.contract_ends_before_loan(
            ends_on=ends_on, last_due_on=last_due_on, longest_months=max(in_time, default=None)
        )


def _about_the_instalment(
    instalment_cents: int,
    application: CreditApplication,
    employee: EmployeeRecord,
    policy: CreditPolicy,
    offered: Sequence[int],
) -> Iterator[Reason]:
    room = instalment_room_cents(employee, policy)
    if instalment_cents <= room:
        return
    longer = (months for months in offered if months > application.term_months)
    yield reasons.instalment_above_share(
        instalment_cents=instalment_cents,
        room_cents=room,
        largest_amount_cents=_largest_amount_cents(application, room, policy.amount_min_cents),
        longer_months=next((months for months in longer if _instalment_cents(application, months) <= room), None),
    )


def _largest_amount_cents(application: CreditApplication, room_cents: int, minimum_cents: int) -> int | None:
    """The largest amount in whole euro whose instalment fits, by halving; none when even the smallest does not."""
    fits, too_much = 0, application.amount_cents // WHOLE_EURO_CENTS + 1
    while too_much - fits > 1:
        middle = (fits + too_much) // 2
        smaller = msgspec.structs.replace(application, amount_cents=middle * WHOLE_EURO_CENTS)
        if _instalment_cents(smaller, application.term_months) <= room_cents:
            fits = middle
        else:
            too_much = middle
    largest = fits * WHOLE_EURO_CENTS
    return largest if largest >= max(minimum_cents, 1) else None


def _instalment_cents(application: CreditApplication, months: int) -> int:
    rate = Fraction(application.max_rate_bp, WHOLE_BP)
    return monthly_instalment_cents(application.amount_cents, rate, months, Rounding.HALF_UP)
