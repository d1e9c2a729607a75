"""A market with two of everything, so that each caller has something of its own and meets something of another's."""

from datetime import date

import msgspec

from api.callers import Role
from marketplace.allocation.matching import BookFigures, CoverPlan, plan_cover_from
from marketplace.allocation.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.book.book_events import CoverLeg, CoverProposed, PlannedCover
from marketplace.book.journal import BookRecord, encode_book_record
from marketplace.company_terms import CompanyTerms, RateBand
from marketplace.loans.schedules import PlanTerms, annual_rate, instalment_plan
from persistence.connection import Pool
from tests.api.running_gateway import (
    IBAN,
    START,
    Door,
    RunningGateway,
    employee_row,
    id_of,
    offer_body,
    request_body,
    tax_code_of,
)

COMPANIES = ("alfa", "beta")
LENDERS = ("ada", "bob")
BORROWERS = ("carla", "dora")
OWNERS = {
    Role.COMPANY: COMPANIES,
    Role.LENDER: LENDERS,
    Role.BORROWER: BORROWERS,
}


class TwoOfEach:
    """The doors of the first of each kind, and the ids of what belongs to whom."""

    def __init__(self, gateway: RunningGateway, doors: dict[Role, Door]) -> None:
        self.gateway = gateway
        self.doors = doors

    def door(self, role: Role | None) -> Door:
        """A caller of that role; None is somebody without a key."""
        if role is None:
            return self.gateway.nobody
        return self.gateway.operator if role is Role.OPERATOR else self.doors[role]


async def make_two_of_each(gateway: RunningGateway) -> TwoOfEach:
    """Companies, lenders and borrowers, each with a request, a loan, an offer, a payout and what these need."""
    pool = gateway.pool
    companies = [await gateway.add_company(name) for name in COMPANIES]
    lenders = [await gateway.add_lender(name) for name in LENDERS]
    borrowers = [await gateway.add_borrower(name) for name in BORROWERS]
    for name in (*COMPANIES, *LENDERS, *BORROWERS):
        await add_bank_account(pool, name)
        await add_command(pool, name)
    for name in COMPANIES:
        await gateway.accept(name)
    for door, name in zip(companies, COMPANIES, strict=True):
        await door.post(f"/companies/{id_of(name)}/employee-imports", {"rows": [employee_row("carla")]})
    for door, name in zip(lenders, LENDERS, strict=True):
        await door.put(f"/strategies/{id_of(f'strategy of {name}')}", {"name": "main"})
        placed = await door.put(f"/companies/{id_of('alfa')}/offers/{id_of(f'offer of {name}')}", offer_body(name))
        assert placed.status_code == 202, placed.text
        await add_payout(pool, name, "lender")
    for name in COMPANIES:
        await add_payout(pool, name, "company")
    for door, name in zip(borrowers, BORROWERS, strict=True):
        await add_employment(gateway, door, name, company="alfa")
        written = await door.put(f"/requests/{id_of(f'request of {name}')}", request_body(name, "alfa"))
        assert written.status_code == 201, written.text
        await add_mandate(pool, name)
        await add_loan(pool, name)
    for place, (lender, borrower) in enumerate(zip(LENDERS, BORROWERS, strict=True), start=1):
        await add_fill(pool, lender, borrower, seq=place)
    return TwoOfEach(gateway, {Role.COMPANY: companies[0], Role.LENDER: lenders[0], Role.BORROWER: borrowers[0]})


async def add_employment(gateway: RunningGateway, door: Door, name: str, *, company: str) -> None:
    """The borrower claims to be an employee of the company, with its code."""
    checked = await gateway.nobody.post("/company-code-checks", {"code": f"{company}-2026"})
    body = {"check_token": checked.json()["check_token"], "tax_code": tax_code_of(name)}
    claimed = await door.put(f"/employments/{id_of(f'employment of {name}')}", body)
    assert claimed.status_code == 201, claimed.text


async def add_bank_account(pool: Pool, name: str) -> None:
    """A bank account of a party that the payment institution has accepted."""
    await pool.execute(
        "INSERT INTO bank_account (id, party_id, iban, holder, state, lemonway_iban_id)"
        " VALUES ($1, $2, $3, $4, 'active', $1::uuid::text)",
        id_of(f"bank account of {name}"),
        id_of(name),
        IBAN,
        name,
    )


async def add_command(pool: Pool, name: str) -> None:
    """A command that the party asked for."""
    await pool.execute(
        "INSERT INTO command (id, company_id, kind, party_id, body, at) VALUES ($1, $2, 'tick', $3, '{}', now())",
        id_of(f"command of {name}"),
        id_of("alfa"),
        id_of(name),
    )


async def add_mandate(pool: Pool, name: str, *, state: str = "active") -> None:
    """A borrower's mandate on its bank account."""
    await pool.execute(
        "INSERT INTO mandate (id, party_id, bank_account_id, state) VALUES ($1, $2, $3, $4)",
        id_of(f"mandate of {name}"),
        id_of(name),
        id_of(f"bank account of {name}"),
        state,
    )


async def add_payout(pool: Pool, name: str, kind: str) -> None:
    await pool.execute(
        "INSERT INTO payout (id, participant_kind, participant_id, bank_account_id, cents, at)"
        " VALUES ($1, $2, $3, $4, 1000, now())",
        id_of(f"payout of {name}"),
        kind,
        id_of(name),
        id_of(f"bank account of {name}"),
    )


def fill_id_of(lender: str) -> str:
    """The fill that the lender of that name has."""
    return f"bk00.{LENDERS.index(lender) + 1}.0"


async def add_fill(pool: Pool, lender: str, borrower: str, *, seq: int) -> None:
    """The lender covers the borrower's request alone, as entry `seq` of a book's journal."""
    plan = _cover_by(lender, borrower)
    (leg,) = plan.legs
    planned = PlannedCover(
        amount_cents=plan.amount_cents,
        rate_bp=plan.rate_bp,
        loan_rate_cbp=plan.loan_rate_cbp,
        company_cents=plan.company_cents,
        dust=plan.dust,
        legs=(
            CoverLeg(
                lender_id=leg.lender_id,
                offer_id=leg.offer_id,
                strategy_id=leg.strategy_id,
                cents=leg.cents,
                min_cents=leg.min_cents,
            ),
        ),
        rotated_lender_ids=plan.rotated_lender_ids,
        receipt=plan.receipt,
    )
    request_id = id_of(f"request of {borrower}")
    event = CoverProposed(request_id=request_id, plan=planned)
    record = BookRecord(company_id=id_of("alfa"), cause_id=f"bk00:{seq}", at=START, event=event)
    await pool.execute(
        "INSERT INTO journal_event (shard, seq, kind, company_id, cause_id, payload, hash)"
        " VALUES ('bk00', $1, 'cover_proposed', $2, $3, $4, repeat('0', 40))",
        seq,
        id_of("alfa"),
        record.cause_id,
        encode_book_record(record),
    )
    await pool.execute(
        "INSERT INTO cover (cover_id, request_id, company_id, shard, plan_seq, state, amount_cents, company_cents,"
        " rate_bp, loan_rate_cbp, dust, proposed_at)"
        " VALUES ($1, $2, $3, 'bk00', $4, 'covered', $5, 0, $6, $7, 'none', $8)",
        f"bk00:{seq}",
        request_id,
        id_of("alfa"),
        seq,
        plan.amount_cents,
        plan.rate_bp,
        plan.loan_rate_cbp,
        START,
    )
    await pool.execute(
        "INSERT INTO fill (fill_id, cover_id, request_id, company_id, lender_id, offer_id, strategy_id, wanted_cents,"
        " book_state, amount_book_cents) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'taken', $8)",
        fill_id_of(lender),
        f"bk00:{seq}",
        request_id,
        id_of("alfa"),
        leg.lender_id,
        leg.offer_id,
        leg.strategy_id,
        leg.cents,
    )


def _cover_by(lender: str, borrower: str) -> CoverPlan:
    """1,000.00 at a posted rate of 5 %, from a lender with more than that."""
    offer = LenderOffer(
        offer_id=id_of(f"offer of {lender}"),
        lender_id=id_of(lender),
        strategy_id=id_of(f"strategy of {lender}"),
        sequence=1,
        ask_bp=400,
        tier="B",
        months=(12, 24),
        min_ticket_cents=1_000,
    )
    standing = LenderStanding(lender_id=id_of(lender), free_cents=150_000, cash_since_at=START)
    request = CreditRequest(
        request_id=id_of(f"request of {borrower}"),
        borrower_id=id_of(borrower),
        amount_cents=100_000,
        min_amount_cents=100_000,
        months=12,
        max_rate_bp=500,
    )
    plan = plan_cover_from(
        RestingOffers([offer], {offer.lender_id: standing}),
        request,
        CompanyTerms(version=1, bands=(RateBand(months=12, floor_bp=500, cap_bp=500),), max_share_bp=None),
        figures=BookFigures(guaranteed_cents=0, budget_left_cents=0, exposures={}, sequence=1, now_at=START),
    )
    assert isinstance(plan, CoverPlan), plan
    return plan


async def add_loan(pool: Pool, name: str) -> None:
    """A loan of 1,000.00 at 5 % for a year."""
    terms = PlanTerms(
        principal_cents=100_000, count=12, disbursed_on=date(2026, 1, 12), first_due_date=date(2026, 2, 12)
    )
    plan = msgspec.json.encode(instalment_plan(terms, annual_rate(50_000))).decode()
    await pool.execute(
        """
        INSERT INTO loan (id, request_id, company_id, borrower_id, principal_cents, rate_cbp, months, plan, event_count,
            outstanding_cents, disbursed_on)
        VALUES ($1, $2, $3, $4, 100000, 50000, 12, $5, 1, 100000, '2026-01-12')
        """,
        id_of(f"loan of {name}"),
        id_of(f"request of {name}"),
        id_of("alfa"),
        id_of(name),
        plan,
    )
    await pool.execute(
        "INSERT INTO loan_share (loan_id, participant_kind, participant_id, place, principal_cents, rate_cbp)"
        " VALUES ($1, 'company', $2, 0, 100000, 50000)",
        id_of(f"loan of {name}"),
        id_of("alfa"),
    )
