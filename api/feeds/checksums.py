"""What both ends of a channel compute over the view they hold, to find out that one of them is wrong.

zlib's CRC-32 over ASCII lines joined by LF, plain decimals (the contract in full: documentation of the feed).
"""

import zlib
from collections.abc import Iterable, Sequence
from itertools import groupby

LEVELS_CHECKED = 10
"""Of each term the first ten offer levels, by price and tier, enter the checksum."""

OfferRow = tuple[int, int, str, int, int]
"""Term in months, price in basis points, tier, cents, lenders."""
RequestRow = tuple[int, int, int]
"""Term in months, cents still needed, count of requests."""
Totals = tuple[int, int, int]
"""Cents offered, cents needed, count of requests."""


def book_checksum(
    company_id: str,
    *,
    inc: int,
    s: int,
    terms_version: int,
    phase: str,
    o: Iterable[OfferRow],
    r: Iterable[RequestRow],
    tot: Totals,
) -> int:
    """The checksum of a book's view at incarnation `inc` and sequence `s`. Rows may come in any order."""
    lines = [f"book|{company_id}|{inc}|{s}|{terms_version}|{phase}"]
    for _, levels in groupby(sorted(o), key=lambda row: row[0]):
        lines += [_line("o", row) for row in list(levels)[:LEVELS_CHECKED]]
    lines += [_line("r", row) for row in sorted(r)]
    lines.append(_line("t", tot))
    return zlib.crc32("\n".join(lines).encode("ascii"))


def _line(kind: str, values: Sequence[int | str]) -> str:
    return "|".join((kind, *map(str, values)))
