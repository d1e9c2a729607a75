"""`schedule`: the instalment plan of a loan, one or many."""

import argparse
import sys
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import msgspec

from cli.cases import (
    ANSWERED,
    UNUSABLE,
    Refusal,
    answer_cases,
    converted_case,
    decoded_case,
    print_json,
    refuse,
)
from marketplace.calendar_months import months_later
from marketplace.loans.day_counts import DayCount
from marketplace.loans.schedules import (
    Instalment,
    Level,
    Method,
    PeriodUnit,
    PlanTerms,
    due_day_of,
    instalment_plan,
    units_later,
)
from marketplace.rounding import Rounding

PRINCIPAL_CENTS_MAX = 10**12
COUNT_MAX = 1_200
RATE_PERCENT_MAX = 1_000
RATE_DECIMALS_MAX = 30
YEARS_MAX = 100
"""How long a plan may last, and how far its first due date may lie."""
FIRST_YEAR, LAST_YEAR = 1900, 2200

ACCEPTED = {
    "id": "text or a whole number",
    "principal_cents": f"a whole number of cents, 1 to {PRINCIPAL_CENTS_MAX}",
    "rate_percent": f"a decimal number, 0 to {RATE_PERCENT_MAX}, with at most {RATE_DECIMALS_MAX} decimals",
    "count": f"a whole number of instalments, 1 to {COUNT_MAX}",
    "every": f"a whole number of units, 1 or more, the whole plan within {YEARS_MAX} years",
    "unit": ", ".join(PeriodUnit),
    "disbursed": f"an ISO date, {FIRST_YEAR}-01-01 to {LAST_YEAR}-12-31",
    "first_due": f"an ISO date later than disbursed, within {YEARS_MAX} years; left out: one period later",
    "day_count": ", ".join(DayCount),
    "level": f"{', '.join(Level)}; what a french plan's instalment is solved from: equal or actual periods",
    "method": ", ".join(Method),
    "rounding": ", ".join(Rounding),
}


class ScheduleCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str | int | None = None
    principal_cents: Annotated[int, msgspec.Meta(ge=1, le=PRINCIPAL_CENTS_MAX)]
    rate_percent: Decimal
    count: Annotated[int, msgspec.Meta(ge=1, le=COUNT_MAX)]
    every: Annotated[int, msgspec.Meta(ge=1)] = 1
    unit: PeriodUnit = PeriodUnit.MONTHS
    disbursed: date
    first_due: date | None = None
    day_count: DayCount = DayCount.THIRTY_360
    level: Level = Level.BY_MONTHS
    method: Method = Method.FRENCH
    rounding: Rounding = Rounding.HALF_UP


_LOAN_FIELDS = [field for field in msgspec.structs.fields(ScheduleCase) if field.name != "id"]
"""What the command line says of one loan; an id is for the lines of a file."""


class ScheduleRow(msgspec.Struct, frozen=True, kw_only=True):
    due: date
    days: int
    principal_cents: int
    interest_cents: int
    instalment_cents: int
    balance_cents: int


class ScheduleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    instalments: list[ScheduleRow]
    total_interest_cents: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The instalment plan of a loan: due dates, calendar days of each period, principal, interest and balance, "
        "in cents. The last instalment absorbs what rounding left. A loan disbursed on a day that the month of its "
        "first due date lacks falls due on that day afterwards."
    )
    parser.add_argument("--cases", type=Path, metavar="FILE", help="answer every line of a JSON Lines file")
    parser.add_argument("--json", action="store_true", help="answer one JSON object")
    for field in _LOAN_FIELDS:
        parser.add_argument(f"--{field.name.replace('_', '-')}", metavar="VALUE", help=_help(field))


def run(arguments: argparse.Namespace) -> int:
    """Answer on standard output; the exit status is 1 when a case is refused, 2 when there is none to answer."""
    if arguments.cases is not None:
        return answer_cases(arguments.cases, _answer_line)
    values = {field.name: getattr(arguments, field.name) for field in _LOAN_FIELDS}
    given = {name: value for name, value in values.items() if value is not None}
    if not given:
        print("schedule: give --cases FILE, or the loan by its options (see --help)", file=sys.stderr)
        return UNUSABLE
    case = converted_case(given, ScheduleCase, ACCEPTED)
    answer = case if isinstance(case, Refusal) else _answer(case)
    if isinstance(answer, Refusal):
        return refuse(answer, as_json=arguments.json)
    if arguments.json:
        print_json(answer)
    else:
        print(as_table(answer))
    return ANSWERED


def as_table(answer: ScheduleAnswer) -> str:
    """The plan as aligned columns, amounts in cents, for the eye and for golden files."""
    names = ("number", *ScheduleRow.__struct_fields__)
    rows = [(str(number), *map(str, msgspec.structs.astuple(row))) for number, row in enumerate(answer.instalments, 1)]
    widths = [max(len(row[column]) for row in [names, *rows]) for column in range(len(names))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [names, *rows]]
    return "\n".join([*lines, f"total_interest_cents {answer.total_interest_cents}"])


def _answer_line(line: bytes) -> ScheduleAnswer | Refusal:
    case = decoded_case(line, ScheduleCase, ACCEPTED)
    return case if isinstance(case, Refusal) else _answer(case)


def _answer(case: ScheduleCase) -> ScheduleAnswer | Refusal:
    refusal = _unanswerable(case)
    if refusal is not None:
        return refusal
    plan = instalment_plan(_terms(case), Fraction(case.rate_percent) / 100)
    return ScheduleAnswer(
        instalments=[_row(instalment) for instalment in plan.instalments],
        total_interest_cents=plan.total_interest_cents,
    )


def _unanswerable(case: ScheduleCase) -> Refusal | None:
    """What the types of the fields cannot say: limits that keep an absurd case within the calendar."""
    if not case.rate_percent.is_finite() or not 0 <= case.rate_percent <= RATE_PERCENT_MAX:
        return _refused("rate_percent", case.rate_percent)
    exponent = case.rate_percent.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > RATE_DECIMALS_MAX:
        return _refused("rate_percent", case.rate_percent)
    if not FIRST_YEAR <= case.disbursed.year <= LAST_YEAR:
        return _refused("disbursed", case.disbursed)
    units_a_year = {PeriodUnit.MONTHS: 12, PeriodUnit.WEEKS: 52, PeriodUnit.DAYS: 365}[case.unit]
    if case.every * case.count > units_a_year * YEARS_MAX:
        return _refused("every", case.every)
    latest = months_later(case.disbursed, 12 * YEARS_MAX)
    if case.first_due is not None and not case.disbursed < case.first_due <= latest:
        return _refused("first_due", case.first_due)
    return None


def _refused(field: str, given: object) -> Refusal:
    return Refusal(reason=f"{field} is {given}", would_pass=f"{field}: {ACCEPTED[field]}")


def _terms(case: ScheduleCase) -> PlanTerms:
    first_due = case.first_due or units_later(case.disbursed, case.every, case.unit)
    return PlanTerms(
        principal_cents=case.principal_cents,
        count=case.count,
        every=case.every,
        unit=case.unit,
        disbursed_on=case.disbursed,
        first_due_date=first_due,
        due_day=due_day_of(case.disbursed, first_due),
        day_count=case.day_count,
        level=case.level,
        method=case.method,
        rounding=case.rounding,
    )


def _row(instalment: Instalment) -> ScheduleRow:
    return ScheduleRow(
        due=instalment.due_date,
        days=instalment.days,
        principal_cents=instalment.principal_cents,
        interest_cents=instalment.interest_cents,
        instalment_cents=instalment.instalment_cents,
        balance_cents=instalment.balance_cents,
    )


def _help(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return f"{ACCEPTED[field.name]} (required without --cases)"
    return ACCEPTED[field.name] if field.default is None else f"{ACCEPTED[field.name]} (default: {field.default})"
