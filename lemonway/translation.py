"""Lemonway's forms of amounts, dates, countries and phone numbers, to ours and back. Nothing else knows both.

Source: docs/lemonway_facts.md §11. API amounts are integer cents already; notifications write euros with two decimals.
"""

import re
from datetime import UTC, date, datetime

from marketplace.business_days import PARIS

_COUNTRY_NAMES = dict(
    pair.split("=")
    for pair in (
        "AD=ANDORRA AT=AUSTRIA BE=BELGIUM BG=BULGARIA CH=SWITZERLAND CY=CYPRUS CZ=CZECHIA DE=GERMANY DK=DENMARK "
        "EE=ESTONIA ES=SPAIN FI=FINLAND FR=FRANCE GR=GREECE HR=CROATIA HU=HUNGARY IE=IRELAND IS=ICELAND IT=ITALY "
        "LI=LIECHTENSTEIN LT=LITHUANIA LU=LUXEMBOURG LV=LATVIA MC=MONACO MT=MALTA NL=NETHERLANDS NO=NORWAY PL=POLAND "
        "PT=PORTUGAL RO=ROMANIA SE=SWEDEN SI=SLOVENIA SK=SLOVAKIA"
    ).split()
) | {"GB": "UNITED KINGDOM", "SM": "SAN MARINO", "VA": "VATICAN CITY"}
"""SEPA countries. Whoever lives elsewhere may still have an account in one of them."""

_EUROS = re.compile(r"(-?)(\d{1,13})(?:[.,](\d{1,2}))?", re.ASCII)
_PHONE_NOISE = re.compile(r"[\s().\-/]")


def euros_to_cents(text: str) -> int:
    """`"10.00"` → 1000. At most two decimals; ValueError for anything that is not such an amount."""
    match = _EUROS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an amount in euros: {text!r}")
    sign, euros, decimals = match.groups()
    cents = int(euros) * 100 + int((decimals or "").ljust(2, "0"))
    return -cents if sign else cents


def cents_to_euros(cents: int) -> str:
    """1000 → `"10.00"`."""
    euros, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{euros}.{rest:02d}"


def unix_seconds(at: datetime) -> int:
    """Whole seconds since 1970 UTC, the form of every date in a query. Fractions are dropped."""
    assert at.tzinfo is not None, at
    return int(at.timestamp() // 1)


def instant(unix_s: int | None) -> datetime | None:
    """The UTC instant of Lemonway's seconds; None where they write 0 or nothing, meaning "not yet"."""
    return datetime.fromtimestamp(unix_s, UTC) if unix_s else None


def request_date(day: date) -> str:
    """`yyyy/MM/dd`, the form of every calendar date we send."""
    return f"{day:%Y/%m/%d}"


def read_date(text: str) -> date:
    """A calendar date in either form that Lemonway prints: `yyyy/MM/dd` or `dd/MM/yyyy`. ValueError otherwise."""
    form = "%Y/%m/%d" if text[:4].isdecimal() else "%d/%m/%Y"
    return datetime.strptime(text, form).replace(tzinfo=UTC).date()


def read_paris_time(text: str) -> datetime:
    """A notification's `NotifDate`: Paris wall clock without offset, as the UTC instant it names.

    In the doubled hour of October the earlier instant is taken. ValueError when it is no ISO 8601 time.
    """
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=PARIS)).astimezone(UTC)


def country_on_mandate(alpha_2: str) -> str:
    """`IT` → `ITALY`, as a mandate prints it. Elsewhere than in SEPA it is the code: the field takes any text."""
    return _COUNTRY_NAMES.get(alpha_2, alpha_2)


def msisdn(phone: str) -> str:
    """The form of DirectKit: digits with the country code, without `+` or `00`. ValueError when it has no country."""
    return e164(phone)[1:]


def e164(phone: str) -> str:
    """The form of Online Onboarding: `+` and 7 to 15 digits. ValueError when the country code is missing."""
    digits = _PHONE_NOISE.sub("", phone)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
        raise ValueError(f"not an international phone number: {phone!r}")
    return digits
