"""Reads a market from a TOML or JSON file. Every error is found at once and nothing is half-loaded."""

import json
import tomllib
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import msgspec

from cli.demo.market import FIRST_YEAR, LAST_YEAR, LONGEST_YEARS, Market, MarketCompany
from cli.demo.strict_tables import read_table
from marketplace.company_terms import CompanyTerms
from marketplace.company_terms_problems import terms_problems
from marketplace.loans.affordability import policy_problems


class MarketFileError(msgspec.Struct, frozen=True):
    """One thing wrong in a market file: where (line or path), what, and what is accepted."""

    file: str
    where: str
    wrong: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.wrong}; accepted: {self.accepted}"


class MarketFileRefused(Exception):
    """The file does not describe a market; `errors` says everything that is wrong with it."""

    def __init__(self, errors: list[MarketFileError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


def read_market(path: Path) -> Market:
    """The market in `path` (`.toml` or `.json`). Raises `MarketFileRefused` with every error found."""
    errors: list[MarketFileError] = []

    def report(where: str, wrong: str, accepted: str) -> None:
        errors.append(MarketFileError(str(path), where, wrong, accepted))

    market = read_table(_parse(path), Market, "", report)
    if market is not None:
        errors.extend(_contradictions(market, str(path)))
    if market is None or errors:
        raise MarketFileRefused(errors)
    return market


def _parse(path: Path) -> object:
    def refuse(where: str, wrong: str, accepted: str) -> MarketFileRefused:
        return MarketFileRefused([MarketFileError(str(path), where, wrong, accepted)])

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise refuse("file", error.strerror or str(error), "a readable TOML or JSON file") from error
    except UnicodeDecodeError as error:
        raise refuse(f"byte {error.start}", "not UTF-8", "UTF-8 text") from error
    try:
        return _parse_json(text) if path.suffix == ".json" else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise refuse(f"line {error.lineno} column {error.colno}", error.msg, "JSON") from error
    except tomllib.TOMLDecodeError as error:
        raise refuse("line", str(error), "TOML") from error
    except RecursionError as error:
        raise refuse("file", "nested too deeply", "a market's tables and lists") from error
    except ValueError as error:
        raise refuse("file", str(error), "numbers of a sensible size, each key once") from error


def _parse_json(text: str) -> object:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        table = dict(pairs)
        if len(table) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for place, name in enumerate(names) if name in names[:place])
            raise ValueError(f"the key {twice!r} stands twice in one object")
        return table

    def refuse(constant: str) -> object:
        raise ValueError(f"{constant} is no number")

    parsed: object = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    return parsed


def _contradictions(market: Market, file: str) -> Iterator[MarketFileError]:
    if not FIRST_YEAR <= market.starts_on.year <= LAST_YEAR:
        yield MarketFileError(file, "starts_on", str(market.starts_on), f"a day of {FIRST_YEAR} to {LAST_YEAR}")
    yield from _repeated_keys(market, file)
    yield from _company_contradictions(market, file)
    yield from _lender_contradictions(market, file)
    yield from _request_contradictions(market, file)


def _repeated_keys(market: Market, file: str) -> Iterator[MarketFileError]:
    def repeated(where: str, keys: Iterable[str]) -> Iterator[MarketFileError]:
        seen: set[str] = set()
        for index, key in enumerate(keys):
            if key in seen:
                yield MarketFileError(file, f"{where}[{index}]", f"{key!r} stands twice", "each key once")
            seen.add(key)

    yield from repeated("companies", (company.key for company in market.companies))
    yield from repeated("companies", (company.code for company in market.companies))
    yield from repeated("lenders", (lender.key for lender in market.lenders))
    yield from repeated("requests", (request.key for request in market.requests))
    for index, company in enumerate(market.companies):
        yield from repeated(f"companies[{index}].employees", (employee.key for employee in company.employees))


def _company_contradictions(market: Market, file: str) -> Iterator[MarketFileError]:
    for index, company in enumerate(market.companies):
        for problem in terms_problems(terms_of(company)):
            yield MarketFileError(file, f"companies[{index}].{problem.field}", problem.given, problem.accepted)
        for problem in policy_problems(company.policy):
            yield MarketFileError(file, f"companies[{index}].policy.{problem.field}", problem.given, problem.accepted)


def terms_of(company: MarketCompany) -> CompanyTerms:
    """The first version of the terms this company publishes."""
    return CompanyTerms(
        version=1,
        bands=company.bands,
        ticket_cents=company.ticket_cents,
        max_lenders=company.max_lenders,
        max_share_bp=company.max_share_bp,
        company_money=company.company_money,
        guarantee=company.guarantee,
        purpose_classes=company.purpose_classes,
        accept_window_hours=company.accept_window_hours,
        patience_hours=company.patience_hours,
        expiry_hours=company.expiry_hours,
    )


def _lender_contradictions(market: Market, file: str) -> Iterator[MarketFileError]:
    companies = {company.key for company in market.companies}
    for index, lender in enumerate(market.lenders):
        where = f"lenders[{index}]"
        offered = [offer.company for offer in lender.offers]
        for place, company in enumerate(offered):
            path = f"{where}.offers[{place}].company"
            if company not in companies:
                yield MarketFileError(file, path, f"no company {company!r}", ", ".join(sorted(companies)))
            if company in offered[:place]:
                yield MarketFileError(file, path, f"{company!r} stands twice", "one offer per company")
        in_tier_a = sum(offer.tier == "A" for offer in lender.offers)
        if in_tier_a > 3:
            yield MarketFileError(file, f"{where}.offers", f"{in_tier_a} companies in tier A", "at most 3")
        for place, wire in enumerate(lender.wires):
            yield from _outside_market(file, f"{where}.wires[{place}].on", wire.on, market)


def _request_contradictions(market: Market, file: str) -> Iterator[MarketFileError]:
    employees = {f"{company.key}/{employee.key}" for company in market.companies for employee in company.employees}
    purpose_classes = {company.key: terms_of(company).purpose_class_count() for company in market.companies}
    requests = {request.key: request for request in market.requests}
    for index, request in enumerate(market.requests):
        where = f"requests[{index}]"
        if request.employee not in employees:
            yield MarketFileError(file, f"{where}.employee", f"no {request.employee!r}", "<company key>/<employee key>")
        yield from _outside_market(file, f"{where}.on", request.on, market)
        classes = purpose_classes.get(request.employee.partition("/")[0], 1)
        if request.purpose_class > classes:
            yield MarketFileError(file, f"{where}.purpose_class", str(request.purpose_class), f"1 to {classes}")
        if request.min_amount_cents is not None and request.min_amount_cents > request.amount_cents:
            yield MarketFileError(
                file, f"{where}.min_amount_cents", str(request.min_amount_cents), f"at most {request.amount_cents}"
            )
    for index, incident in enumerate(market.incidents):
        broken = requests.get(incident.request)
        if broken is None:
            yield MarketFileError(
                file, f"incidents[{index}].request", f"no {incident.request!r}", "the key of a request"
            )
        elif incident.instalment > broken.months:
            yield MarketFileError(
                file, f"incidents[{index}].instalment", str(incident.instalment), f"1 to {broken.months}"
            )


def _outside_market(file: str, where: str, day: date, market: Market) -> Iterator[MarketFileError]:
    last = date(market.starts_on.year + LONGEST_YEARS, 12, 31)
    if not market.starts_on <= day <= last:
        yield MarketFileError(file, where, str(day), f"{market.starts_on} to {last}")
