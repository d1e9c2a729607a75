"""A market as a demonstration plays it: who takes part, what each declares, and what goes wrong on the way.

Keys are short names chosen by the author of the market; everything the real market calls by id gets an id derived from
the market's name and the key, so that the same market always plays the same way.
Amounts are cents, rates basis points a year, dates Europe/Rome.
"""

import uuid
from datetime import date
from typing import Annotated, Literal

import msgspec

from marketplace.company_terms import CompanyMoney, GuaranteeTerms, RateBand
from marketplace.company_terms_problems import LONGEST_CLOCK_HOURS
from marketplace.loans.affordability import CreditPolicy
from marketplace.loans.assessment_reasons import ContractType
from marketplace.strategies.cap_presets import StrategyCaps
from marketplace.strategies.offer_terms import TermAsk, Tier
from marketplace.strategies.strategy_settings import StrategyFilters

Key = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
PositiveCents = Annotated[int, msgspec.Meta(gt=0, le=10**13)]
Cents = Annotated[int, msgspec.Meta(ge=0, le=10**13)]
BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Months = Annotated[int, msgspec.Meta(ge=1, le=120)]
Name = Annotated[
    str,
    msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{2,80}\Z", description="2 to 80 printable characters"),
]
Hours = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_CLOCK_HOURS)]

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Calendars and holidays are known for these years."""
LONGEST_YEARS = 10
"""Nothing begins later than so many years after the market."""


class Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a market file may declare: unknown fields are refused."""


class MarketEmployee(Declared, frozen=True, kw_only=True):
    """A person on a company's employee list, and a possible borrower."""

    key: Key
    first_name: Name
    last_name: Name
    hired_on: date
    contract_type: ContractType = ContractType.PERMANENT
    net_monthly_cents: PositiveCents
    other_instalments_cents: Cents = 0


class MarketCompany(Declared, frozen=True, kw_only=True):
    """A partner company: code, rates, its own money, guarantee, credit policy and employees."""

    key: Key
    name: Name
    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9-]{6,32}$")]
    bands: tuple[RateBand, ...]
    ticket_cents: PositiveCents = 1_000
    max_lenders: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100
    max_share_bp: BasisPoints | None = 5_000
    company_money: CompanyMoney = CompanyMoney()
    guarantee: GuaranteeTerms | None = None
    purpose_classes: tuple[str, ...] = ()
    accept_window_hours: Hours = 48
    patience_hours: Hours = 24
    expiry_hours: Hours = 72
    policy: CreditPolicy
    employees: tuple[MarketEmployee, ...] = ()


class MarketFloatingAsk(Declared, frozen=True, kw_only=True):
    """An ask that follows its book: `value_bp` below the last clearing rate of the term (`book_minus`), or above the
    median of the last ones (`median`, where it may be negative)."""

    mode: Literal["book_minus", "median"]
    value_bp: Annotated[int, msgspec.Meta(ge=-10_000, le=10_000)]


class MarketOffer(Declared, frozen=True, kw_only=True):
    """A lender's standing offer in one company's book. `asks` are other rates for single terms. With
    `follows` the ask moves with the book, never below `ask_bp`."""

    company: Key
    ask_bp: BasisPoints
    asks: tuple[TermAsk, ...] = ()
    follows: MarketFloatingAsk | None = None
    tier: Tier = "B"
    months: Annotated[tuple[Months, ...], msgspec.Meta(min_length=1, description="a list of at least one term")]
    min_ticket_cents: PositiveCents = 1_000
    per_request_cents: PositiveCents | None = None
    per_borrower_cents: PositiveCents | None = None
    per_company_cents: PositiveCents | None = None


class MarketWire(Declared, frozen=True, kw_only=True):
    """A bank wire that reaches the lender's wallet on a day."""

    on: date
    cents: PositiveCents


class MarketLender(Declared, frozen=True, kw_only=True):
    """A lender: its wires, its one strategy and its offers. `payout` is what happens when a loan has been repaid.

    Of the strategy, `budget_cents` is the most outstanding, `pace_cents` the most newly lent in a month and
    `reserve_cents` never lent; `caps` are parts of all the lender has (none, unless named), `filters` say to whom it
    does not lend.
    """

    key: Key
    name: Name
    kind: Literal["person", "legal"] = "person"
    wires: tuple[MarketWire, ...]
    offers: tuple[MarketOffer, ...]
    budget_cents: PositiveCents | None = None
    pace_cents: PositiveCents | None = None
    reserve_cents: Cents = 0
    average_life_max_months: Months | None = None
    is_all_or_none: bool = False
    caps: StrategyCaps = StrategyCaps(borrower_bp=None)
    filters: StrategyFilters = StrategyFilters()
    reinvest: Literal["all", "principal", "none"] = "none"
    payout: Literal["settlement", "never"] = "settlement"


class MarketRequest(Declared, frozen=True, kw_only=True):
    """A request for credit. `employee` is `<company key>/<employee key>`; `signs` False lets the cover lapse.

    `purpose_class` counts from 1 through the classes that the company names.
    """

    key: Key
    employee: str
    on: date
    amount_cents: PositiveCents
    min_amount_cents: PositiveCents | None = None
    months: Months
    max_rate_bp: BasisPoints
    debit_day: Annotated[int, msgspec.Meta(ge=1, le=31)] = 5
    accepts_shrink: bool = False
    purpose_class: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1
    signs: bool = True


class FailedDebit(Declared, frozen=True, kw_only=True, tag_field="kind", tag="failed-debit"):
    """The borrower's bank refuses the collection of instalment `instalment` (from 1) with a SEPA reason code."""

    request: Key
    instalment: Annotated[int, msgspec.Meta(ge=1, le=120)]
    reason: Literal["AC01", "AC04", "AC06", "AM04", "MD01", "MS02", "MS03"] = "AM04"


class Market(Declared, frozen=True, kw_only=True):
    """Everything a demonstration needs. `starts_on` is the first day the market is open."""

    name: Name
    starts_on: date
    companies: tuple[MarketCompany, ...]
    lenders: tuple[MarketLender, ...]
    requests: tuple[MarketRequest, ...]
    incidents: tuple[FailedDebit, ...] = ()

    def id_of(self, kind: str, key: str) -> str:
        """The id under which the real market knows something of this one: the same for the same names, always."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"blulend-demo:{self.name}:{kind}:{key}"))
