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
        .replace('reason = "AM04"', 'reason = "XX"')
    )

    errors = errors_of(wrong, tmp_path)

    assert [error.partition(":")[0] for error in errors] == [
        "companies[0].employees[0].net_monthly",
        "companies[0].employees[0].net_monthly_cents",
        "lenders[0].offers[0].ask_bp",
        "requests[0].amount_cents",
        "incidents[0].reason",
    ]


def test_an_error_says_what_was_given_and_what_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "market.toml"
    file.write_text(
        the_small_market()
        .replace("ask_bp = 500", "ask_bp = -1")
        .replace('tier = "A"', 'tier = "D"', 1)
        .replace('kind = "failed-debit"', 'kind = "lost-wallet"')
    )

    with pytest.raises(MarketFileRefused) as refused:
        read_market(file)

    assert [f"{error.wrong} | {error.accepted}" for error in refused.value.errors] == [
        "-1 | a whole number from 0 to 10000",
        "'D' | 'A' or 'B' or 'C'",
        "'lost-wallet' | 'failed-debit'",
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{"name": "Alfa", "name": "Beta"}', "the key 'name' stands twice in one object"),
        ('{"scale": NaN}', "NaN is no number"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5_000, "Exceeds the limit"),
    ],
)
def test_json_that_python_would_let_pass_or_choke_on_is_refused(text: str, wrong: str, tmp_path: Path) -> None:
    (error,) = errors_of(text, tmp_path, name="market.json")

    assert error.startswith(f"file: {wrong}")


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ('name = "Alfa', 'name = "Al\\u0000fa', "companies[0].name"),
        ("amount_min_cents = ", "amount_min_cents = -", "companies[0].policy.amount_min_cents"),
        ("starts_on = 2026", "starts_on = 1026", "starts_on"),
    ],
)
def test_what_the_market_itself_would_refuse_is_refused_before_anything_begins(
    before: str, after: str, where: str, tmp_path: Path
) -> None:
    errors = errors_of(the_small_market().replace(before, after, 1), tmp_path)

    assert where in [error.partition(":")[0] for error in errors]


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
        pytest.param("[1]", "market.json", "file", id="JSON that is no object"),
        pytest.param(
            'name = "nobody"\nstarts_on = 2026-01-07\ncompanies = []\nlenders = []',
            "market.toml",
            "requests",
            id="a market without requests",
        ),
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
