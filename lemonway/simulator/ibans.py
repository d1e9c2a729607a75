"""IBAN check digits, for judging the ones received and for making the virtual ones."""

import re
import string

_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", re.ASCII)
_ODD_DIGITS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_ODD_LETTERS = (*_ODD_DIGITS, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_ODD_VALUES = dict(zip(string.digits + string.ascii_uppercase, _ODD_DIGITS + _ODD_LETTERS, strict=True))
_EVEN_VALUES = {**{digit: int(digit) for digit in string.digits}, **{c: ord(c) - 65 for c in string.ascii_uppercase}}

BNL_BIC = "BNLIITRR"
_BNL_BANK_AND_BRANCH = "0100503200"


def normalised(iban: str) -> str:
    return iban.replace(" ", "").upper()


def is_iban(iban: str) -> bool:
    """Form and check digits of ISO 13616 (mod 97)."""
    return _IBAN.fullmatch(iban) is not None and _remainder(iban[4:] + iban[:4]) == 1


def is_bic(bic: str) -> bool:
    return _BIC.fullmatch(bic) is not None


def virtual_iban(number: int) -> str:
    """The `number`-th Italian IBAN at BNL, with its national check letter and its check digits."""
    bban = f"{_BNL_BANK_AND_BRANCH}{number:012d}"
    national = _national_check_letter(bban) + bban
    return f"IT{98 - _remainder(national + 'IT00'):02d}{national}"


def _remainder(rearranged: str) -> int:
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97


def _national_check_letter(bban: str) -> str:
    """The CIN: characters in odd places are weighed by a table, in even places by their value; modulo 26."""
    total = sum((_ODD_VALUES if place % 2 == 0 else _EVEN_VALUES)[character] for place, character in enumerate(bban))
    return string.ascii_uppercase[total % 26]
