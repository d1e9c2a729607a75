"""docs/market_file.md names every field that a market file may hold, with its default, and its example is a market."""

import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from cli.command_line import ROOT
from cli.demo.market import Market
from cli.demo.market_file import read_market

PAGE = (ROOT / "docs" / "market_file.md").read_text(encoding="utf-8")
SECTIONS = {
    "Market": "Market",
    "MarketCompany": "Company",
    "RateBand": "Rate band",
    "CompanyMoney": "Company money",
    "GuaranteeTerms": "Guarantee",
    "CreditPolicy": "Credit policy",
    "MarketEmployee": "Employee",
    "MarketLender": "Lender",
    "MarketWire": "Wire",
    "MarketOffer": "Offer",
    "TermAsk": "Ask for a term",
    "MarketFloatingAsk": "Floating ask",
    "StrategyCaps": "Caps",
    "StrategyFilters": "Filters",
    "MarketRequest": "Request",
    "FailedDebit": "Failed debit",
}


def structs_in(kind: type[msgspec.Struct], found: dict[str, type[msgspec.Struct]]) -> dict[str, type[msgspec.Struct]]:
    """This struct and all that its fields hold, by name."""
    found[kind.__name__] = kind
    for hint in get_type_hints(kind).values():
        for inner in struct_types(hint):
            if inner.__name__ not in found:
                structs_in(inner, found)
    return found


def struct_types(hint: Any) -> list[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [inner for part in get_args(hint) for inner in struct_types(part)]


STRUCTS = structs_in(Market, {})


def rows_of(section: str) -> dict[str, str]:
    """Each field of a section's table, with the cell of its default."""
    (body,) = re.findall(rf"^###? {re.escape(section)}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    rows = {}
    for names, default in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|.*\| *([^|]*?) *\|$", body, re.MULTILINE):
        rows.update(dict.fromkeys(re.findall(r"`(\w+)`", names), default))
    return rows


def test_every_part_of_a_market_has_its_section() -> None:
    assert STRUCTS.keys() == SECTIONS.keys()


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_lists_every_field_and_whether_it_must_be_given(name: str) -> None:
    rows = rows_of(SECTIONS[name])
    fields = {field.name: field for field in msgspec.structs.fields(STRUCTS[name])}

    assert rows.keys() == fields.keys()
    for field_name, field in fields.items():
        assert (rows[field_name] == "") == field.required, field_name
        if isinstance(field.default, int) and not isinstance(field.default, bool) and name != "StrategyCaps":
            assert rows[field_name] == str(int(field.default)), field_name


def test_the_example_is_a_market(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "market.toml"
    file.write_text(example)

    market = read_market(file)

    assert (market.name, len(market.lenders)) == (tomllib.loads(example)["name"], 2)
