"""A cover in a book: the plan that funds one request, and the fills its lenders' purses are asked for.

A cover has at most one live fill per lender. It is proposed, gathered, and then complete, kept as a hold, or given up.
"""

import copy
import enum
from collections.abc import Iterator

import msgspec

from marketplace.book.book_events import CoverLeg, PlannedCover


class FillState(enum.StrEnum):
    """Where one fill stands: what its purse has answered, or what it is still to be asked."""

    ASKED = "asked"
    TAKEN = "taken"
    SUPERSEDED = "superseded"
    """A newer fill is asked to take its place; it stands until the purse has answered."""
    RELEASING = "releasing"
    ENDED = "ended"


class Fill(msgspec.Struct, kw_only=True):
    """One lender's part of a cover, known to its purse as `fill_id`. `taken_cents` is 0 until a purse promised.

    `seq` is the number of the event that named it; `limit_keys` are the purse limits it counts against, fixed with it.
    """

    fill_id: str
    seq: int
    limit_keys: tuple[str, ...]
    leg: CoverLeg
    state: FillState
    taken_cents: int = 0


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """What a purse holds for a fill now, in cents."""

    fill_id: str
    lender_id: str
    strategy_id: str
    cents: int


class Cover(msgspec.Struct, kw_only=True):
    """A cover being gathered, held, complete or being given up; `fills` in order of creation.

    `amendments` counts the rounds of the present plan. Once signed it is the payments', and the book forgets it.
    `number` counts the book's complete covers; `former_places` are the rotation places that its lenders had before.
    """

    cover_id: str
    request_id: str
    plan: PlannedCover
    fills: dict[str, Fill]
    amendments: int = 0
    is_complete: bool = False
    is_released: bool = False
    number: int = 0
    former_places: dict[str, int] = {}

    def copy(self) -> "Cover":
        """The same cover, to be read on its own while this one goes on."""
        copied = copy.copy(self)
        copied.fills = {fill_id: copy.copy(fill) for fill_id, fill in self.fills.items()}
        copied.former_places = self.former_places.copy()
        return copied

    def live_fills(self) -> Iterator[Fill]:
        """Fills that hold or may come to hold money for this cover's plan."""
        return (fill for fill in self.fills.values() if fill.state in (FillState.ASKED, FillState.TAKEN))

    def promises(self) -> tuple[Promise, ...]:
        """What purses have promised to it, by the answers recorded, in order of creation."""
        return tuple(promise_of(fill) for fill in self.fills.values() if fill.state is FillState.TAKEN)

    def reserved_cents(self) -> dict[str, int]:
        """Cents reserved per lender by the present plan."""
        return {leg.lender_id: leg.cents for leg in self.plan.legs}

    def is_gathered(self) -> bool:
        """Whether all it asked for is promised, and nothing but saying so is left to do.

        A cover that the company's own money funds whole is gathered from the start.
        """
        is_settled = self.is_complete or self.is_released or self.plan.is_holding
        return not is_settled and not self.is_awaiting()

    def is_awaiting(self) -> bool:
        """Whether a purse has yet to answer about one of its fills."""
        return any(fill.state in (FillState.ASKED, FillState.RELEASING) for fill in self.fills.values())


def promise_of(fill: Fill) -> Promise:
    """The promise that a taken fill is."""
    return Promise(
        fill_id=fill.fill_id, lender_id=fill.leg.lender_id, strategy_id=fill.leg.strategy_id, cents=fill.taken_cents
    )
