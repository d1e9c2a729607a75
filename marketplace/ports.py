"""The doors between packages that do not know each other: each side implements or receives one of these protocols."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from marketplace.book.commands import Envelope
from marketplace.book.journal import JournalEntry


class Clock(Protocol):
    """Where a process reads the time. In production the system's; in a demonstration the market's own."""

    def now(self) -> datetime:
        """The present instant, UTC."""
        ...


class CommandAccepted(msgspec.Struct, frozen=True, tag="accepted"):
    """The command is in the book's mailbox and will be decided."""


class CommandDecided(msgspec.Struct, frozen=True, tag="decided"):
    """The command had been decided before: `outcome` is `ok:<seq>` or `refused:<seq>` of the deciding event."""

    outcome: str


class CommandBusy(msgspec.Struct, frozen=True, tag="busy"):
    """The mailbox is full or the deadline has passed: the command was not taken. Try again after `retry_ms`."""

    retry_ms: int


SendOutcome = CommandAccepted | CommandDecided | CommandBusy


class OrderBooks(Protocol):
    """The mailboxes of all books, wherever their actors run."""

    async def send(self, envelope: Envelope) -> SendOutcome:
        """Put a command in its book's mailbox. Repeating the same envelope is harmless."""
        ...

    async def outcome(self, company_id: str, command_id: str) -> str | None:
        """`ok:<seq>` or `refused:<seq>` once the command is decided, None before (kept two days)."""
        ...


class JournalHead(msgspec.Struct, frozen=True):
    """The last entry of a shard's journal: sequence 0 and the genesis hash when there is none."""

    seq: int
    hash: str


class JournalSource(Protocol):
    """The journals of every shard, in order, from a position."""

    def shards(self) -> Sequence[str]:
        """Names of all book and purse shards."""
        ...

    async def read(self, shard: str, *, after_seq: int, limit: int) -> Sequence[JournalEntry]:
        """At most `limit` entries after `after_seq`, oldest first; empty when there is nothing newer."""
        ...

    async def wait(self, positions: Mapping[str, int], *, timeout_ms: int) -> Sequence[str]:
        """Shards with entries after the given positions, as soon as there is one; empty after `timeout_ms`."""
        ...

    async def heads(self) -> Mapping[str, JournalHead]:
        """The last entry of every shard."""
        ...

    async def acknowledge(self, shard: str, *, seq: int, hash: str) -> Literal["ok", "diverged"]:
        """Say that everything up to `seq` is recorded elsewhere; `diverged` when the hash is not the journal's own."""
        ...


PurseOperation = Literal["deposit", "limits", "free_use", "post", "refund", "lend", "hold", "pay_out", "void_hold"]


class PurseInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """A step that a purse must take because of something recorded elsewhere. `ref` makes it happen once.

    `deposit`: `cents` arrive, `reserved_cents` of them never to be lent, ref = the movement that brought them.
    `limits`: replace the reserve and all limits (cents by key, see `strategy_limits`), ref = lender and version
    (`<lender>:<version>`).
    `free_use`: principal came back, so that much less (cents by key) counts against limits; ref = the movement that
    brought it.
    `post`: taken → sent, `refund`: taken or sent → free, `lend`: sent → out; ref = fill id.
    `hold`: free → held (or refused), `pay_out`: held → out, `void_hold`: held → free; ref = payout id.
    """

    instruction_id: str
    lender_id: str
    operation: PurseOperation
    ref: str
    at: datetime
    cents: int = 0
    reserved_cents: int = 0
    reserve_cents: int = 0
    strategy_limits: dict[str, int] = {}
    freed_cents: dict[str, int] = {}


class Purses(Protocol):
    """The lenders' purses: every step is decided once, wherever it is asked from and however often."""

    async def apply(self, instruction: PurseInstruction) -> None:
        """Ask for the step. Answered twice alike; raises when the purse cannot be reached (ask again)."""
        ...
