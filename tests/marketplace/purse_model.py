"""Purses in a few obvious lines: what the store's functions must amount to, for tests of the pure book."""

from datetime import UTC, datetime

from marketplace.book.book_events import Standing
from marketplace.book.purse_calls import PurseAnswer, ReleaseCall, TakeCall

CASH_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


class PurseModel:
    """Lenders' free money in cents, what of it is fresh since when, what is promised to which fill of which strategy,
    and the budgets of strategies."""

    def __init__(self, free_cents: dict[str, int]) -> None:
        self.free_cents = dict(free_cents)
        self.vers = dict.fromkeys(free_cents, 1)
        self.fresh: dict[str, tuple[int, datetime]] = {}
        self.taken: dict[str, tuple[str, int]] = {}
        self.answers: dict[str, PurseAnswer] = {}
        self.limits: dict[str, int] = {}
        self.strategies: dict[str, str] = {}

    def standings(self, lender_ids: tuple[str, ...]) -> list[Standing]:
        return [
            Standing(
                lender_id=lender_id,
                ver=self.vers[lender_id],
                free_cents=self.free_cents[lender_id],
                cash_since_at=CASH_SINCE,
                rooms={strategy_id: self.room_cents(strategy_id) for strategy_id in self.limits},
                fresh_cents=self.fresh.get(lender_id, (0, None))[0],
                fresh_at=self.fresh.get(lender_id, (0, None))[1],
            )
            for lender_id in lender_ids
            if lender_id in self.vers
        ]

    def room_cents(self, strategy_id: str) -> int:
        """What is left of a strategy's budget."""
        used = sum(cents for fill_id, (_, cents) in self.taken.items() if self.strategies[fill_id] == strategy_id)
        return max(0, self.limits[strategy_id] - used)

    def spend(self, lender_id: str, cents: int) -> None:
        """The lender's money goes elsewhere, as when another book took it."""
        self.free_cents[lender_id] -= min(cents, self.free_cents[lender_id])
        self.vers[lender_id] += 1

    def take(self, call: TakeCall) -> PurseAnswer:
        if call.fill_id in self.answers:
            return self.answers[call.fill_id]
        old_cents = self.taken[call.replaces][1] if call.replaces else 0
        granted_cents = min(call.cents, self.free_cents[call.lender_id] + old_cents)
        if call.strategy_id in self.limits:
            is_same = call.replaces is not None and self.strategies[call.replaces] == call.strategy_id
            granted_cents = min(granted_cents, self.room_cents(call.strategy_id) + (old_cents if is_same else 0))
        if granted_cents < min(call.min_cents, call.cents):
            answer = self._answer(call.fill_id, call.lender_id, "denied", 0)
        else:
            if call.replaces:
                del self.taken[call.replaces]
            self.free_cents[call.lender_id] += old_cents - granted_cents
            self.taken[call.fill_id] = (call.lender_id, granted_cents)
            self.strategies[call.fill_id] = call.strategy_id
            self.vers[call.lender_id] += 1
            answer = self._answer(call.fill_id, call.lender_id, "taken", granted_cents)
        self.answers[call.fill_id] = answer
        return answer

    def release(self, call: ReleaseCall) -> PurseAnswer:
        promised = self.taken.pop(call.fill_id, None)
        if promised is None:
            return self._answer(call.fill_id, call.lender_id, "void", 0)
        self.free_cents[call.lender_id] += promised[1]
        self.vers[call.lender_id] += 1
        return self._answer(call.fill_id, call.lender_id, "released", 0)

    def _answer(self, fill_id: str, lender_id: str, outcome: str, cents: int) -> PurseAnswer:
        assert outcome in ("taken", "denied", "void", "released")
        return PurseAnswer(
            fill_id=fill_id,
            outcome=outcome,  # type: ignore[arg-type]  # checked by the line above
            cents=cents,
            ver=self.vers[lender_id],
            free_cents=self.free_cents[lender_id],
        )
