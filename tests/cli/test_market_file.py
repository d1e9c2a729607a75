"""A market file is taken whole or refused with every error named: where, what is wrong, what is accepted."""

from pathlib import Path

import pytest

from cli.demo.built_in_market import built_in_market
from cli.demo.market_file import MarketFileRefused, read_market

CASES = Path(__file__).parent.parent / "reference_cases"


def errors_of(text: str, folder: Path, *, name: str = "market.toml") -> list[str]:
    file = folder / name
    file.write_text(text)
    with pytest.raises(MarketFileRefused) as refused:
        read_market(file)
    return [f"{error.where}: {error.wrong}" for error in refused.value.errors]


def the_small_market() -> str:
    return (CASES / "three_lenders_market.toml").read_text()


def test_the_hand_checked_market_is_read() -> None:
    market = read_market(CASES / "three_lenders_market.toml")

    assert [lender.key for lender in market.lenders] == ["ada", "bruno", "carla"]
    assert market.incidents[0].instalment == 4


def test_every_error_is_named_at_once(tmp_path: Path) -> None:
    wrong = (
        the_small_market()
        .replace("ask_bp = 500", "ask_bp = -1")
        .replace("amount_cents = 100_000\n", 'amount_cents = "lots"\n')
        .replace("net_monthly_cents = 170_000", "net_monthly = 170_000")
    )

    errors = errors_of(wrong, tmp_path)

    assert [error.partition(":")[0] for error in errors] == [
        "companies[0].employees[0]",
        "lenders[0].offers[0].ask_bp",
        "requests[0].amount_cents",
    ]


def test_names_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    wrong = the_small_market().replace('employee = "alfa/elena"', 'employee = "alfa/elsa"')
    wrong = wrong.replace('request = "first"', 'request = "second"')

    assert errors_of(wrong, tmp_path) == [
        "requests[0].employee: no 'alfa/elsa'",
        "incidents[0].request: no 'second'",
    ]


def test_a_key_that_stands_twice_is_named(tmp_path: Path) -> None:
    wrong = the_small_market().replace('key = "bruno"', 'key = "ada"')

    assert errors_of(wrong, tmp_path) == ["lenders[1]: 'ada' stands twice"]


def test_a_rate_band_upside_down_is_named_with_what_is_accepted(tmp_path: Path) -> None:
    wrong = the_small_market().replace("cap_bp = 600", "cap_bp = 500")

    assert errors_of(wrong, tmp_path) == ["companies[0].bands[0].cap_bp: 500"]


@pytest.mark.parametrize(
    ("text", "name", "where"),
    [
        pytest.param("name = ", "market.toml", "line", id="TOML that is none"),
        pytest.param('{"name": ,}', "market.json", "line 1 column 10", id="JSON that is none"),
        pytest.param("[1]", "market.json", "line 1", id="JSON that is no object"),
        pytest.param('name = "nobody"', "market.toml", "market", id="a market without parts"),
    ],
)
def test_a_file_that_is_no_market_is_refused(text: str, name: str, where: str, tmp_path: Path) -> None:
    assert [error.partition(":")[0] for error in errors_of(text, tmp_path, name=name)] == [where]


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(MarketFileRefused, match="No such file"):
        read_market(tmp_path / "none.toml")


def test_the_built_in_market_is_the_same_for_the_same_seed() -> None:
    assert built_in_market(seed=7, scale=1) == built_in_market(seed=7, scale=1)
    assert built_in_market(seed=7, scale=1) != built_in_market(seed=8, scale=1)


def test_the_built_in_market_has_the_promised_size_times_its_scale() -> None:
    market = built_in_market(seed=1, scale=2)

    assert (len(market.companies), len(market.lenders), len(market.requests)) == (10, 48, 120)
    assert sum(len(company.employees) for company in market.companies) == 120
    assert max(request.months for request in market.requests) <= 24
