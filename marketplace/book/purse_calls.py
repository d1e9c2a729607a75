"""What a book asks of purses, and what they answer.

A book never touches money: it derives these calls from its own recorded events, so whoever owns the book after a crash
asks exactly the same again, and a purse answers a repeated call as it did the first time.
"""

from typing import Literal

import msgspec


class TakeCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Promise `cents` (at least `min_cents`) of a lender's money to a fill, closing `replaces` in the same step.

    What is promised counts against each of `limit_keys` (`strategy_limits`), all different.
    """

    cover_id: str
    fill_id: str
    lender_id: str
    strategy_id: str
    cents: int
    min_cents: int
    replaces: str | None
    limit_keys: tuple[str, ...]


class ReleaseCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Give a fill up: whatever was promised to it becomes free again."""

    cover_id: str
    fill_id: str
    lender_id: str


class PurseCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a book still waits for; releases are to be sent before takes."""

    releases: tuple[ReleaseCall, ...]
    takes: tuple[TakeCall, ...]

    def __bool__(self) -> bool:
        return bool(self.releases or self.takes)


class PurseAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A purse's answer about one fill, with its version and spendable cents after it.

    `taken` and `denied` answer a take; `released`, `void`, `denied`, `replaced` and `gone` answer a release.
    `cents` is what is promised now (0 unless taken).
    """

    fill_id: str
    outcome: Literal["taken", "denied", "released", "void", "replaced", "gone"]
    cents: int
    ver: int
    free_cents: int
