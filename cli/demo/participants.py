"""The particulars a demonstration gives its invented people and companies: plausible, distinct, and nobody's.

All are derived from a participant's number, so the same market has the same participants.
"""

import string
from datetime import date, timedelta
from typing import Any

OLDEST_BIRTH = date(1961, 3, 1)
CONSONANTS = "BCDFGLMNPRSTVZ"


def a_person(first_name: str, last_name: str, number: int) -> dict[str, Any]:
    """A natural person as the API takes one. Distinct numbers are distinct people, whatever their names."""
    return {
        "first_name": first_name,
        "last_name": last_name,
        "birth_date": (OLDEST_BIRTH + timedelta(days=11 * number)).isoformat(),
        "birth_city": "Bologna",
        "email": f"person{number}@example.org",
        "phone": f"+39347{number:07d}",
        "address": an_address(number),
    }


def a_company(name: str, number: int) -> dict[str, Any]:
    """A legal entity as the API takes one."""
    return {
        "name": name,
        "registration_number": f"{10_000_000_000 + number}",
        "registration_date": (date(1990, 1, 15) + timedelta(days=37 * number)).isoformat(),
        "activity_code": "28.11",
        "address": an_address(number),
    }


def an_address(number: int) -> dict[str, str]:
    return {"street": f"Via del Lavoro {1 + number % 240}", "postcode": "40127", "city": "Bologna"}


def a_tax_code(number: int) -> str:
    """16 characters in the form of an Italian tax code; the check letter is not one, so it is nobody's."""
    letters = "".join(CONSONANTS[number // len(CONSONANTS) ** place % len(CONSONANTS)] for place in range(6))
    return f"{letters}{number % 100:02d}A{number % 28 + 1:02d}A944{string.ascii_uppercase[number % 26]}"


def an_iban(number: int) -> str:
    """An Italian IBAN with right check digits, of a bank that does not exist."""
    account = f"X0999999999{number:012d}"
    digits = "".join(str(int(character, 36)) for character in f"{account}IT00")
    return f"IT{98 - int(digits) % 97:02d}{account}"
