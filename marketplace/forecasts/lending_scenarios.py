"""One lender's money played forward through a scenario of its books: the allocation rule on crowds.

Requests come as in the drawn days of the past, other lenders' money too. A request is served by the rule of the book:
cheapest first, then by preference, in a rationed bucket tickets to those who have waited longest and the rest by room;
whole or not at all. What crowds hold is only known in sums, so inside a crowd everybody lends alike.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from marketplace.allocation.company_money import tranche_cents
from marketplace.allocation.lender_rooms import loan_cap_cents
from marketplace.allocation.matching import share_cap_cents
from marketplace.forecasts.crowd_shares import BucketShares, CrowdRoom, OwnRoom, bucket_shares
from marketplace.forecasts.crowds import SmallBook
from marketplace.forecasts.flow_scenarios import DayOfFlow, Draws, drawn_days, is_working_day, midnight_before
from marketplace.forecasts.market_history import ONE_DAY, PastRequest

_ONE_MS = timedelta(milliseconds=1)
DAY_MS = ONE_DAY // _ONE_MS
_ROME = ZoneInfo("Europe/Rome")


class OwnMoney(msgspec.Struct, frozen=True, kw_only=True):
    """What the lender can lend: `cash_cents` in all its books together, and what each strategy's budget (in the
    `budget_rooms`) and pace (in the `pace_rooms`, renewed to `paces` with each month) leave of it; absent: no limit."""

    cash_cents: int
    budget_rooms: Mapping[str, int]
    pace_rooms: Mapping[str, int]
    paces: Mapping[str, int]


class Lending(msgspec.Struct, frozen=True, kw_only=True):
    """What one scenario came to for one strategy. Instants are milliseconds from now, None when not within the horizon.

    `lent_cents` is what was lent up to the end of each of the days asked about; `all_lent_ms` when what was left was
    too little for another loan.
    """

    first_fill_ms: int | None
    all_lent_ms: int | None
    lent_cents: tuple[int, ...]


class BookFlow(msgspec.Struct, frozen=True, kw_only=True):
    """A book and the past days that its scenarios are drawn from, the latest first; at least one."""

    book: SmallBook
    days: tuple[DayOfFlow, ...]


def scenario_days(flows: Sequence[BookFlow], *, number: int, now_at: datetime, horizon_days: int) -> list[list[int]]:
    """Scenario `number`: for each book and each day from today on, the index of the past day it is like."""
    today_at = midnight_before(now_at)
    kinds = [is_working_day(today_at + ahead * ONE_DAY) for ahead in range(horizon_days + 1)]
    return [drawn_days(flow.days, Draws(number * len(flows) + place), kinds=kinds) for place, flow in enumerate(flows)]


def play(
    flows: Sequence[BookFlow],
    money: OwnMoney,
    strategy_id: str,
    scenario: Sequence[Sequence[int]],
    *,
    now_at: datetime,
    lent_after_days: Sequence[int],
) -> Lending:
    """One scenario (`scenario_days`) for one strategy of a lender whose offers stand in the books of `flows`.

    The horizon is as long as the scenario, whose first day is what is left of today; `lent_after_days` are within it.
    """
    purse = _Purse(money, strategy_id, flows)
    runs = [_BookRun(flow.book, purse) for flow in flows]
    today_at = midnight_before(now_at)
    passed_ms = (now_at - today_at) // _ONE_MS
    horizon_ms = (len(scenario[0]) - 1) * DAY_MS
    for run in runs:
        run.serve_waiting(now_at)
    for ahead, indices in enumerate(zip(*scenario, strict=True)):
        begins_at = today_at + ahead * ONE_DAY
        purse.begin_day(begins_at)
        days = [flow.days[index] for flow, index in zip(flows, indices, strict=True)]
        for into_ms, place, request in _events(days):
            purse.now_ms = ahead * DAY_MS + into_ms - passed_ms
            if not 0 < purse.now_ms <= horizon_ms:
                continue
            if request is None:
                runs[place].take_in(days[place], begins_at)
            else:
                runs[place].meet(request, begins_at)
        if purse.all_lent_ms is not None:
            break
    return Lending(
        first_fill_ms=purse.first_fill_ms,
        all_lent_ms=purse.all_lent_ms,
        lent_cents=tuple(purse.lent_within(days * DAY_MS) for days in lent_after_days),
    )


def _events(days: Sequence[DayOfFlow]) -> list[tuple[int, int, PastRequest | None]]:
    """The day's requests in order of time with the place of their book; None where a book's money moves, at noon."""
    events: list[tuple[int, int, PastRequest | None]] = [(DAY_MS // 2, place, None) for place in range(len(days))]
    events += [(into_ms, place, request) for place, day in enumerate(days) for into_ms, request in day.arrivals]
    return sorted(events, key=lambda event: event[:2])


class _Purse:
    """What the lender can still lend in one scenario, and what its strategy has lent."""

    def __init__(self, money: OwnMoney, strategy_id: str, flows: Sequence[BookFlow]) -> None:
        self.now_ms = 0
        self.first_fill_ms: int | None = None
        self.all_lent_ms: int | None = None
        self._fills: list[tuple[int, int]] = []
        self._strategy_id = strategy_id
        self._cash_cents = money.cash_cents
        self._budget_rooms = dict(money.budget_rooms)
        self._pace_rooms = dict(money.pace_rooms)
        self._paces = money.paces
        self._month: int | None = None
        offers = [own for flow in flows for own in flow.book.own]
        self._term_rooms = {
            (own.offer.strategy_id, months): room for own in offers for months, room in own.term_rooms.items()
        }
        self._least_cents = min((own.ticket_cents for own in offers if own.offer.strategy_id == strategy_id), default=1)

    def begin_day(self, at: datetime) -> None:
        month = at.astimezone(_ROME).month
        if self._month not in (None, month):
            self._pace_rooms.update(self._paces)
        self._month = month

    def lent_within(self, limit_ms: int) -> int:
        return sum(cents for at_ms, cents in self._fills if at_ms <= limit_ms)

    def lendable_cents(self, strategy_id: str, months: int) -> int:
        return min(
            self._cash_cents,
            self._budget_rooms.get(strategy_id, self._cash_cents),
            self._pace_rooms.get(strategy_id, self._cash_cents),
            self._term_rooms.get((strategy_id, months), self._cash_cents),
        )

    def lend(self, strategy_id: str, months: int, cents: int) -> None:
        self._cash_cents -= cents
        for rooms in (self._budget_rooms, self._pace_rooms):
            if strategy_id in rooms:
                rooms[strategy_id] -= cents
        if (strategy_id, months) in self._term_rooms:
            self._term_rooms[strategy_id, months] -= cents
        if strategy_id == self._strategy_id:
            self._fills.append((self.now_ms, cents))
            if self.first_fill_ms is None:
                self.first_fill_ms = self.now_ms
        left_cents = min(self._cash_cents, self._budget_rooms.get(self._strategy_id, self._cash_cents))
        if self.all_lent_ms is None and left_cents < self._least_cents:
            self.all_lent_ms = self.now_ms


class _BookRun:
    """One book in one scenario."""

    def __init__(self, book: SmallBook, purse: _Purse) -> None:
        self._book = book
        self._purse = purse
        self._terms = book.terms
        self._bands = {band.months: band for band in book.terms.bands}
        self._free = [crowd.free_cents for crowd in book.crowds]
        self._counts = [crowd.count for crowd in book.crowds]
        self._caps = [crowd.cap_cents for crowd in book.crowds]
        self._tickets = [crowd.ticket_cents for crowd in book.crowds]
        self._ahead = [dict(own.ahead) for own in book.own]
        self._company_rooms = [own.company_room_cents for own in book.own]
        self._budget_cents = book.budget_cents
        self._head_room_cents = book.head_room_cents
        self._waiting = list(book.waiting)

    def serve_waiting(self, at: datetime) -> None:
        """Try the requests that wait, in book order; the expired ones leave."""
        self._waiting = [
            (request, expires_at)
            for request, expires_at in self._waiting
            if expires_at > at and not self._serve(request)
        ]

    def take_in(self, day: DayOfFlow, at: datetime) -> None:
        """Let a past day's money of others come, and try again what waits."""
        for lender_id, (cents, is_new) in day.moves.items():
            crowd = self._book.crowd_of.get(lender_id)
            if crowd is None:
                continue
            self._free[crowd] = max(0, self._free[crowd] + cents)
            if is_new:
                self._join(crowd)
        self._budget_cents += day.granted_cents
        if self._head_room_cents is not None:
            self._head_room_cents += day.repaid_cents
        self.serve_waiting(at)

    def meet(self, request: PastRequest, at: datetime) -> None:
        """A request comes: it is served or waits."""
        if not self._serve(request):
            self._waiting.append((request, at + timedelta(hours=self._terms.expiry_hours)))

    def _join(self, crowd: int) -> None:
        """One more lender like the others of the crowd."""
        cap_cents = self._caps[crowd]
        if cap_cents is not None:
            self._caps[crowd] = cap_cents + cap_cents // self._counts[crowd]
        self._counts[crowd] += 1

    def _serve(self, need: PastRequest) -> bool:
        """Cover the need whole, or leave everything as it is. A gap of less than a ticket counts as closed."""
        band = self._bands.get(need.months)
        if band is None or self._book.is_paused:
            return False
        ceiling_bp = band.ceiling_bp(need.max_rate_bp)
        tranche = tranche_cents(
            self._terms.company_money,
            amount_cents=need.amount_cents,
            budget_left_cents=self._budget_cents,
            ticket_cents=self._terms.ticket_cents,
        )
        left_cents = need.amount_cents - tranche
        if band.floor_bp > ceiling_bp or (self._head_room_cents is not None and left_cents > self._head_room_cents):
            return False
        taken: list[tuple[tuple[int, ...], BucketShares]] = []
        lenders_room = self._terms.max_lenders
        share_cap = share_cap_cents(self._terms, need.amount_cents)
        share_cents = need.amount_cents if share_cap is None else share_cap
        speaker = self._speaker(need, ceiling_bp, share_cents)
        own_price_bp = None if speaker is None else max(self._book.own[speaker[0]].asks[need.months], band.floor_bp)
        for price_bp, tier, crowds in self._book.ladders[need.months]:
            if left_cents <= 0 or lenders_room <= 0 or price_bp > ceiling_bp:
                break
            own = None
            if speaker is not None and (price_bp, tier) == (own_price_bp, self._book.own[speaker[0]].offer.tier):
                own = speaker[1]
            able = tuple((crowd, room) for crowd in crowds if (room := self._room(crowd, share_cents)) is not None)
            if not able and own is None:
                continue
            shares = bucket_shares([room for _, room in able], own, need_cents=left_cents, lenders_room=lenders_room)
            taken.append((tuple(crowd for crowd, _ in able), shares))
            left_cents -= shares.cents
            lenders_room -= shares.lender_count
        if left_cents >= self._terms.ticket_cents:
            return False
        self._commit(need, tranche, speaker, taken)
        return True

    def _commit(
        self,
        need: PastRequest,
        tranche: int,
        speaker: tuple[int, OwnRoom] | None,
        taken: Sequence[tuple[tuple[int, ...], BucketShares]],
    ) -> None:
        self._budget_cents -= tranche
        lender_cents = 0
        for crowds, shares in taken:
            lender_cents += shares.cents
            for crowd, cents in zip(crowds, shares.crowd_cents, strict=True):
                self._free[crowd] -= cents
            if speaker is not None and shares.ahead is not None:
                self._lend(speaker[0], need.months, shares)
        if self._head_room_cents is not None:
            self._head_room_cents -= lender_cents

    def _lend(self, index: int, months: int, shares: BucketShares) -> None:
        assert shares.ahead is not None
        self._ahead[index][months] = shares.ahead
        if shares.own_cents:
            company_room = self._company_rooms[index]
            if company_room is not None:
                self._company_rooms[index] = company_room - shares.own_cents
            self._purse.lend(self._book.own[index].offer.strategy_id, months, shares.own_cents)

    def _room(self, crowd: int, share_cents: int) -> CrowdRoom | None:
        """What a crowd can lend to one loan; None when nobody of it can."""
        free_cents, count, cap_cents, ticket_cents = (
            self._free[crowd],
            self._counts[crowd],
            self._caps[crowd],
            self._tickets[crowd],
        )
        count = min(count, free_cents // ticket_cents)
        if cap_cents:
            count = min(count, -(-free_cents * self._counts[crowd] // cap_cents))
        capacity_cents = min(free_cents, count * share_cents, free_cents if cap_cents is None else cap_cents)
        tickets_cents = count * ticket_cents
        if count <= 0 or capacity_cents < tickets_cents:
            return None
        return CrowdRoom(count, capacity_cents, tickets_cents)

    def _speaker(self, need: PastRequest, ceiling_bp: int, share_cents: int) -> tuple[int, OwnRoom] | None:
        """The own offer that speaks for the lender: eligible, and ranked highest by it."""
        best: tuple[tuple[int, int], int, OwnRoom] | None = None
        for index, own in enumerate(self._book.own):
            ask_bp = own.asks.get(need.months)
            purposes = own.offer.filters.purpose_classes
            if ask_bp is None or ask_bp > ceiling_bp or (purposes and need.purpose_class not in purposes):
                continue
            capacity_cents = min(self._purse.lendable_cents(own.offer.strategy_id, need.months), share_cents)
            for room in (loan_cap_cents(own.offer), self._company_rooms[index]):
                if room is not None:
                    capacity_cents = min(capacity_cents, room)
            if capacity_cents < own.ticket_cents:
                continue
            ticket_cents = capacity_cents if own.offer.is_all_or_none else own.ticket_cents
            rank = (own.offer.strategy_rank, own.offer.sequence)
            if best is None or rank < best[0]:
                best = rank, index, OwnRoom(capacity_cents, ticket_cents, self._ahead[index][need.months])
        return None if best is None else best[1:]
