"""`apr`: the annual percentage rate (TAEG) of cash flows, beside the rate expected of them."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec

from cli.apr_examples import ACCEPTED, Check, Example, ExampleFile, Expected, IntervalExample, cash_flows
from cli.cases import (
    ANSWERED,
    REFUSED,
    UNUSABLE,
    Refusal,
    answer_cases,
    case_id,
    decoded_case,
    print_json,
    refuse,
    unreadable,
)
from marketplace.loans.apr import APR_PERCENT_DECIMALS, AprImpossible, rounded_percent, unrounded_apr_percent
from marketplace.loans.apr_periods import interval_between
from marketplace.rounding import Rounding, rounded

YEAR_FRACTION_DECIMALS = 10

WHAT_HAS_A_RATE = {
    AprImpossible.NO_DRAWDOWN: "at least one drawdown above zero",
    AprImpossible.NO_PAYMENT: "at least one payment above zero",
    AprImpossible.NO_RATE: "drawdowns and payments that are worth the same at some rate from -100 % to 10^15 % a year",
}


class AprAnswer(msgspec.Struct, frozen=True, kw_only=True):
    apr_percent: Decimal
    """With 6 decimals."""
    expected_percent: Decimal | None
    agrees: bool | None
    """Within the example's own tolerance, and equal at one decimal when it gives one; none when nothing is expected."""


class IntervalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    whole_units: int
    days: int
    days_in_year: int | None
    year_fraction: Decimal
    """With 10 decimals."""
    agrees: bool | None


Outcome = tuple[str | int | None, AprAnswer | IntervalAnswer | Refusal]
"""The id of an example and what became of it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The annual percentage rate of charge (TAEG) of each example, to 6 decimals, beside the published one. "
        "The exit status is 1 when an example is refused or differs by more than its own tolerance."
    )
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a JSON object with the field `examples`")
    parser.add_argument("--cases", type=Path, metavar="FILE", help="answer every line of a JSON Lines file of examples")
    parser.add_argument("--json", action="store_true", help="answer one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Answer on standard output; the exit status is 1 when an example is refused or differs, 2 when there is none."""
    if arguments.cases is not None:
        return answer_cases(arguments.cases, _answer_line, is_expected=_is_expected)
    if arguments.file is None:
        print("apr: give a FILE of examples or --cases FILE (see --help)", file=sys.stderr)
        return UNUSABLE
    try:
        content = arguments.file.read_bytes()
    except OSError as error:
        return unreadable(arguments.file, error)
    examples = decoded_case(content, ExampleFile, {"examples": "a list of examples"})
    if isinstance(examples, Refusal):
        return refuse(examples, as_json=arguments.json)
    rates = _outcomes(examples.examples, _rate)
    intervals = _outcomes(examples.interval_examples, _interval)
    if arguments.json:
        print_json(
            {
                "examples": [_as_object(outcome) for outcome in rates],
                "interval_examples": [_as_object(outcome) for outcome in intervals],
                "count": len(rates),
                "agreeing": _agreeing(rates),
            }
        )
    else:
        print("\n".join([*map(_as_line, rates), *map(_as_line, intervals)]))
        print(f"{_agreeing(rates)} of {len(rates)} examples and {_agreeing(intervals)} of {len(intervals)} dates agree")
    is_good = all(not isinstance(result, Refusal) and _is_expected(result) for _, result in [*rates, *intervals])
    return ANSWERED if is_good else REFUSED


def _answer_line(line: bytes) -> AprAnswer | IntervalAnswer | Refusal:
    kind = decoded_case(line, _CaseKind, ACCEPTED)
    if isinstance(kind, Refusal):
        return kind
    return _rate(line) if kind.from_first_drawdown is msgspec.UNSET else _interval(line)


class _CaseKind(msgspec.Struct):
    """Tells a case of dates from one of cash flows: only the former says where the time begins."""

    from_first_drawdown: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def _outcomes(
    examples: Sequence[msgspec.Raw], answer: Callable[[bytes], AprAnswer | IntervalAnswer | Refusal]
) -> list[Outcome]:
    return [(case_id(bytes(example)), answer(bytes(example))) for example in examples]


def _rate(data: bytes) -> AprAnswer | Refusal:
    example = decoded_case(data, Example, ACCEPTED)
    if isinstance(example, Refusal):
        return example
    flows = cash_flows(example)
    if isinstance(flows, Refusal):
        return flows
    percent = unrounded_apr_percent(flows)
    if isinstance(percent, AprImpossible):
        return Refusal(reason=percent.value, would_pass=WHAT_HAS_A_RATE[percent])
    expected = example.expected
    return AprAnswer(
        apr_percent=rounded_percent(percent, APR_PERCENT_DECIMALS),
        expected_percent=None if expected is None else expected.apr_pct,
        agrees=None if expected is None else _agrees(percent, expected, example.check),
    )


def _agrees(percent: Decimal, expected: Expected, check: Check | None) -> bool:
    if expected.apr_pct_1dp is not None and rounded_percent(percent, 1) != expected.apr_pct_1dp:
        return False
    if check is not None and check.compare == "abs_diff_pp":
        return abs(percent - expected.apr_pct) <= check.tolerance_pp
    return rounded_percent(percent, _decimals(expected, check)) == expected.apr_pct


def _decimals(expected: Expected, check: Check | None) -> int:
    """The decimals to compare at: those that the check names, else those of the published rate."""
    named = re.search(r"\d+", check.compare) if check is not None else None
    if named is not None:
        return int(named[0])
    exponent = expected.apr_pct.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _interval(data: bytes) -> IntervalAnswer | Refusal:
    example = decoded_case(data, IntervalExample, ACCEPTED)
    if isinstance(example, Refusal):
        return example
    if example.to_payment < example.from_first_drawdown:
        return Refusal(
            reason=f"to_payment is {example.to_payment}",
            would_pass=f"to_payment: not before {example.from_first_drawdown}",
        )
    interval = interval_between(example.from_first_drawdown, example.to_payment, example.unit)
    found = (interval.whole_units, interval.days, interval.days_in_year)
    is_expected = example.whole_units is not None
    return IntervalAnswer(
        whole_units=interval.whole_units,
        days=interval.days,
        days_in_year=interval.days_in_year,
        year_fraction=_as_decimal(interval.years),
        agrees=found == (example.whole_units, example.days, example.days_in_year) if is_expected else None,
    )


def _as_decimal(years: Fraction) -> Decimal:
    scaled = rounded(years * 10**YEAR_FRACTION_DECIMALS, Rounding.HALF_UP)
    return Decimal(scaled).scaleb(-YEAR_FRACTION_DECIMALS)


def _is_expected(answer: msgspec.Struct) -> bool:
    """Whether an answer is what was expected, should anything be."""
    return not (isinstance(answer, AprAnswer | IntervalAnswer) and answer.agrees is False)


def _agreeing(outcomes: Sequence[Outcome]) -> int:
    return sum(not isinstance(result, Refusal) and bool(result.agrees) for _, result in outcomes)


def _as_object(outcome: Outcome) -> dict[str, object]:
    example_id, result = outcome
    if isinstance(result, Refusal):
        return {"id": example_id, "error": result}
    return {"id": example_id, **msgspec.structs.asdict(result)}


def _as_line(outcome: Outcome) -> str:
    example_id, result = outcome
    match result:
        case Refusal():
            return f"{example_id!s:16} refused: {result.reason}; what would pass: {result.would_pass}"
        case AprAnswer():
            rates = f"{result.apr_percent:>16} %, expected {result.expected_percent}"
            return f"{example_id!s:16} {rates} {_verdict(result.agrees)}"
        case IntervalAnswer():
            counted = f"{result.whole_units} units, {result.days} days of {result.days_in_year}"
            return f"{example_id!s:16} {counted}: {result.year_fraction} years {_verdict(result.agrees)}"


def _verdict(agrees: bool | None) -> str:
    return {True: "agrees", False: "DIFFERS", None: ""}[agrees]
