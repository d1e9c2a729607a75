"""Amounts and rates as people read them, from integers; `static/number_format.js` writes the very same strings.

Library formatters disagree with each other and with browsers on the dot of four-digit amounts, and a cell painted by
the server must not change when the page repaints it.
"""

from api.web.languages import Language

NO_BREAK = "\u00a0"
MINUS = "\u2212"
ABSENT = "–"


def format_cents(cents: int | None, language: Language) -> str:
    """Euro cents: `1.234,50 €` in Italian, `€1,234.50` in English; no value is a dash."""
    if cents is None:
        return ABSENT
    sign = MINUS if cents < 0 else ""
    euros, rest = divmod(abs(cents), 100)
    if language == "it":
        return f"{sign}{f'{euros:,}'.replace(',', '.')},{rest:02d}{NO_BREAK}€"
    return f"{sign}€{euros:,}.{rest:02d}"


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


def _percent(scaled: int, decimals: int, language: Language) -> str:
    sign = MINUS if scaled < 0 else ""
    whole, rest = divmod(abs(scaled), 10**decimals)
    point, unit = (",", f"{NO_BREAK}%") if language == "it" else (".", "%")
    return f"{sign}{whole}{point}{rest:0{decimals}d}{unit}"
