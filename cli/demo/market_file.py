"""Reads a market from a TOML or JSON file. Every error is found at once and nothing is half-loaded."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cli.demo.market import (
    FailedDebit,
    Market,
    MarketCompany,
    MarketEmployee,
    MarketLender,
    MarketOffer,
    MarketRequest,
    MarketWire,
)
from marketplace.company_terms import CompanyTerms, RateBand, terms_problems

T = TypeVar("T")


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
    raw = _parse(path)
    findings = _Findings(str(path))
    items = _convert_parts(raw, findings)
    if not findings.errors:
        market = findings.converted(raw, Market, "market", parts=items)
        if market is not None:
            findings.errors.extend(_contradictions(market, str(path)))
            if not findings.errors:
                return market
    raise MarketFileRefused(findings.errors)


def _parse(path: Path) -> dict[str, Any]:
    def refuse(where: str, wrong: str, accepted: str) -> MarketFileRefused:
        return MarketFileRefused([MarketFileError(str(path), where, wrong, accepted)])

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise refuse("file", error.strerror or str(error), "a readable TOML or JSON file") from error
    except UnicodeDecodeError as error:
        raise refuse(f"byte {error.start}", "not UTF-8", "UTF-8 text") from error
    try:
        raw = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise refuse(f"line {error.lineno} column {error.colno}", error.msg, "JSON") from error
    except tomllib.TOMLDecodeError as error:
        raise refuse("line", str(error), "TOML") from error
    if not isinstance(raw, dict):
        raise refuse(
            "line 1", f"a {type(raw).__name__}", "an object with name, starts_on, companies, lenders, requests"
        )
    return raw


class _Findings:
    """Collects errors while parts of the file are converted one by one, so that one error does not hide the next."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.errors: list[MarketFileError] = []

    def converted(
        self, raw: Mapping[str, Any], kind: type[T], where: str, *, parts: Mapping[str, Any] | None = None
    ) -> T | None:
        try:
            return msgspec.convert({**raw, **(parts or {})}, kind, strict=True)
        except msgspec.ValidationError as error:
            wrong, _, inner = str(error).partition(" - at `$")
            self.errors.append(MarketFileError(self.file, where + inner.rstrip("`"), wrong, _accepted_by(kind)))
            return None

    def listed(self, raw: Mapping[str, Any], field: str, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The items of a list of tables, each with its path."""
        items = raw.get(field, [])
        if not isinstance(items, list):
            self.errors.append(MarketFileError(self.file, f"{where}{field}", f"a {type(items).__name__}", "a list"))
            return
        for index, item in enumerate(items):
            path = f"{where}{field}[{index}]"
            if isinstance(item, dict):
                yield path, item
            else:
                self.errors.append(MarketFileError(self.file, path, f"a {type(item).__name__}", "a table of fields"))


def _accepted_by(kind: type[Any]) -> str:
    fields = msgspec.structs.fields(kind)
    required = ", ".join(field.name for field in fields if field.required)
    optional = ", ".join(field.name for field in fields if not field.required)
    return f"{required}" + (f" and optionally {optional}" if optional else "")


def _convert_parts(raw: dict[str, Any], findings: _Findings) -> dict[str, Any]:
    companies = [_convert_company(item, path, findings) for path, item in findings.listed(raw, "companies", "")]
    lenders = [_convert_lender(item, path, findings) for path, item in findings.listed(raw, "lenders", "")]
    requests = [findings.converted(item, MarketRequest, path) for path, item in findings.listed(raw, "requests", "")]
    incidents = [
        findings.converted(
            {name: value for name, value in item.items() if name != "kind"} | {"type": item.get("kind")},
            FailedDebit,
            path,
        )
        for path, item in findings.listed(raw, "incidents", "")
    ]
    return {"companies": companies, "lenders": lenders, "requests": requests, "incidents": incidents}


def _convert_company(item: dict[str, Any], path: str, findings: _Findings) -> MarketCompany | None:
    bands = [findings.converted(band, RateBand, at) for at, band in findings.listed(item, "bands", f"{path}.")]
    employees = [
        findings.converted(employee, MarketEmployee, at)
        for at, employee in findings.listed(item, "employees", f"{path}.")
    ]
    if None in bands or None in employees:
        return None
    return findings.converted(item, MarketCompany, path, parts={"bands": bands, "employees": employees})


def _convert_lender(item: dict[str, Any], path: str, findings: _Findings) -> MarketLender | None:
    wires = [findings.converted(wire, MarketWire, at) for at, wire in findings.listed(item, "wires", f"{path}.")]
    offers = [findings.converted(offer, MarketOffer, at) for at, offer in findings.listed(item, "offers", f"{path}.")]
    if None in wires or None in offers:
        return None
    return findings.converted(item, MarketLender, path, parts={"wires": wires, "offers": offers})


def _contradictions(market: Market, file: str) -> Iterator[MarketFileError]:
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
            if wire.on < market.starts_on:
                yield _before_start(file, f"{where}.wires[{place}].on", str(wire.on), market)


def _request_contradictions(market: Market, file: str) -> Iterator[MarketFileError]:
    employees = {f"{company.key}/{employee.key}" for company in market.companies for employee in company.employees}
    requests = {request.key: request for request in market.requests}
    for index, request in enumerate(market.requests):
        where = f"requests[{index}]"
        if request.employee not in employees:
            yield MarketFileError(file, f"{where}.employee", f"no {request.employee!r}", "<company key>/<employee key>")
        if request.on < market.starts_on:
            yield _before_start(file, f"{where}.on", str(request.on), market)
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


def _before_start(file: str, where: str, given: str, market: Market) -> MarketFileError:
    return MarketFileError(file, where, given, f"{market.starts_on} or later")
