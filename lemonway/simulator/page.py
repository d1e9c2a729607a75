"""The page at `/`: wallets, movements, and buttons for what the outside world may do. Plain forms, no script."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import uuid4

import msgspec
from litestar import get, post
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template

from lemonway.simulator.clock import follows_system_time, now
from lemonway.simulator.desk import AnyRequest, DeskDependency
from lemonway.simulator.direct_debits import return_collection
from lemonway.simulator.due_events import move_clock
from lemonway.simulator.faults import FaultPlan, armed_faults, lift_fault, plan_fault
from lemonway.simulator.ledger_views import latest_movements, list_wallets
from lemonway.simulator.mandates import decide_signature
from lemonway.simulator.notifications import pending_notifications
from lemonway.simulator.onboarding import decide_onboarding
from lemonway.simulator.page_texts import texts_for
from lemonway.simulator.paging import Json
from lemonway.simulator.store import Store
from lemonway.simulator.wires import Wire, receive_wire

_STOPPED_WORLD = FaultPlan(id="stopped-world", mode="outage", count=None)
_SHOWN_AT_MOST = 50


class WireForm(msgspec.Struct, frozen=True):
    wire_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    wallet: str
    euros: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,7}([.,][0-9]{1,2})?$")]
    payer: Annotated[str, msgspec.Meta(max_length=256)]


class KycForm(msgspec.Struct, frozen=True):
    account: str
    outcome: Literal["accepted", "rejected"]


class SignatureForm(msgspec.Struct, frozen=True):
    mandate: int


class ReturnForm(msgspec.Struct, frozen=True):
    transaction: int
    reason: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}[0-9]{2}$")]


class ClockForm(msgspec.Struct, frozen=True):
    """`at` is what a browser's date field sends: UTC without saying so."""

    at: str

    def __post_init__(self) -> None:
        self.instant()

    def instant(self) -> datetime:
        return datetime.fromisoformat(self.at).replace(tzinfo=UTC)


class WorldForm(msgspec.Struct, frozen=True):
    wish: Literal["stop", "resume"]


@get("/")
async def show_page(request: AnyRequest, desk: DeskDependency) -> Template:
    store = desk.store
    return Template(
        "simulator.html.j2",
        context={
            "t": texts_for(request),
            "now": now(store),
            "follows_system_time": follows_system_time(store),
            "is_stopped": any(plan.id == _STOPPED_WORLD.id for plan in armed_faults(store)),
            "pending_notifications": pending_notifications(store),
            "wallets": list_wallets(store)[: _SHOWN_AT_MOST * 10],
            "movements": latest_movements(store, limit=_SHOWN_AT_MOST),
            "wire_id": str(uuid4()),
            **_waiting(store),
        },
    )


def _waiting(store: Store) -> Json:
    """What a person could decide now."""
    return {
        "kyc_waiting": store.all(
            "SELECT * FROM accounts WHERE onboarding_id IS NOT NULL AND profile_status NOT IN ('ACCEPTED', 'DENIED')"
            " ORDER BY number LIMIT ?",
            _SHOWN_AT_MOST,
        ),
        "signatures_waiting": store.all(
            "SELECT * FROM mandates WHERE status = 0 AND id IN (SELECT mandate_id FROM signatures) ORDER BY id LIMIT ?",
            _SHOWN_AT_MOST,
        ),
        "collected": store.all(
            "SELECT * FROM transactions WHERE kind = 'direct_debit' AND status = 0 AND id NOT IN"
            " (SELECT origin_id FROM transactions WHERE kind = 'chargeback') ORDER BY id DESC LIMIT ?",
            _SHOWN_AT_MOST,
        ),
    }


def _back() -> Redirect:
    return Redirect("/", status_code=303)


@post("/page/wire")
async def send_wire(request: AnyRequest, desk: DeskDependency, data: URLEncodedBody[WireForm]) -> Redirect:
    whole, _, decimals = data.euros.replace(",", ".").partition(".")
    cents = int(whole) * 100 + int(decimals.ljust(2, "0"))
    with desk.transaction(request):
        receive_wire(desk.store, Wire(wire_id=data.wire_id, wallet=data.wallet, cents=cents, payer=data.payer))
    return _back()


@post("/page/kyc")
async def decide_kyc(request: AnyRequest, desk: DeskDependency, data: URLEncodedBody[KycForm]) -> Redirect:
    with desk.transaction(request):
        decide_onboarding(desk.store, data.account, data.outcome)
    return _back()


@post("/page/signature")
async def sign_mandate(request: AnyRequest, desk: DeskDependency, data: URLEncodedBody[SignatureForm]) -> Redirect:
    with desk.transaction(request):
        decide_signature(desk.store, data.mandate, "signed")
    return _back()


@post("/page/return")
async def return_debit(request: AnyRequest, desk: DeskDependency, data: URLEncodedBody[ReturnForm]) -> Redirect:
    with desk.transaction(request):
        return_collection(desk.store, data.transaction, data.reason)
    return _back()


@post("/page/clock")
async def set_clock_forward(request: AnyRequest, desk: DeskDependency, data: URLEncodedBody[ClockForm]) -> Redirect:
    with desk.transaction(request):
        move_clock(desk.store, data.instant())
    return _back()


@post("/page/world")
async def stop_or_resume_world(request: AnyRequest, desk: DeskDependency, data: URLEncodedBody[WorldForm]) -> Redirect:
    """Stopped, the API answers 503 to everything; this page and the control plane go on."""
    with desk.transaction(request):
        if data.wish == "stop":
            plan_fault(desk.store, _STOPPED_WORLD)
        else:
            lift_fault(desk.store, _STOPPED_WORLD.id)
    return _back()


PAGE_ROUTES = [show_page, send_wire, decide_kyc, sign_mandate, return_debit, set_clock_forward, stop_or_resume_world]
