"""How everybody comes in: registration, identity check, bank account, mandate, strategy, offers, terms."""

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import httpx
import msgspec

from cli.command_failed import CommandFailed
from cli.demo.doors import Door
from cli.demo.market import Market, MarketCompany, MarketEmployee, MarketLender, MarketOffer
from cli.demo.market_file import terms_of
from cli.demo.participants import a_company, a_person, a_tax_code, an_iban

AT_ONCE = 6
LOOK_S, STUCK_AFTER_S = 0.02, 90.0


class Enrolment:
    """Brings the market's parties in; afterwards `doors` holds each party's own door, by id."""

    def __init__(self, market: Market, *, operations: Door, simulator: Door, secrets_from: bytes) -> None:
        """Access keys are derived from `secrets_from`, so that who begins again still holds the parties' keys."""
        self._market = market
        self._secrets_from = secrets_from
        self._operations = operations
        self._simulator = simulator
        self._numbers = {party: number for number, party in enumerate(_parties(market), start=1)}
        self.doors: dict[str, Door] = {}

    async def enrol_everybody(self, done: Callable[[int], None]) -> None:
        """Companies first, since lenders and employees need them; the rest side by side. `done` counts parties."""
        for company in self._market.companies:
            await self._company(company)
            done(1)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(enrol: Callable[[], Awaitable[None]]) -> None:
            async with gate:
                await enrol()
            done(1)

        borrowing = {request.employee for request in self._market.requests}
        async with asyncio.TaskGroup() as group:
            for lender in self._market.lenders:
                group.create_task(one(partial(self._lender, lender)))
            for company in self._market.companies:
                for employee in company.employees:
                    if f"{company.key}/{employee.key}" in borrowing:
                        group.create_task(one(partial(self._borrower, company, employee)))

    async def place_offers(self) -> None:
        """One after the other: an offer's order of arrival decides ties."""
        market = self._market
        for lender in market.lenders:
            door = self.doors[market.id_of("lender", lender.key)]
            for offer in lender.offers:
                company_id = market.id_of("company", offer.company)
                offer_id = market.id_of("offer", f"{lender.key}/{offer.company}")
                await door.put(
                    f"/api/v1/companies/{company_id}/offers/{offer_id}?wait_s=20",
                    {
                        "strategy_id": market.id_of("strategy", lender.key),
                        "rate_floor_bp": offer.ask_bp,
                        "tier": offer.tier,
                        "terms": list(offer.months),
                        "ticket_min_cents": offer.min_ticket_cents,
                        "per_request_cents": offer.per_request_cents,
                        "per_borrower_cents": offer.per_borrower_cents,
                        "per_company_cents": offer.per_company_cents,
                    },
                )

    async def _company(self, company: MarketCompany) -> None:
        company_id = self._market.id_of("company", company.key)
        number = self._numbers[f"company/{company.key}"]
        body = {
            "entity": a_company(company.name, number),
            "representative": a_person("Paola", "Marchetti", number),
            "code": company.code,
        }
        door = await self._admit(f"/api/v1/ops/companies/{company_id}", company_id, body, self._operations)
        terms = {"terms": msgspec.to_builtins(terms_of(company)), "policy": msgspec.to_builtins(company.policy)}
        await door.put(f"/api/v1/companies/{company_id}/terms/1?wait_s=20", terms)
        if company.employees:
            rows = [self._employee_row(company, employee) for employee in company.employees]
            key = self._market.id_of("employee-import", company.key)
            await door.post(f"/api/v1/companies/{company_id}/employee-imports", {"rows": rows}, key=key)
        if company.company_money.budget_cents:
            await self._fund(company, company_id, door)

    async def _fund(self, company: MarketCompany, company_id: str, door: Door) -> None:
        cents = company.company_money.budget_cents
        await self._simulator.post(
            "/__sim/wires",
            {
                "wire_id": self._market.id_of("budget-wire", company.key),
                "cents": cents,
                "payer": company.name,
                "wallet": (await door.get("/api/v1/wallet"))["wallet_id"],
            },
        )
        await _until(lambda: self._has_free(door, cents), f"{company.name}'s wire")
        grant_id = self._market.id_of("grant", company.key)
        await door.put(f"/api/v1/companies/{company_id}/funding/{grant_id}?wait_s=20", {"cents": cents})

    def _employee_row(self, company: MarketCompany, employee: MarketEmployee) -> dict[str, Any]:
        number = self._numbers[f"borrower/{company.key}/{employee.key}"]
        return {
            "staff_number": employee.key,
            "tax_code": a_tax_code(number),
            "first_name": employee.first_name,
            "last_name": employee.last_name,
            "contract_type": employee.contract_type.value,
            "hired_on": employee.hired_on.isoformat(),
            "net_monthly_cents": employee.net_monthly_cents,
        }

    async def _lender(self, lender: MarketLender) -> None:
        market, lender_id = self._market, self._market.id_of("lender", lender.key)
        number = self._numbers[f"lender/{lender.key}"]
        first_name, _, last_name = lender.name.partition(" ")
        person = a_person(first_name, last_name or first_name, number)
        if lender.kind == "legal":
            body = {"kind": "lender_legal", "person": person, "entity": a_company(f"{lender.name} srl", number)}
        else:
            body = {"kind": "lender_person", "person": person}
        door = await self._admit(f"/api/v1/registrations/{lender_id}", lender_id, body, self._operations)
        await door.post("/api/v1/wallet/virtual-iban")
        account_id = await self._bank_account(door, f"lender/{lender.key}", lender.name)
        await door.put(
            f"/api/v1/strategies/{market.id_of('strategy', lender.key)}",
            {
                "name": "strategia",
                "budget_cents": lender.budget_cents,
                "pace_cents": lender.pace_cents,
                "reserve_cents": lender.reserve_cents,
                "average_life_max_months": lender.average_life_max_months,
                "is_all_or_none": lender.is_all_or_none,
                "asks": [ask for offer in lender.offers for ask in self._asks(offer)],
                "caps": msgspec.to_builtins(lender.caps),
                "filters": msgspec.to_builtins(lender.filters),
                "reinvest": lender.reinvest,
            },
        )
        await door.put("/api/v1/payout-rule", {"every": lender.payout, "bank_account_id": account_id})

    def _asks(self, offer: MarketOffer) -> Iterator[dict[str, Any]]:
        """What a strategy asks of one company beside the offer's own rate."""
        company_id = self._market.id_of("company", offer.company)
        if offer.follows is not None:
            yield {"company_id": company_id, **msgspec.to_builtins(offer.follows)}
        for ask in offer.asks:
            yield {"company_id": company_id, "term_months": ask.months, "value_bp": ask.ask_bp}

    async def _borrower(self, company: MarketCompany, employee: MarketEmployee) -> None:
        name = f"{company.key}/{employee.key}"
        borrower_id = self._market.id_of("borrower", name)
        number = self._numbers[f"borrower/{name}"]
        person = a_person(employee.first_name, employee.last_name, number)
        body = {"kind": "borrower", "person": person}
        door = await self._admit(f"/api/v1/registrations/{borrower_id}", borrower_id, body, self._operations)
        checked = await door.post("/api/v1/company-code-checks", {"code": company.code})
        await door.put(
            f"/api/v1/employments/{self._market.id_of('employment', name)}",
            {
                "check_token": checked["check_token"],
                "tax_code": a_tax_code(number),
                "birth_date": person["birth_date"],
            },
        )
        holder = f"{employee.first_name} {employee.last_name}"
        account_id = await self._bank_account(door, f"borrower/{name}", holder)
        mandate = f"/api/v1/mandates/{self._market.id_of('mandate', name)}"
        created = await door.put(mandate, {"bank_account_id": account_id})
        if created["state"] == "signing":
            # Our simulator answers elsewhere after every start; the page is the same.
            page = httpx.URL(created["sign_url"]).raw_path.decode()
            await self._simulator.submit_form(page, {"outcome": "signed"})
        await _until(lambda: self._is_signed(door, mandate), f"the mandate of {name}")

    async def _admit(self, path: str, party_id: str, body: dict[str, Any], door: Door) -> Door:
        """Register, and pass the identity check as a person would on the hosted page. The party's own door."""
        secret = secret_of(party_id, secrets_from=self._secrets_from)
        receipt = await door.put(path, {**body, "secret": secret})
        own = door.as_holder_of(f"blk_{receipt['key_id']}_{secret}")
        self.doors[party_id] = own
        check = await own.post("/api/v1/kyc/sessions")
        if check["state"] != "accepted":
            await self._simulator.post(f"/__sim/kyc/{receipt['wallet_id']}", {"outcome": "accepted"})
        await _until(lambda: self._is_accepted(own), f"the identity check of {receipt['name']}")
        return own

    async def _bank_account(self, door: Door, party: str, holder: str) -> str:
        account_id = self._market.id_of("bank-account", party)
        body = {"iban": an_iban(self._numbers[party]), "holder": holder}
        await door.put(f"/api/v1/bank-accounts/{account_id}", body)
        return account_id

    async def _is_accepted(self, door: Door) -> bool:
        return bool((await door.get("/api/v1/kyc"))["state"] == "accepted")

    async def _is_signed(self, door: Door, mandate: str) -> bool:
        return bool((await door.get(mandate))["state"] == "active")

    async def _has_free(self, door: Door, cents: int) -> bool:
        wallet = await door.get("/api/v1/wallet")
        # Set aside or lent already, when the market was begun before.
        return bool(wallet["free_cents"] + wallet["budget_cents"] + wallet["lent_cents"] >= cents)


def secret_of(party_id: str, *, secrets_from: bytes) -> str:
    """The secret of an invented party's access key: the same each time its market is gone on with."""
    digest = hmac.digest(secrets_from, party_id.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _parties(market: Market) -> list[str]:
    """Every party's name in a fixed order; its place is what its particulars are derived from."""
    companies = [f"company/{company.key}" for company in market.companies]
    lenders = [f"lender/{lender.key}" for lender in market.lenders]
    employees = [
        f"borrower/{company.key}/{employee.key}" for company in market.companies for employee in company.employees
    ]
    return [*companies, *lenders, *employees]


async def _until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + STUCK_AFTER_S
    while not await is_so():
        if loop.time() > deadline_s:
            raise CommandFailed(f"{what} did not come through within {STUCK_AFTER_S:.0f} s")
        await asyncio.sleep(LOOK_S)
