"""The file format of worked APR examples: cash flows in series, dated intervals, and what was published for them."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Annotated, Literal

import msgspec

from cli.cases import Refusal
from marketplace.loans.apr import CashFlow
from marketplace.loans.apr_periods import AprUnit

FLOWS_MAX = 10_000
YEARS_MAX = 1_000
AMOUNT_MAX = 10**15
DECIMALS_MAX = 12

ACCEPTED = {
    "id": "text or a whole number",
    "cash_flows": "a list of series {kind, amount or amounts, count, first, every}, at least one",
    "kind": "drawdown, payment",
    "amount": f"a decimal number from 0 to {AMOUNT_MAX} with at most {DECIMALS_MAX} decimals",
    "amounts": "a list of such amounts, as many as count when that is given",
    "count": f"a whole number, 1 or more, at most {FLOWS_MAX} flows in all",
    "first": f"{{years, months, weeks, days, days_in_year}}, whole numbers, within {YEARS_MAX} years",
    "every": "the same as first",
    "expected": "{apr_pct, apr_pct_1dp}, decimal numbers",
    "check": "{compare, tolerance_pp}; compare is abs_diff_pp or round_half_up_to_N_decimals",
    "from_first_drawdown": "an ISO date",
    "to_payment": "an ISO date",
    "unit": ", ".join(AprUnit),
}


class TimeSpan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time from the first drawdown in the directive's units; below zero before it."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    days_in_year: Literal[365, 366] = 365

    @property
    def exact_years(self) -> Fraction:
        return (
            self.years + Fraction(self.months, 12) + Fraction(self.weeks, 52) + Fraction(self.days, self.days_in_year)
        )


class Series(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Flows of one kind at `first`, `first + every` and so on; `amounts` one by one, or `amount` each time."""

    kind: Literal["drawdown", "payment"]
    amount: Decimal | None = None
    amounts: tuple[Decimal, ...] | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    first: TimeSpan
    every: TimeSpan | None = None


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    apr_pct: Decimal
    apr_pct_1dp: Decimal | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    compare: Annotated[str, msgspec.Meta(pattern=r"^(abs_diff_pp|round_half_up_to_\d{1,2}_decimals)$")]
    tolerance_pp: Decimal = Decimal(0)


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that only describe an example (title, source, loan, note) may be there and are not read."""

    id: str | int | None = None
    cash_flows: Annotated[tuple[Series, ...], msgspec.Meta(min_length=1)]
    expected: Expected | None = None
    check: Check | None = None


class IntervalExample(msgspec.Struct, frozen=True, kw_only=True):
    """Two dates and how the directive counts the time between them."""

    id: str | int | None = None
    from_first_drawdown: date
    to_payment: date
    unit: AprUnit
    whole_units: int | None = None
    days: int | None = None
    days_in_year: int | None = None


class ExampleFile(msgspec.Struct, frozen=True, kw_only=True):
    """Each example stays undecoded, so that a bad one does not take the others with it."""

    examples: tuple[msgspec.Raw, ...]
    interval_examples: tuple[msgspec.Raw, ...] = ()


def cash_flows(example: Example) -> list[CashFlow] | Refusal:
    """The flows of an example one by one, in the smallest decimal unit that makes all amounts whole."""
    amounts_of = []
    for series in example.cash_flows:
        amounts = _amounts(series)
        if isinstance(amounts, Refusal):
            return amounts
        amounts_of.append(amounts)
    if sum(map(len, amounts_of)) > FLOWS_MAX:
        return _refused("count", f"more than {FLOWS_MAX} flows")
    unit = lcm(*(Fraction(amount).denominator for amounts in amounts_of for amount in amounts))
    flows: list[CashFlow] = []
    for series, amounts in zip(example.cash_flows, amounts_of, strict=True):
        flows.extend(_flows(series, amounts, unit))
    if any(abs(flow.years) > YEARS_MAX for flow in flows):
        return _refused("first", f"more than {YEARS_MAX} years away")
    return flows


def _amounts(series: Series) -> list[Decimal] | Refusal:
    if (series.amount is None) == (series.amounts is None):
        return _refused("amount", "given together with amounts, or neither is given")
    if series.amount is not None:
        count = series.count or 1
        if count > FLOWS_MAX:
            return _refused("count", str(count))
        amounts = [series.amount] * count
    else:
        amounts = list(series.amounts or ())
        if not amounts or series.count not in (None, len(amounts)):
            return _refused("amounts", f"{len(amounts)} amounts for a count of {series.count}")
    if len(amounts) > 1 and series.every is None:
        return _refused("every", "left out for more than one flow")
    refused = next((amount for amount in amounts if not _is_acceptable(amount)), None)
    return amounts if refused is None else _refused("amount", str(refused))


def _is_acceptable(amount: Decimal) -> bool:
    if not amount.is_finite() or not 0 <= amount <= AMOUNT_MAX:
        return False
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= DECIMALS_MAX


def _flows(series: Series, amounts: list[Decimal], unit: int) -> Iterator[CashFlow]:
    sign = 1 if series.kind == "drawdown" else -1
    first, every = series.first.exact_years, (series.every or TimeSpan()).exact_years
    for index, amount in enumerate(amounts):
        yield CashFlow(amount=sign * int(Fraction(amount) * unit), years=first + index * every)


def _refused(field: str, given: str) -> Refusal:
    return Refusal(reason=f"{field} is {given}", would_pass=f"{field}: {ACCEPTED[field]}")
