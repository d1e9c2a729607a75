"""The simulator as an ASGI application."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Response, Router, post
from litestar.datastructures import ResponseHeader
from litestar.di import Provide
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig
from litestar.types import ASGIApp

from lemonway.simulator.addresses import CONTROL_PLANE_PATH, DIRECTKIT_PATH, ONBOARDING_PATH, TOKEN_PATH
from lemonway.simulator.background import background_work
from lemonway.simulator.behaviour import start_behaviour
from lemonway.simulator.clock import start_clock
from lemonway.simulator.control_plane import CONTROL_PLANE_ROUTES
from lemonway.simulator.desk import Answer, AnyRequest, Desk, DeskDependency, json_answer
from lemonway.simulator.directkit_routes import DIRECTKIT_ROUTES
from lemonway.simulator.due_events import ClockWouldGoBackward
from lemonway.simulator.fault_injection import spoil_calls
from lemonway.simulator.faults import IdUsedForAnotherPlan
from lemonway.simulator.hosted_pages import HOSTED_PAGES
from lemonway.simulator.mandates import NotWaitingForSignature
from lemonway.simulator.notifications import NotificationSender, address_notifications, euros
from lemonway.simulator.onboarding_routes import ONBOARDING_ROUTES
from lemonway.simulator.page import PAGE_ROUTES
from lemonway.simulator.process_routes import PROCESS_ROUTES
from lemonway.simulator.refusals import Refused, RefusedByOnboarding
from lemonway.simulator.settings import SimulatorSettings
from lemonway.simulator.store import Store
from lemonway.simulator.wallets import open_own_wallets
from lemonway.simulator.wires import WireToldDifferently

_HERE = Path(__file__).parent


@post(TOKEN_PATH, status_code=200)
async def issue_bearer(request: AnyRequest, desk: DeskDependency) -> Answer:
    """OAuth: the API key in, the bearer in force out."""
    return await desk.bearer(request)


def _faults(store: Store, prefix: str) -> Callable[[ASGIApp], ASGIApp]:
    # A function and not a partial: Litestar copies what a router holds, and a store cannot be copied.
    def with_faults(app: ASGIApp) -> ASGIApp:
        return spoil_calls(app, store=store, prefix=prefix)

    return with_faults


def _euros_with_sign(cents: int) -> str:
    return f"−{euros(-cents)}" if cents < 0 else euros(cents)


def _conflict(_: AnyRequest, failure: Exception) -> Answer:
    code = {"code": failure.code} if isinstance(failure, Refused) else {}
    return json_answer({"message": str(failure), **code}, 409)


def _refused_by_onboarding(_: AnyRequest, failure: RefusedByOnboarding) -> Answer:
    return json_answer({"message": str(failure)}, failure.status)


def _bad_request(_: AnyRequest, failure: Exception) -> Answer:
    return json_answer({"message": str(failure)}, 400)


_FAILURES: dict[int | type[Exception], Callable[[AnyRequest, Any], Response[Any]]] = {
    Refused: _conflict,
    ClockWouldGoBackward: _conflict,
    IdUsedForAnotherPlan: _conflict,
    NotWaitingForSignature: _conflict,
    WireToldDifferently: _conflict,
    RefusedByOnboarding: _refused_by_onboarding,
    msgspec.ValidationError: _bad_request,
}
"""What the control plane and the pages answer. DirectKit and Online Onboarding word their own refusals."""


def create_simulator(settings: SimulatorSettings) -> Litestar:
    """A Lemonway on one store. Start one server process per store; after a kill, the next goes on where it was."""
    store = Store(settings.store_path)
    with store.transaction():
        start_clock(store, settings.start_at)
        start_behaviour(store, settings.behaviour)
        address_notifications(store, settings.webhook_url)
        open_own_wallets(store, sc_wallet_id=settings.sc_wallet_id, technical_wallet_ids=settings.technical_wallet_ids)
    desk = Desk(store, NotificationSender(store, settings.webhook_url), api_key=settings.api_key)

    def provide_desk() -> Desk:
        return desk

    engine = JinjaTemplateEngine(directory=_HERE / "templates")
    engine.engine.filters["euros"] = _euros_with_sign
    return Litestar(
        route_handlers=[
            Router("/", route_handlers=[issue_bearer], middleware=[_faults(store, "")]),
            Router(
                f"{DIRECTKIT_PATH}/v2", route_handlers=DIRECTKIT_ROUTES, middleware=[_faults(store, DIRECTKIT_PATH)]
            ),
            Router(ONBOARDING_PATH, route_handlers=ONBOARDING_ROUTES, middleware=[_faults(store, ONBOARDING_PATH)]),
            Router(CONTROL_PLANE_PATH, route_handlers=CONTROL_PLANE_ROUTES),
            Router("/", route_handlers=[*HOSTED_PAGES, *PAGE_ROUTES, *PROCESS_ROUTES]),
            create_static_files_router("/static", directories=[_HERE / "static"]),
        ],
        dependencies={"desk": Provide(provide_desk, sync_to_thread=False, use_cache=True)},
        template_config=TemplateConfig(instance=engine),
        lifespan=[partial(background_work, desk=desk)],
        exception_handlers=_FAILURES,
        response_headers=[
            ResponseHeader(name="Content-Security-Policy", value="default-src 'none'; style-src 'self'; img-src 'self'")
        ],
        openapi_config=None,
        logging_config=None,
    )
