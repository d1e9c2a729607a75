"""The gateway as one application: routes, dependencies, and what holds for every call."""

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.types import ControllerRouterHandler

from api.access_keys import AccessKeyAuthentication
from api.bank_accounts import BankAccountController
from api.book_switches import CompanyStateController, SwitchController
from api.business_dates import business_date
from api.commands import CommandController
from api.companies import CompanyController
from api.dependencies import GatewayParts, provided
from api.dry_runs import DryRunController
from api.employee_imports import EmployeeImportController
from api.employments import EmploymentController
from api.forecasts import ForecastController, OutlookController
from api.guards import access_rule, hold_rule
from api.health import HealthController
from api.lemonway_notifications import receive_notification
from api.lending_switches import HoldController, LendingController
from api.live_feed import issue_feed_ticket, serve_feed
from api.loans import LoanController
from api.market_clock import MoveClockController, ReadClockController
from api.market_statistics import StatisticsController
from api.offers import OfferController
from api.operations import OperationsController
from api.payouts import PayoutController
from api.preferences import PreferenceController
from api.problems import answer_problem
from api.receipts import FillController, RequestReceiptController
from api.registrations import RegistrationController
from api.request_stamps import stamp_answers
from api.requests import RequestController
from api.strategies import StrategyController
from api.strict_requests import StrictRequest, refuse_the_unknown
from api.terms import TermsController
from api.ticks import TickController
from api.wallets import WalletController
from api.web.live_books_page import LiveBooksPage
from api.web.pages import serve_static_file
from api.web.receipts_page import ReceiptsPage

BODY_BYTES_MAX = 64 * 1024

_CALLS: tuple[ControllerRouterHandler, ...] = (
    BankAccountController,
    CommandController,
    CompanyController,
    CompanyStateController,
    DryRunController,
    EmployeeImportController,
    EmploymentController,
    FillController,
    ForecastController,
    HoldController,
    LendingController,
    LoanController,
    OfferController,
    OperationsController,
    OutlookController,
    PayoutController,
    PreferenceController,
    ReadClockController,
    RegistrationController,
    RequestController,
    RequestReceiptController,
    StatisticsController,
    StrategyController,
    SwitchController,
    TermsController,
    TickController,
    WalletController,
    issue_feed_ticket,
    serve_feed,
)


def create_app(parts: GatewayParts) -> Litestar:
    """The application over the given parts. Whoever starts it opens and closes them."""
    calls = [*_CALLS, *([MoveClockController] if parts.settings.clock == "virtual" else [])]
    app = Litestar(
        route_handlers=[
            Router(path="/api/v1", route_handlers=calls),
            receive_notification,
            HealthController,
            LiveBooksPage,
            ReceiptsPage,
            serve_static_file,
        ],
        dependencies=provided(parts),
        request_class=StrictRequest,
        request_max_body_size=BODY_BYTES_MAX,
        middleware=[
            DefineMiddleware(AccessKeyAuthentication, pool=parts.pool, operator_secret=parts.settings.operator_secret)
        ],
        guards=[hold_rule],
        before_request=refuse_the_unknown,
        before_send=[stamp_answers(lambda: business_date(parts.clock))],
        exception_handlers={HTTPException: answer_problem, Exception: answer_problem},
        compression_config=CompressionConfig(backend="gzip", minimum_size=1_024),
        openapi_config=None,
        logging_config=None,
    )
    check_every_route_has_its_rule(app)
    return app


def check_every_route_has_its_rule(app: Litestar) -> None:
    """A route that says nothing of who may call it is our own mistake, found before the first request."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)]):
            if handler.handler_name == "options_handler":
                continue  # Litestar's own, which the guard turns away
            assert access_rule(handler) is not None, f"{route.path}: no access rule"
