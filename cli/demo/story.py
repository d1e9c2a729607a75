"""A market's whole life, played through its doors: day by day, one thing at a time, each to its end before the next.

Time enters books, servicing and simulator only as the steps of this story, and each step waits for quiet. So the same
market gives the same result, whoever was fast and whoever died on the way.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from cli.demo.doors import Door
from cli.demo.enrolment import Enrolment
from cli.demo.market import Market, MarketRequest
from cli.demo.quiet import until_quiet
from marketplace.business_days import ROME, BusinessCalendar, Shift, is_business_day, shifted
from marketplace.calendar_months import months_later

SETTING_UP, MORNING, BUSINESS, EVENING = time(6), time(7), time(9), time(18)
REQUEST_HOURS = timedelta(hours=8)
LONGEST_AFTERMATH = timedelta(days=45)
"""How long after the last instalment of a market something may still move by itself."""

FINAL_STATES = ("declined", "cancelled", "expired", "lapsed")

Progress = Callable[[date, int, int], None]
Pause = Callable[[], Awaitable[None]]


async def without_pause() -> None:
    """The pace of a demonstration: as fast as the market comes to rest."""


class Story:
    """Plays `market`. `progress` is told the market's date, and how many loans of how many are repaid; `pause` is made
    after each request and each day. A market that was begun before goes on from the day its clock stands at."""

    def __init__(
        self,
        market: Market,
        *,
        operations: Door,
        simulator: Door,
        progress: Progress,
        secrets_from: bytes,
        pause: Pause = without_pause,
    ) -> None:
        self._market = market
        self._operations = operations
        self._simulator = simulator
        self._progress = progress
        self._pause = pause
        self._enrolment = Enrolment(market, operations=operations, simulator=simulator, secrets_from=secrets_from)
        self._waiting: list[MarketRequest] = []
        self._unsigned: set[str] = set()
        self._loans: dict[str, str] = {}
        """Loan id by the key of its request, while the loan is not settled."""
        self._settled = 0
        self._last_due_on = market.starts_on

    async def play(self, *, months: int | None, enrolled: Callable[[int], None]) -> None:
        """From an empty market to the day when every loan is repaid, or for `months` from its start."""
        begun_on = date.fromisoformat((await self._operations.get("/api/v1/clock"))["business_date"])
        day = max(self._market.starts_on, begun_on)
        if day == self._market.starts_on:
            await self._move_both(day, SETTING_UP)
        await self._enrolment.enrol_everybody(enrolled)
        await self._rest()
        await self._enrolment.place_offers()
        await self._rest()
        await self._take_up_before(day)
        ends_on = None if months is None else months_later(self._market.starts_on, months)
        while not self._is_over(day) and (ends_on is None or day < ends_on):
            if is_business_day(day, BusinessCalendar.TARGET) or self._happens_on(day):
                await self._play_day(day)
                self._progress(day, self._settled, self._settled + len(self._loans))
                await self._pause()
            day += timedelta(days=1)

    async def _take_up_before(self, day: date) -> None:
        """What became of the requests of earlier days, for a market that is gone on with."""
        for request in self._market.requests:
            if request.on < day:
                await self._ask_for_credit(request)

    def _happens_on(self, day: date) -> bool:
        return any(request.on == day for request in self._market.requests) or any(
            wire.on == day for lender in self._market.lenders for wire in lender.wires
        )

    def _is_over(self, day: date) -> bool:
        last_entry_on = max(
            [self._market.starts_on, *(request.on for request in self._market.requests)]
            + [wire.on for lender in self._market.lenders for wire in lender.wires]
        )
        if day <= last_entry_on or self._waiting or self._unsigned:
            return False
        return not self._loans or day > self._last_due_on + LONGEST_AFTERMATH

    async def _play_day(self, day: date) -> None:
        await self._move_market(day, MORNING)
        await self._rest()
        if self._happens_on(day):
            await self._move_both(day, BUSINESS)
            await self._business_of(day)
        await self._move_both(day, EVENING)
        if self._waiting:
            await self._tick_books()
        await self._follow_loans(day)

    async def _business_of(self, day: date) -> None:
        wired = False
        for lender in self._market.lenders:
            for place, wire in enumerate(lender.wires):
                if wire.on == day:
                    await self._wire(lender.key, lender.name, place, wire.cents)
                    wired = True
        if wired:
            await self._rest()
        requests = [request for request in self._market.requests if request.on == day]
        for place, request in enumerate(requests, start=1):
            # A minute apart, closer on a day so busy that they would not fit before the evening.
            apart = min(timedelta(minutes=1), REQUEST_HOURS / len(requests))
            opens_at = datetime.combine(day, BUSINESS) + apart * place
            await self._move_both(day, opens_at.time())
            await self._ask_for_credit(request)
            await self._pause()

    async def _wire(self, key: str, name: str, place: int, cents: int) -> None:
        door = self._enrolment.doors[self._market.id_of("lender", key)]
        wire = {
            "wire_id": self._market.id_of("wire", f"{key}/{place}"),
            "cents": cents,
            "payer": name,
            "iban": (await door.post("/api/v1/wallet/virtual-iban"))["iban"],
        }
        await self._simulator.post("/__sim/wires", wire)

    async def _ask_for_credit(self, request: MarketRequest) -> None:
        door, path = self._door_of(request), self._path_of(request)
        company_key, _, _ = request.employee.partition("/")
        body = {
            "company_id": self._market.id_of("company", company_key),
            "employment_id": self._market.id_of("employment", request.employee),
            "amount_cents": request.amount_cents,
            "amount_min_cents": request.min_amount_cents,
            "term_months": request.months,
            "rate_max_bp": request.max_rate_bp,
            "debit_day": request.debit_day,
            "is_shrink_allowed": request.accepts_shrink,
            "purpose_class": request.purpose_class,
            "other_instalments_cents": self._other_instalments_of(request),
        }
        status = await door.put(path, body)
        if status["state"] == "draft":
            await door.post(f"{path}/assessment")
            status = await door.get(path)
        if status["state"] == "assessed":
            await door.post(f"{path}/opening?wait_s=20")
            await self._rest()
        if not await self._sign_if_covered(request):
            self._waiting.append(request)

    async def _sign_if_covered(self, request: MarketRequest) -> bool:
        """True when there is nothing more to wait for: signed, left unsigned on purpose, or at its end."""
        door, path = self._door_of(request), self._path_of(request)
        status = await door.get(path)
        if status["state"] in FINAL_STATES:
            self._unsigned.discard(request.key)
            return True
        if status["state"] == "disbursed":
            await self._note_loan(request, status)
            return True
        if status["state"] != "covered":
            return False
        if not request.signs:
            self._unsigned.add(request.key)
            return False
        mandate_id = self._market.id_of("mandate", request.employee)
        await door.post(f"{path}/signature?wait_s=20", {"cover_id": status["cover_id"], "mandate_id": mandate_id})
        await self._rest()
        await self._note_loan(request, await door.get(path))
        return True

    async def _note_loan(self, request: MarketRequest, status: dict[str, Any]) -> None:
        loan_id = status["loan_id"]
        assert loan_id is not None, status
        loan = await self._operations.get(f"/api/v1/loans/{loan_id}")
        self._loans[request.key] = loan_id
        due_dates = [date.fromisoformat(instalment["due_date"]) for instalment in loan["instalments"]]
        self._last_due_on = max(self._last_due_on, due_dates[-1])
        wallet_id = (await self._door_of(request).get("/api/v1/wallet"))["wallet_id"]
        for incident in self._market.incidents:
            if incident.request == request.key:
                due_on = due_dates[incident.instalment - 1]
                await self._simulator.post(
                    "/__sim/collections/fate",
                    {
                        "id": self._market.id_of("failed-debit", f"{request.key}/{incident.instalment}"),
                        "reason_code": incident.reason,
                        "wallet": wallet_id,
                        "date": shifted(due_on, Shift.NEXT, BusinessCalendar.TARGET).isoformat(),
                    },
                )

    async def _tick_books(self) -> None:
        """Have the books with waiting requests look at what has arrived, one after the other in the market's order."""
        waiting_at = {request.employee.partition("/")[0] for request in self._waiting}
        for company in self._market.companies:
            if company.key in waiting_at:
                company_id = self._market.id_of("company", company.key)
                moment = await self._operations.get("/api/v1/clock")
                key = self._market.id_of("tick", f"{company.key}/{moment['now_at']}")
                await self._operations.post(f"/api/v1/companies/{company_id}/ticks?wait_s=20", key=key)
                await self._rest()
        self._waiting = [request for request in self._waiting if not await self._sign_if_covered(request)]

    async def _follow_loans(self, day: date) -> None:
        """Look at loans that may have ended: from their last instalments on there is something to see."""
        if not self._loans or not self._may_settle(day):
            return
        for request_key, loan_id in list(self._loans.items()):
            if (await self._operations.get(f"/api/v1/loans/{loan_id}"))["settled_on"] is not None:
                del self._loans[request_key]
                self._settled += 1

    def _may_settle(self, day: date) -> bool:
        is_end_of_week = day.weekday() == 4
        return is_end_of_week or day >= self._last_due_on

    async def _move_both(self, day: date, at: time) -> None:
        """Move the institution's clock, let the market read what it reports of that time, then move the market's."""
        now = _instant(day, at)
        if datetime.fromisoformat((await self._simulator.get("/__sim/clock"))["now"]) < now:
            await self._simulator.put("/__sim/clock", {"now": now.isoformat()})
            await self._rest()
        await self._move_market(day, at)
        await self._rest()

    async def _move_market(self, day: date, at: time) -> None:
        now = _instant(day, at)
        if datetime.fromisoformat((await self._operations.get("/api/v1/clock"))["now_at"]) < now:
            await self._operations.put("/api/v1/clock", {"now_at": now.isoformat()})

    async def _rest(self) -> None:
        await until_quiet(self._operations, self._simulator)

    def _door_of(self, request: MarketRequest) -> Door:
        return self._enrolment.doors[self._market.id_of("borrower", request.employee)]

    def _path_of(self, request: MarketRequest) -> str:
        return f"/api/v1/requests/{self._market.id_of('request', request.key)}"

    def _other_instalments_of(self, request: MarketRequest) -> int:
        company_key, _, employee_key = request.employee.partition("/")
        company = next(company for company in self._market.companies if company.key == company_key)
        return next(employee.other_instalments_cents for employee in company.employees if employee.key == employee_key)


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, ROME).astimezone(UTC)
