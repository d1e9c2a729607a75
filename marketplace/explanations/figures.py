"""Amounts, rates and counts as people read them, from integers; pages' `number_format.js` writes the very same strings.

Library formatters disagree with each other and with browsers on the dot of four-digit amounts, and a cell painted by
the server must not change when the page repaints it.
"""

import msgspec

from marketplace.explanations.languages import Language

NO_BREAK = "\u00a0"
MINUS = "\u2212"
ABSENT = "–"
FRACTION_DECIMALS = 4
"""Decimals of a euro that show which fraction of a cent a share had."""


class Money(msgspec.Struct, frozen=True):
    """Euro cents."""

    cents: int


class ExactShare(msgspec.Struct, frozen=True):
    """`cents` × `part` ÷ `whole`, which may be no whole number of cents: written to hundredths of a cent, cut off."""

    cents: int
    part: int
    whole: int


class Rate(msgspec.Struct, frozen=True):
    """Basis points a year."""

    bp: int


class LoanRate(msgspec.Struct, frozen=True):
    """Hundredths of a basis point a year."""

    cbp: int


class Count(msgspec.Struct, frozen=True):
    """How many."""

    number: int


class Name(msgspec.Struct, frozen=True):
    """Written as it is: an id, a tier, an instant."""

    text: str


class Word(msgspec.Struct, frozen=True):
    """A word or two that stand for themselves, in brackets or after a colon, in both languages."""

    it: str
    en: str


Figure = Money | ExactShare | Rate | LoanRate | Count | Name | Word


def write_figure(figure: Figure, language: Language) -> str:
    """A figure as the readers of `language` write it."""
    match figure:
        case Money(cents=cents):
            return format_cents(cents, language)
        case ExactShare():
            return format_exact_share(figure, language)
        case Rate(bp=basis_points):
            return format_bp(basis_points, language)
        case LoanRate(cbp=hundredths):
            return format_cbp(hundredths, language)
        case Count(number=number):
            return format_count(number, language)
        case Name(text=text):
            return text
        case Word(it=italian, en=english):
            return italian if language == "it" else english


def format_cents(cents: int | None, language: Language) -> str:
    """Euro cents: `1.234,50 €` in Italian, `€1,234.50` in English; no value is a dash."""
    if cents is None:
        return ABSENT
    sign = MINUS if cents < 0 else ""
    euros, rest = divmod(abs(cents), 100)
    return _euro(sign, euros, f"{rest:02d}", language)


def format_exact_share(share: ExactShare, language: Language) -> str:
    """A share to hundredths of a cent, `779,3617… €`, the dots where more follows; whole cents as any amount."""
    ten_thousandths, rest = divmod(share.cents * share.part * 100, share.whole)
    if rest == 0 and ten_thousandths % 100 == 0:
        return format_cents(ten_thousandths // 100, language)
    euros, decimals = divmod(ten_thousandths, 10**FRACTION_DECIMALS)
    return _euro("", euros, f"{decimals:0{FRACTION_DECIMALS}d}{'…' if rest else ''}", language)


def format_bp(basis_points: int | None, language: Language) -> str:
    """Basis points: `4,50 %` in Italian, `4.50%` in English."""
    if basis_points is None:
        return ABSENT
    return _percent(basis_points, 2, language)


def format_cbp(hundredths_of_bp: int, language: Language) -> str:
    """Hundredths of a basis point: two decimals, or four where the rate has them (`4,1188 %`)."""
    if hundredths_of_bp % 100 == 0:
        return _percent(hundredths_of_bp // 100, 2, language)
    return _percent(hundredths_of_bp, 4, language)


def format_count(count: int, language: Language) -> str:
    """A count with its thousands parted."""
    grouped = f"{abs(count):,}"
    return (MINUS if count < 0 else "") + (grouped.replace(",", ".") if language == "it" else grouped)


def _euro(sign: str, euros: int, decimals: str, language: Language) -> str:
    if language == "it":
        return f"{sign}{f'{euros:,}'.replace(',', '.')},{decimals}{NO_BREAK}€"
    return f"{sign}€{euros:,}.{decimals}"


def _percent(scaled: int, decimals: int, language: Language) -> str:
    sign = MINUS if scaled < 0 else ""
    whole, rest = divmod(abs(scaled), 10**decimals)
    point, unit = (",", f"{NO_BREAK}%") if language == "it" else (".", "%")
    return f"{sign}{whole}{point}{rest:0{decimals}d}{unit}"
