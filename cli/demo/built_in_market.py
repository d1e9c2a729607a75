"""The market that a demonstration plays when it is given none: made from a seed, the same for the same seed and scale.

Five kinds of company show the ways a book can be set: a posted rate, a band, company money first, company money as a
backstop, and a share of each loan with a guarantee behind it.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta

from cli.demo.market import (
    FailedDebit,
    Market,
    MarketCompany,
    MarketEmployee,
    MarketFloatingAsk,
    MarketLender,
    MarketOffer,
    MarketRequest,
    MarketWire,
)
from marketplace.business_days import BusinessCalendar, is_business_day
from marketplace.company_terms import CompanyMoney, GuaranteeTerms, RateBand
from marketplace.loans.affordability import CreditPolicy
from marketplace.loans.assessment_reasons import ContractType
from marketplace.strategies.cap_presets import StrategyCaps
from marketplace.strategies.offer_terms import Tier
from marketplace.strategies.strategy_settings import StrategyFilters

STARTS_ON = date(2026, 1, 7)
TERMS_MONTHS = (6, 12, 18, 24)
EMPLOYEES_PER_COMPANY = 12
LENDERS = 24
DEBIT_DAYS = (5, 10, 27)

FIRST_NAMES = (
    "Ada Bruno Carla Dario Elena Fabio Giulia Ivan Laura Marco Nadia Oscar Paola Renato Silvia Tommaso Valeria Walter "
    "Chiara Davide"
).split()
LAST_NAMES = (
    "Amato Barbieri Costa Donati Esposito Ferri Galli Leone Marino Negri Orlando Palumbo Quaranta Riva Serra Testa "
    "Vitale Zanella"
).split()


def built_in_market(*, seed: int, scale: int) -> Market:
    """A market of 5 companies, 60 employees, 24 lenders and 60 requests, each number times `scale` (1 or more)."""
    dice = random.Random(seed)
    companies = tuple(company for number in range(scale) for company in _companies(dice, number))
    requests = tuple(_requests(dice, companies))
    return Market(
        name=f"built-in-{seed}-{scale}",
        starts_on=STARTS_ON,
        companies=companies,
        lenders=tuple(_lender(dice, number, companies) for number in range(LENDERS * scale)),
        requests=requests,
        incidents=tuple(_incidents(dice, requests)),
    )


def _companies(dice: random.Random, number: int) -> Iterator[MarketCompany]:
    posted = tuple(RateBand(months=months, floor_bp=rate, cap_bp=rate) for months, rate in _rates(450, 25))
    wide = tuple(RateBand(months=months, floor_bp=rate - 75, cap_bp=rate + 125) for months, rate in _rates(475, 25))
    settings = (
        ("alfa", "Alfa Meccanica", posted, CompanyMoney(), None),
        ("borea", "Borea Servizi", wide, CompanyMoney(), None),
        ("cobalto", "Cobalto Chimica", posted, CompanyMoney(mode="first", budget_cents=600_000, rate_bp=150), None),
        ("delta", "Delta Logistica", wide, CompanyMoney(mode="backstop", budget_cents=20_000), None),
        (
            "emera",
            "Emera Energia",
            wide,
            CompanyMoney(mode="share", share_bp=2_000, budget_cents=800_000),
            GuaranteeTerms(rate_bp=1_000, limit_cents=1_500_000),
        ),
    )
    for key, name, bands, money, guarantee in settings:
        suffix = "" if number == 0 else f"-{number + 1}"
        yield MarketCompany(
            key=f"{key}{suffix}",
            name=f"{name}{suffix}",
            code=f"{key.upper()}-{dice.randrange(16**6):06X}-{number:02d}",
            bands=bands,
            company_money=money,
            guarantee=guarantee,
            policy=CreditPolicy(
                seniority_min_months=6,
                contract_types=(ContractType.PERMANENT,),
                instalment_max_bp=3_000,
                amount_min_cents=50_000,
                amount_max_cents=800_000,
                open_loans_max=1,
            ),
            employees=tuple(_employee(dice, f"p{place:02d}") for place in range(EMPLOYEES_PER_COMPANY)),
        )


def _rates(shortest_bp: int, step_bp: int) -> Iterator[tuple[int, int]]:
    return ((months, shortest_bp + step_bp * place) for place, months in enumerate(TERMS_MONTHS))


def _employee(dice: random.Random, key: str) -> MarketEmployee:
    return MarketEmployee(
        key=key,
        first_name=dice.choice(FIRST_NAMES),
        last_name=dice.choice(LAST_NAMES),
        hired_on=date(dice.randint(2005, 2024), dice.randint(1, 12), dice.randint(1, 28)),
        net_monthly_cents=dice.randrange(140_000, 320_000, 1_000),
        other_instalments_cents=dice.choice((0, 0, 0, 10_000, 15_000)),
    )


def _lender(dice: random.Random, number: int, companies: tuple[MarketCompany, ...]) -> MarketLender:
    preferred = dice.sample(companies, k=dice.randint(3, min(5, len(companies))))
    wired_cents = dice.randrange(300_000, 3_000_000, 10_000)
    return MarketLender(
        key=f"lender-{number + 1:03d}",
        name=f"{dice.choice(FIRST_NAMES)} {dice.choice(LAST_NAMES)}",
        kind="legal" if number % 8 == 7 else "person",
        wires=(
            MarketWire(on=STARTS_ON, cents=wired_cents),
            *(MarketWire(on=_business_day(dice, 10, 40), cents=wired_cents // 2) for _ in range(dice.randint(0, 1))),
        ),
        offers=tuple(_offer(dice, company, place) for place, company in enumerate(preferred)),
        pace_cents=dice.choice((None, None, wired_cents // 4)),
        is_all_or_none=dice.random() < 0.05,
        caps=StrategyCaps(borrower_bp=dice.choice((None, 1_000, 2_000)), term_bp=dice.choice((None, None, 6_000))),
        filters=StrategyFilters(guarantee_min_bp=dice.choice((None,) * 7 + (1_000,))),
        reinvest=dice.choice(("none", "none", "principal", "all")),
        payout="settlement",
    )


def _offer(dice: random.Random, company: MarketCompany, place: int) -> MarketOffer:
    tier: Tier = "A" if place == 0 else dice.choice(("B", "B", "C"))
    return MarketOffer(
        company=company.key,
        ask_bp=dice.randrange(300, 575, 25),
        follows=MarketFloatingAsk(mode="book_minus", value_bp=25) if dice.random() < 0.1 else None,
        tier=tier,
        months=TERMS_MONTHS if dice.random() < 0.7 else TERMS_MONTHS[:2],
        min_ticket_cents=dice.choice((1_000, 1_000, 2_500, 5_000)),
        per_request_cents=dice.choice((None, 100_000, 200_000)),
        per_borrower_cents=dice.choice((None, 150_000)),
    )


def _requests(dice: random.Random, companies: tuple[MarketCompany, ...]) -> Iterator[MarketRequest]:
    for company in companies:
        for employee in company.employees:
            band = dice.choice(company.bands)
            yield MarketRequest(
                key=f"{company.key}-{employee.key}",
                employee=f"{company.key}/{employee.key}",
                on=_business_day(dice, 1, 60),
                amount_cents=(amount_cents := dice.randrange(60_000, 500_000, 5_000)),
                min_amount_cents=amount_cents // 2 if dice.random() < 0.3 else None,
                months=band.months,
                max_rate_bp=band.cap_bp,
                debit_day=dice.choice(DEBIT_DAYS),
                accepts_shrink=dice.random() < 0.3,
                signs=dice.random() < 0.96,
            )


def _incidents(dice: random.Random, requests: tuple[MarketRequest, ...]) -> Iterator[FailedDebit]:
    for request in dice.sample(requests, k=max(1, len(requests) // 12)):
        yield FailedDebit(request=request.key, instalment=dice.randint(1, request.months), reason="AM04")


def _business_day(dice: random.Random, earliest: int, latest: int) -> date:
    """A day the banks are open, `earliest` to `latest` days after the market's start (a few later over holidays)."""
    day = STARTS_ON + timedelta(days=dice.randint(earliest, latest))
    while not is_business_day(day, BusinessCalendar.TARGET):
        day += timedelta(days=1)
    return day
