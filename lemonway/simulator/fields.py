"""Reading of a request's fields the way a .NET service does: names without regard to case, types checked."""

import re
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from lemonway.simulator.refusals import Refused

_CENTS_MAX = 2**31 - 1
"""Amounts are int32 in the specification."""
_NUMBER_MAX = 2**63 - 1
"""Ids are int64."""


class Fields:
    """The fields of a JSON body or of a query string. Every reader refuses what it cannot use."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    @classmethod
    def of_body(cls, body: bytes) -> "Fields":
        try:
            return cls(msgspec.json.decode(body, type=dict[str, Any]))
        except msgspec.MsgspecError as error:
            raise Refused(234, f"the body is not a JSON object: {error}") from error

    def _get(self, name: str) -> Any:
        return self._values.get(name.lower())

    def has(self, name: str) -> bool:
        return self._get(name) is not None

    def text(self, name: str, *, longest: int, shortest: int = 1) -> str:
        value = self.optional_text(name, longest=longest)
        if value is None or len(value) < shortest:
            raise Refused(234, f"{name} is missing or too short")
        return value

    def optional_text(self, name: str, *, longest: int) -> str | None:
        value = self._get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > longest:
            raise Refused(234, f"{name} must be text of at most {longest} characters")
        return value

    def cents(self, name: str) -> int:
        value = self._get(name)
        if not _is_whole(value) or not 0 < value <= _CENTS_MAX:
            raise Refused(188, f"{name} must be a whole number of cents from 1 to {_CENTS_MAX}")
        return int(value)

    def optional_cents(self, name: str) -> int:
        return self.cents(name) if self._get(name) not in (None, 0) else 0

    def number(self, name: str) -> int:
        value = self.optional_number(name)
        if value is None:
            raise Refused(234, f"{name} is missing")
        return value

    def optional_number(self, name: str) -> int | None:
        value = self._get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
            return int(value)
        if not _is_whole(value) or abs(value) > _NUMBER_MAX:
            raise Refused(234, f"{name} must be a whole number")
        return int(value)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        value = self._get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, bool):
            raise Refused(234, f"{name} must be true or false")
        return value

    def optional_day(self, name: str) -> date | None:
        value = self.optional_text(name, longest=10)
        if value is None:
            return None
        if not re.fullmatch(r"\d{4}/\d{2}/\d{2}", value, re.ASCII):
            raise Refused(247, f"{name} must be yyyy/MM/dd")
        try:
            return datetime.strptime(value, "%Y/%m/%d").replace(tzinfo=UTC).date()
        except ValueError as error:
            raise Refused(254, f"{name} is no day of the calendar") from error

    def texts(self, name: str) -> list[str]:
        """`{"value": [...]}` with at most 20 texts of 256 characters."""
        value = self._get(name)
        if value is None:
            return []
        listed = Fields(value)._get("value") if isinstance(value, dict) else None
        if (
            not isinstance(listed, list)
            or len(listed) > 20
            or not all(isinstance(text, str) and len(text) <= 256 for text in listed)
        ):
            raise Refused(234, f"{name} must hold at most 20 texts of 256 characters")
        return listed


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
