"""Computations put from a shell for checking by hand: one case, or many in a file of JSON Lines."""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from marketplace.allocation.book_file import BookFileRefusal

ANSWERED = 0
REFUSED = 1
"""Exit status when a case was refused, or an answer differs from the one expected."""
UNUSABLE = 2
"""Exit status when there was nothing to answer: wrong arguments, a file that cannot be read."""


class Refusal(msgspec.Struct, frozen=True):
    """Why a case cannot be answered, and what would pass."""

    reason: str
    would_pass: str


Case = TypeVar("Case")

UNREADABLE_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""How the decoder refuses a text: another shape or no JSON, no UTF-8, nested more deeply than it follows."""


def why_unreadable(error: Exception) -> str:
    """One of UNREADABLE_JSON in words."""
    if isinstance(error, UnicodeDecodeError):
        return "the text is not UTF-8"
    return "the JSON is nested too deeply to be read" if isinstance(error, RecursionError) else str(error)


def decoded_case(data: bytes, case_type: type[Case], accepted: Mapping[str, str]) -> Case | Refusal:
    """The case in the JSON object `data`; `accepted` says of each field what passes."""
    try:
        return msgspec.json.decode(data, type=case_type)
    except msgspec.DecodeError as error:
        return _refusal(error, accepted)
    except (UnicodeDecodeError, RecursionError) as error:
        return Refusal(reason=why_unreadable(error), would_pass=f"a JSON object with the fields {', '.join(accepted)}")


def converted_case(values: Mapping[str, object], case_type: type[Case], accepted: Mapping[str, str]) -> Case | Refusal:
    """The case given by command-line arguments, read as strictly as one in a file."""
    try:
        return msgspec.convert(values, case_type, strict=False)
    except msgspec.ValidationError as error:
        return _refusal(error, accepted)


def refusal_of_book(refused: BookFileRefusal, *, source: Path | None = None) -> Refusal:
    """Everything that is wrong with a book file, each place after the file's name where `source` tells it."""
    where = "" if source is None else f"{source}: "
    return Refusal(
        reason="; ".join(f"{where}{problem.at}: {problem.given}" for problem in refused.problems),
        would_pass="; ".join(f"{problem.at}: {problem.accepted}" for problem in refused.problems),
    )


def answer_cases(
    path: Path,
    answer: Callable[[bytes], msgspec.Struct | Refusal],
    *,
    is_expected: Callable[[msgspec.Struct], bool] = lambda _: True,
) -> int:
    """Answer every line of `path` on standard output, one JSON object a line, in order, each with the id of its case.

    The exit status is 1 when a case is refused or its answer is not the expected one.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        return unreadable(path, error)
    status = ANSWERED
    for line in lines:
        if not line.strip():
            continue
        result = answer(line)
        if isinstance(result, Refusal):
            status = REFUSED
            print_json({"id": case_id(line), "error": result})
        else:
            status = status if is_expected(result) else REFUSED
            print_json({"id": case_id(line), **msgspec.structs.asdict(result)})
    return status


def refuse(refusal: Refusal, *, as_json: bool) -> int:
    """Tell that the one case asked for is refused; the exit status."""
    if as_json:
        print_json({"error": refusal})
    else:
        print(f"refused: {refusal.reason}; what would pass: {refusal.would_pass}", file=sys.stderr)
    return REFUSED


def unreadable(path: Path, error: OSError) -> int:
    """Tell that `path` cannot be read; the exit status."""
    print(f"{path}: {error.strerror or error}", file=sys.stderr)
    return UNUSABLE


def print_json(value: object) -> None:
    print(msgspec.json.encode(value).decode())


class _Identified(msgspec.Struct):
    id: str | int | None = None


def case_id(line: bytes) -> str | int | None:
    """The `id` of the JSON object `line`; none when it has none or is no JSON object."""
    try:
        return msgspec.json.decode(line, type=_Identified).id
    except UNREADABLE_JSON:
        return None


def _refusal(error: msgspec.DecodeError, accepted: Mapping[str, str]) -> Refusal:
    reason = str(error)
    named = re.search(r"field `(\w+)`|at `\$\.(\w+)", reason)
    field = (named[1] or named[2]) if named else ""
    if field in accepted:
        return Refusal(reason=reason, would_pass=f"{field}: {accepted[field]}")
    return Refusal(reason=reason, would_pass=f"a JSON object with the fields {', '.join(accepted)}")
