"""Every route, called by everybody, on what is theirs and on what is somebody else's."""

from collections.abc import Iterator

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from api.callers import Role
from api.guards import Access, Objects, access_rule
from tests.api.running_gateway import (
    ADDRESS,
    IBAN,
    WEBHOOK_SECRET,
    RunningGateway,
    a_person,
    employee_row,
    id_of,
    offer_body,
    request_body,
    secret_of,
    terms_body,
)
from tests.api.two_of_each import LENDERS, OWNERS, TwoOfEach, fill_id_of, make_two_of_each

CALLERS = (None, *Role)
ANSWERED = "reached"
"""The call got past every guard: whatever it answers is not about who asks."""


class Example(msgspec.Struct, frozen=True):
    """A call of a route on something that belongs to `{name}`; `{new}` is an id nobody uses."""

    path: str
    body: object = None


def examples(name: str) -> dict[str, Example]:
    """A well-formed call of every route, on what belongs to the party of that name (a lender, borrower or company)."""
    own = {kind: id_of(f"{kind} of {name}") for kind in ("request", "loan", "mandate", "payout", "strategy", "offer")}
    account, company = id_of(f"bank account of {name}"), id_of(name)
    new = id_of(f"something new of {name}")
    # Both borrowers are employees of alfa: what is foreign to the first is the company it does not work for.
    employer = id_of("beta" if name == "dora" else "alfa")
    fill = fill_id_of(name) if name in LENDERS else "bk00.9.9"
    registration = {"kind": "borrower", "person": a_person("eva"), "secret": secret_of("eva")}
    entity = {"name": "Gamma", "registration_number": "12345678901", "address": ADDRESS}
    company_body = {"entity": entity, "representative": a_person("eva"), "code": "GAMMA-1", "secret": secret_of("eva")}
    signature = {"cover_id": "bk00:1", "mandate_id": own["mandate"]}
    return {
        "AddBankAccount": Example(f"/bank-accounts/{new}", {"iban": IBAN, "holder": "x"}),
        "AskWhatIf": Example(f"/strategies/{own['strategy']}/what-if", {"rate_floor_bp": 450}),
        "AskPayout": Example(f"/payouts/{own['payout']}", {"amount_cents": 1_000, "bank_account_id": account}),
        "AssessRequest": Example(f"/requests/{own['request']}/assessment"),
        "BarLender": Example(f"/ops/books/{id_of('alfa')}/bars/{id_of('ada')}/conflict", {}),
        "CancelRequest": Example(f"/requests/{own['request']}/cancellation"),
        "ChangeOffer": Example(f"/companies/{id_of('alfa')}/offers/{own['offer']}", {"rate_floor_bp": 400}),
        "ChangeStrategy": Example(f"/strategies/{own['strategy']}", {"priority": 2}),
        "CheckCompanyCode": Example("/company-code-checks", {"code": "x"}),
        "ClaimEmployment": Example(f"/employments/{new}", {"check_token": "x", "tax_code": "A" * 16}),
        "CloseStrategy": Example(f"/strategies/{own['strategy']}/closure"),
        "CreateCompany": Example(f"/ops/companies/{new}", company_body),
        "CreateMandate": Example(f"/mandates/{new}", {"bank_account_id": account}),
        "CreateStrategy": Example(f"/strategies/{own['strategy']}", {"name": "main"}),
        "CreateVirtualIban": Example("/wallet/virtual-iban"),
        "ExplainIdleMoney": Example(f"/strategies/{own['strategy']}/idle"),
        "ForecastLending": Example(f"/strategies/{own['strategy']}/forecast"),
        "GetBankAccount": Example(f"/bank-accounts/{account}"),
        "GetClock": Example("/clock"),
        "GetCommand": Example(f"/commands/{id_of(f'command of {name}')}"),
        "GetCompany": Example(f"/companies/{id_of('alfa')}"),
        "GetCompanyState": Example(f"/companies/{company}/state"),
        "GetEmployment": Example(f"/employments/{id_of(f'employment of {name}')}"),
        "GetFill": Example(f"/fills/{fill}"),
        "GetFillReceipt": Example(f"/fills/{fill}/receipt"),
        "GetKyc": Example("/kyc"),
        "GetLoan": Example(f"/loans/{own['loan']}"),
        "GetMandate": Example(f"/mandates/{own['mandate']}"),
        "GetMarketResult": Example("/ops/result"),
        "GetMetrics": Example("//metrics"),
        "GetOutlook": Example(f"/companies/{employer}/outlook?amount_cents=100000&term_months=12"),
        "GetPayout": Example(f"/payouts/{own['payout']}"),
        "GetPayoutRule": Example("/payout-rule"),
        "GetRequest": Example(f"/requests/{own['request']}"),
        "GetRequestReceipt": Example(f"/requests/{own['request']}/receipt"),
        "GetStaticFile": Example("//static/x/live_books.js"),
        "GetStatistics": Example("/statistics"),
        "GetStatus": Example("//status"),
        "GetStrategy": Example(f"/strategies/{own['strategy']}"),
        "GetWallet": Example("/wallet"),
        "GrantBudget": Example(f"/companies/{company}/funding/{new}", {"cents": 1_000}),
        "ImportEmployees": Example(f"/companies/{company}/employee-imports", {"rows": [employee_row("eva")]}),
        "IsAlive": Example("//health/live"),
        "IsQuiet": Example("/ops/quiet"),
        "IsReady": Example("//health"),
        "IssueTicket": Example("/ws/ticket"),
        "LiftHold": Example(f"/fills/{fill}"),
        "ListCompanies": Example("/companies"),
        "ListFills": Example("/fills"),
        "ListOffers": Example("/offers"),
        "ListPreferences": Example("/preferences"),
        "ListShownCompanies": Example("//books/companies"),
        "ListSwitches": Example("/ops/switches"),
        "MoveClock": Example("/clock", {"now_at": "2026-01-12T08:00:00Z"}),
        "OpenRequest": Example(f"/requests/{own['request']}/opening"),
        "PauseLending": Example("/lenders/me/pause"),
        "PauseStrategy": Example(f"/strategies/{own['strategy']}/pause"),
        "PlaceOffer": Example(f"/companies/{id_of('alfa')}/offers/{own['offer']}", offer_body(name)),
        "PublishTerms": Example(f"/companies/{company}/terms/1", terms_body()),
        "ReceiveLemonwayNotification": Example(f"//hooks/lemonway/{WEBHOOK_SECRET}"),
        "Register": Example(f"/registrations/{new}", registration),
        "ResumeLending": Example("/lenders/me/resume"),
        "ResumeStrategy": Example(f"/strategies/{own['strategy']}/resume"),
        "SetBreakers": Example(f"/ops/books/{id_of('alfa')}/breakers", {"limits": None}),
        "SetCompanyState": Example(f"/companies/{company}/state", {"state": "open"}),
        "SetPayoutRule": Example("/payout-rule", {"every": "never"}),
        "SetPreference": Example(f"/preferences/{id_of('alfa')}", {"tier": "B"}),
        "SetSwitch": Example("/ops/switches/all", {"state": "running"}),
        "ShowBookCards": Example("//books/cards"),
        "ShowLiveBooks": Example("//"),
        "ShowReceipt": Example(f"//presta/ricevuta/{fill}"),
        "ShowReceipts": Example("//presta/ricevute"),
        "SignRequest": Example(f"/requests/{own['request']}/signature", signature),
        "StartKyc": Example("/kyc/sessions"),
        "TickBook": Example(f"/companies/{id_of('alfa')}/ticks"),
        "TryTerms": Example(f"/companies/{company}/terms/dry-runs", {"terms": terms_body()["terms"]}),
        "UnbarLender": Example(f"/ops/books/{id_of('alfa')}/bars/{id_of('ada')}/conflict"),
        "WithdrawOffer": Example(f"/companies/{id_of('alfa')}/offers/{own['offer']}"),
        "WriteRequest": Example(f"/requests/{own['request']}", request_body(name, "alfa")),
    }


def handlers(app: Litestar) -> Iterator[HTTPRouteHandler]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            yield from (one for one in route.route_handlers if one.operation_id is not None)


def test_every_route_has_an_example_here(gateway: RunningGateway) -> None:
    routed = {handler.operation_id for handler in handlers(gateway.app)}

    assert routed == examples("alfa").keys(), "add the new route to `examples`: its rule is walked with it"


async def test_nobody_gets_what_is_not_theirs(gateway: RunningGateway) -> None:
    """Each route, each role, on the caller's own and on another's: what must be answered follows from the rule."""
    world = await make_two_of_each(gateway)
    wrong: list[str] = []
    checks = 0
    for handler in handlers(gateway.app):
        rule = access_rule(handler)
        assert rule is not None
        for caller in CALLERS:
            for whose in ("own", "foreign") if names_an_object(rule) else ("own",):
                expected = expected_answer(rule, caller, whose)
                status = await call(world, handler, caller, whose)
                checks += 1
                if not fits(status, expected):
                    wrong.append(f"{handler.operation_id} by {caller or 'nobody'} on {whose}: {status}, not {expected}")

    assert not wrong
    assert checks >= 50 * len(CALLERS)


def names_an_object(rule: Access) -> bool:
    return rule.objects in (Objects.OWN_COMPANY_IN_PATH, Objects.OWN_IN_QUERY, Objects.CREATES_OWN)


def expected_answer(rule: Access, caller: Role | None, whose: str) -> str:
    if rule.is_public:
        return ANSWERED
    if caller is None:
        return "401"
    if caller not in rule.roles:
        return "403"
    if whose == "own" or caller is Role.OPERATOR:
        return ANSWERED
    match rule.objects:
        case Objects.OWN_COMPANY_IN_PATH | Objects.OWN_IN_QUERY:
            return "404"
        case Objects.CREATES_OWN:
            return "not theirs"
        case Objects.NONE | Objects.THE_CALLER:
            return ANSWERED


def fits(status: int, expected: str) -> bool:
    if expected == ANSWERED:
        return status not in (401, 403, 404, 405, 500)
    if expected == "not theirs":
        return status in (404, 409, 422, 502)
    return status == int(expected)


def whom_to_ask_about(handler: HTTPRouteHandler, caller: Role | None) -> Role:
    """The caller's own kind; for who owns nothing, a kind that the call is about."""
    if caller in OWNERS:
        return caller
    rule = access_rule(handler)
    assert rule is not None
    return next((role for role in (Role.LENDER, Role.BORROWER) if role in rule.roles), Role.COMPANY)


async def call(world: TwoOfEach, handler: HTTPRouteHandler, caller: Role | None, whose: str) -> int:
    own_name, foreign_name = OWNERS[whom_to_ask_about(handler, caller)]
    example = examples(own_name if whose == "own" else foreign_name)[str(handler.operation_id)]
    method = min(str(method) for method in handler.http_methods)
    door = world.door(caller)
    path = example.path
    if path.startswith("//"):
        path = f"{world.gateway.url}{path[1:]}"
    answer = await door.call(method, path, example.body)
    assert "Traceback" not in answer.text
    return answer.status_code
