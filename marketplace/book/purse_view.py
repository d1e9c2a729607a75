"""What a lender's own feed shows of its purse, folded from the purse's journal.

Field names, operations and checksum lines: `purse:{lender}` of the feed protocol `blulend.1`. The same fold says what
the purse must hold, so it also proves that a purse is what its journal tells.
"""

import zlib

import msgspec

from marketplace.book.book_view import ViewOperation
from marketplace.book.purse_events import (
    AnyPurseEvent,
    Deposited,
    FillDenied,
    FillLent,
    FillRefunded,
    FillReleased,
    FillSent,
    FillTaken,
    FillVoided,
    LimitsSet,
    UseFreed,
    WithdrawalHeld,
    WithdrawalRefused,
    WithdrawalSent,
    WithdrawalVoided,
)


class PurseView(msgspec.Struct, frozen=True, kw_only=True):
    """A purse's buckets in cents, at version `ver`: free + taken + sent + held + out = in.

    `free_cents` is the whole bucket; less of it can be promised when the lender keeps a reserve.
    """

    ver: int = 0
    free_cents: int = 0
    taken_cents: int = 0
    sent_cents: int = 0
    held_cents: int = 0
    in_cents: int = 0
    out_cents: int = 0


class PurseViewFold:
    """One purse, event after event of its journal."""

    def __init__(self) -> None:
        self._figures = PurseView()
        self._sent_fills: set[str] = set()

    def apply(self, event: AnyPurseEvent) -> None:
        """Take the next event of this purse in."""
        match event:
            case Deposited(cents=cents):
                self._move(event, free=cents, into=cents)
            case FillTaken(cents=cents, replaced_cents=replaced):
                self._move(event, free=replaced - cents, taken=cents - replaced)
            case FillReleased(cents=cents):
                self._move(event, free=cents, taken=-cents)
            case FillSent(cents=cents):
                self._sent_fills.add(event.ref)
                self._move(event, taken=-cents, sent=cents)
            case FillRefunded(cents=cents):
                was_sent = event.ref in self._sent_fills
                self._move(event, free=cents, taken=0 if was_sent else -cents, sent=-cents if was_sent else 0)
            case FillLent(cents=cents):
                self._move(event, sent=-cents, out=cents)
            case WithdrawalHeld(cents=cents):
                self._move(event, free=-cents, held=cents)
            case WithdrawalVoided(cents=cents):
                self._move(event, free=cents, held=-cents)
            case WithdrawalSent(cents=cents):
                self._move(event, held=-cents, out=cents)
            case LimitsSet() | UseFreed() | FillDenied() | FillVoided() | WithdrawalRefused():
                self._move(event)

    def view(self) -> PurseView:
        """The purse as of the last event taken in."""
        return self._figures

    def _move(
        self,
        event: AnyPurseEvent,
        *,
        free: int = 0,
        taken: int = 0,
        sent: int = 0,
        held: int = 0,
        into: int = 0,
        out: int = 0,
    ) -> None:
        before = self._figures
        self._figures = PurseView(
            ver=event.ver,
            free_cents=before.free_cents + free,
            taken_cents=before.taken_cents + taken,
            sent_cents=before.sent_cents + sent,
            held_cents=before.held_cents + held,
            in_cents=before.in_cents + into,
            out_cents=before.out_cents + out,
        )


def purse_view_operations(before: PurseView, after: PurseView) -> list[ViewOperation]:
    """What turns `before` into `after`; empty when they show the same."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return [("k", field, value) for field, value in new.items() if old[field] != value]


def purse_view_checksum(lender_id: str, inc: int, s: int, view: PurseView) -> int:
    """The CRC-32 (zlib's) that a client compares its own view with, as of incarnation `inc` and sequence `s`."""
    buckets = (
        view.free_cents,
        view.taken_cents,
        view.sent_cents,
        view.held_cents,
        view.in_cents,
        view.out_cents,
    )
    lines = [f"purse|{lender_id}|{inc}|{s}|{view.ver}", "|".join(str(cents) for cents in buckets)]
    return zlib.crc32("\n".join(lines).encode("ascii"))
