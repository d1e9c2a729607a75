"""`/__sim/`: what only a simulator has. Time, the outside world, planned failures, and a look at the ledger.

Every request may be repeated: it carries an id of its maker, or asks for a state that may as well be reached twice.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from lemonway.simulator.access import revoke_bearers
from lemonway.simulator.behaviour import behaviour, change_behaviour
from lemonway.simulator.clock import follows_system_time, now
from lemonway.simulator.desk import Answer, AnyRequest, DeskDependency, NumberFromPath, json_answer
from lemonway.simulator.direct_debits import return_collection
from lemonway.simulator.due_events import move_clock
from lemonway.simulator.fates import Fate, plan_fate
from lemonway.simulator.fault_injection import pending_delayed_calls
from lemonway.simulator.faults import FaultPlan, armed_faults, lift_fault, plan_fault
from lemonway.simulator.ledger_views import ledger_breaks, list_movements, list_wallets
from lemonway.simulator.mandates import decide_signature
from lemonway.simulator.notifications import pending_notifications
from lemonway.simulator.onboarding import decide_onboarding
from lemonway.simulator.paging import Json
from lemonway.simulator.payouts import bounce_payout, decide_iban
from lemonway.simulator.wires import Wire, receive_wire

_LAST_YEAR = 2199


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root of what the control plane is sent."""


class ClockBody(_Body, frozen=True, kw_only=True):
    now: Annotated[datetime, msgspec.Meta(tz=True)]

    def __post_init__(self) -> None:
        if self.now.year > _LAST_YEAR:
            raise ValueError(f"the calendar ends with the year {_LAST_YEAR}")


class KycBody(_Body, frozen=True, kw_only=True):
    outcome: Literal["accepted", "rejected", "denied", "under_analysis"]


class SignatureBody(_Body, frozen=True, kw_only=True):
    outcome: Literal["signed", "rejected", "failed"]


class IbanBody(_Body, frozen=True, kw_only=True):
    outcome: Literal["accepted", "rejected"]


class ReturnBody(_Body, frozen=True, kw_only=True):
    reason_code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}[0-9]{2}$")]


@get("/clock")
async def get_clock(desk: DeskDependency) -> Answer:
    """The present instant, and whether it follows real time."""
    return json_answer(_clock(desk))


@put("/clock")
async def put_clock(request: AnyRequest, desk: DeskDependency, data: JSONBody[ClockBody]) -> Answer:
    """Move the clock and run everything due, in order. The present instant again is no move; an earlier one is 409."""
    with desk.transaction(request):
        happened = move_clock(desk.store, data.now)
    return json_answer(_clock(desk) | {"events": happened})


def _clock(desk: DeskDependency) -> Json:
    return {"now": now(desk.store).isoformat(), "follows_system_time": follows_system_time(desk.store)}


@post("/wires", status_code=200)
async def post_wire(request: AnyRequest, desk: DeskDependency, data: JSONBody[Wire]) -> Answer:
    """A wire from the outside world; `wire_id` makes it arrive once."""
    with desk.transaction(request):
        return json_answer({"transaction_id": receive_wire(desk.store, data)})


@post("/kyc/{account:str}", status_code=200)
async def post_kyc(
    request: AnyRequest, desk: DeskDependency, account: FromPath[str], data: JSONBody[KycBody]
) -> Answer:
    """How an identity check ends; `account` is the account id or the wallet id."""
    with desk.transaction(request):
        decide_onboarding(desk.store, account, data.outcome)
    return json_answer({"outcome": data.outcome})


@post("/mandates/{mandate_id:int}/signature", status_code=200)
async def post_signature(
    request: AnyRequest, desk: DeskDependency, mandate_id: NumberFromPath, data: JSONBody[SignatureBody]
) -> Answer:
    with desk.transaction(request):
        decide_signature(desk.store, mandate_id, data.outcome)
    return json_answer({"outcome": data.outcome})


@post("/ibans/{iban_id:int}", status_code=200)
async def post_iban(
    request: AnyRequest, desk: DeskDependency, iban_id: NumberFromPath, data: JSONBody[IbanBody]
) -> Answer:
    """The outcome of Lemonway's check of a payout IBAN (behaviour `iban_validation: manual`)."""
    with desk.transaction(request):
        decide_iban(desk.store, iban_id, is_accepted=data.outcome == "accepted")
    return json_answer({"outcome": data.outcome})


@post("/collections/fate", status_code=200)
async def post_fate(request: AnyRequest, desk: DeskDependency, data: JSONBody[Fate]) -> Answer:
    """Plan the failure of a coming collection."""
    with desk.transaction(request):
        plan_fate(desk.store, data)
    return json_answer({"id": data.id})


@post("/collections/{transaction_id:int}/return", status_code=200)
async def post_return(
    request: AnyRequest, desk: DeskDependency, transaction_id: NumberFromPath, data: JSONBody[ReturnBody]
) -> Answer:
    """The bank takes a collected debit back, now."""
    with desk.transaction(request):
        return json_answer({"transaction_id": return_collection(desk.store, transaction_id, data.reason_code)})


@post("/payouts/{transaction_id:int}/bounce", status_code=200)
async def post_bounce(request: AnyRequest, desk: DeskDependency, transaction_id: NumberFromPath) -> Answer:
    """The payee's bank sends a payout back, now."""
    with desk.transaction(request):
        return json_answer({"transaction_id": bounce_payout(desk.store, transaction_id)})


@get("/faults")
async def get_faults(desk: DeskDependency) -> Answer:
    return json_answer({"faults": armed_faults(desk.store)})


@post("/faults", status_code=200)
async def post_fault(request: AnyRequest, desk: DeskDependency, data: JSONBody[FaultPlan]) -> Answer:
    """Arm a fault."""
    with desk.transaction(request):
        plan_fault(desk.store, data)
    return json_answer({"id": data.id})


@delete("/faults/{fault_id:str}", status_code=200)
async def delete_fault(request: AnyRequest, desk: DeskDependency, fault_id: FromPath[str]) -> Answer:
    with desk.transaction(request):
        lift_fault(desk.store, fault_id)
    return json_answer({"id": fault_id})


@get("/settings")
async def get_settings(desk: DeskDependency) -> Answer:
    return json_answer(behaviour(desk.store))


@post("/settings", status_code=200)
async def post_settings(request: AnyRequest, desk: DeskDependency, data: JSONBody[dict[str, Any]]) -> Answer:
    """Change the behaviours named in the body and leave the others; all of them in the answer."""
    with desk.transaction(request):
        return json_answer(change_behaviour(desk.store, data))


@post("/bearers/expire", status_code=200)
async def expire_bearers(request: AnyRequest, desk: DeskDependency) -> Answer:
    with desk.transaction(request):
        revoke_bearers(desk.store)
    return json_answer({})


@get("/wallets")
async def get_wallets(desk: DeskDependency) -> Answer:
    """Every wallet with its balance, the outside world (`@bank`) included: the balances sum to zero."""
    return json_answer({"wallets": list_wallets(desk.store)})


@get("/movements")
async def get_movements(
    desk: DeskDependency,
    after: Annotated[int, QueryParameter(ge=0)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=100_000)] = 1_000,
) -> Answer:
    """Movements after a number, oldest first: source, target, cents, and the transaction with its reference."""
    return json_answer({"movements": list_movements(desk.store, after=after, limit=limit)})


@get("/breaks")
async def get_breaks(desk: DeskDependency) -> Answer:
    """The ledger's own audit: an empty list, or what does not add up."""
    return json_answer({"breaks": ledger_breaks(desk.store)})


@get("/idle")
async def get_idle(desk: DeskDependency) -> Answer:
    """What is still on its way, to wait until nothing is."""
    return json_answer(
        _clock(desk)
        | {
            "pending_notifications": pending_notifications(desk.store),
            "delayed_calls": pending_delayed_calls(desk.store),
        }
    )


CONTROL_PLANE_ROUTES = [
    get_clock,
    put_clock,
    post_wire,
    post_kyc,
    post_signature,
    post_iban,
    post_fate,
    post_return,
    post_bounce,
    get_faults,
    post_fault,
    delete_fault,
    get_settings,
    post_settings,
    expire_bearers,
    get_wallets,
    get_movements,
    get_breaks,
    get_idle,
]
