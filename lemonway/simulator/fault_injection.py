"""Faults at the door of the API: calls that fail, answers that are lost, execution that comes late.

A lost answer is a real one: the call is committed, then the connection is closed in the middle of the reply.
"""

import asyncio
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar import Litestar
from litestar.types import ASGIApp, HTTPRequestEvent, HTTPScope, Message, Receive, Scope, Send

from lemonway.simulator.clock import real_now_ms
from lemonway.simulator.desk import DELAYED_CALL, JSON_MEDIA_TYPE
from lemonway.simulator.faults import FaultPlan, take_fault
from lemonway.simulator.store import Store

_POLL_S = 0.05
_ANY_ARMED = "SELECT 1 FROM faults WHERE remaining IS NULL OR remaining > 0 LIMIT 1"


class _KeptCall(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: str


def spoil_calls(app: ASGIApp, *, store: Store, prefix: str) -> ASGIApp:
    """Wrap a service mounted under `prefix` so that its calls meet the planned faults."""

    async def spoiled(scope: Scope, receive: Receive, send: Send) -> None:
        is_being_carried_out_late = DELAYED_CALL in scope
        if is_being_carried_out_late or store.one(_ANY_ARMED) is None:
            await app(scope, receive, send)
            return
        call = cast("HTTPScope", scope)
        endpoint = f"{call['method']} {call['path'].removeprefix(prefix)}"
        with store.transaction():
            fault = take_fault(store, endpoint)
        if fault is None:
            await app(scope, receive, send)
        else:
            await _meet(fault, app, store, scope, receive, send)

    return spoiled


async def _meet(fault: FaultPlan, app: ASGIApp, store: Store, scope: Scope, receive: Receive, send: Send) -> None:
    match fault.mode:
        case "outage":
            await _reply(send, 503, {"message": "Service Unavailable"})
        case "http_status":
            await _reply(send, fault.http_status, {"message": HTTPStatus(fault.http_status).phrase})
        case "error_code":
            await _reply(send, 200, {"error": {"code": fault.code, "message": "planned fault"}})
        case "lost_request":
            await _break_off(send)
        case "error_after_execution":
            await app(scope, receive, _unheard)
            await _reply(send, 500, {"error": {"code": 1, "message": "Internal error"}})
        case "lost_reply":
            await app(scope, receive, _unheard)
            await _break_off(send)
        case "delayed_execution":
            call = await _keep(cast("HTTPScope", scope), receive)
            with store.transaction():
                store.insert(
                    "delayed_calls",
                    due_at_ms=real_now_ms() + fault.delay_ms,
                    request=msgspec.json.encode(call).decode(),
                )
            await _break_off(send)


async def _unheard(message: Message) -> None:
    """Nobody hears this reply."""


async def _reply(send: Send, status: int, content: object) -> None:
    body = msgspec.json.encode(content)
    headers = [(b"content-type", JSON_MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _break_off(send: Send) -> None:
    """Announce a reply and end without it: the server can only close the connection."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


async def _keep(scope: HTTPScope, receive: Receive) -> _KeptCall:
    body, is_more = b"", True
    while is_more:
        message = cast("dict[str, Any]", await receive())
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return _KeptCall(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body.decode("utf-8", "surrogateescape"),
    )


async def carry_out_delayed_calls(app: Litestar, store: Store) -> None:
    """Carry out what was delayed, once each, also across a restart. Runs beside the server."""
    while True:
        row = store.one("SELECT * FROM delayed_calls WHERE due_at_ms <= ? ORDER BY id LIMIT 1", real_now_ms())
        if row is None:
            await asyncio.sleep(_POLL_S)
            continue
        await _carry_out(app, row["id"], msgspec.json.decode(row["request"], type=_KeptCall))
        with store.transaction():
            # The call itself strikes this off when it is executed; a refused one is struck off here.
            store.run("DELETE FROM delayed_calls WHERE id = ?", row["id"])


async def _carry_out(app: Litestar, delayed_call: int, call: _KeptCall) -> None:
    body = call.body.encode("utf-8", "surrogateescape")

    async def receive() -> HTTPRequestEvent:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": call.path,
        "raw_path": call.path.encode(),
        "query_string": call.query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in call.headers],
        "client": None,
        "server": None,
        DELAYED_CALL: delayed_call,
    }
    await app(cast("Scope", scope), cast("Receive", receive), _unheard)


def pending_delayed_calls(store: Store) -> int:
    return int(store.value("SELECT count(*) FROM delayed_calls"))
