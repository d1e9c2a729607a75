"""The company lends first or a share of each loan, at the clearing rate or below it."""

import msgspec
import pytest

from marketplace.company_terms import CompanyMoney
from tests.marketplace.book_notation import ONE_RICH_LENDER, a_request, as_text, covered, plan, some_terms


@pytest.mark.parametrize(
    ("money", "budget", "result"),
    [
        pytest.param({"mode": "first"}, "100", "company 100.00 at 500", id="first: all of it, at the floor"),
        pytest.param({"mode": "first"}, "95", "company 90.00; L1 10.00 at 500", id="first: cut to leave a ticket"),
        pytest.param({"mode": "first"}, "90", "company 90.00; L1 10.00 at 500", id="first: leaves just a ticket"),
        pytest.param({"mode": "first"}, "30", "company 30.00; L1 70.00 at 500", id="first: as far as the budget goes"),
        pytest.param({"mode": "share", "share_bp": 3_333}, "90", "company 33.33; L1 66.67 at 500", id="share"),
        pytest.param({"mode": "share", "share_bp": 3_333}, "20", "company 20.00; L1 80.00 at 500", id="share: budget"),
        pytest.param({"mode": "share", "share_bp": 9_500}, "99", "company 90.00; L1 10.00 at 500", id="share: cut"),
        pytest.param({"mode": "share", "share_bp": 10_000}, "100", "company 100.00 at 500", id="share: the whole"),
        pytest.param({"mode": "backstop"}, "100", "L1 100.00 at 500", id="backstop: nothing before the walk"),
    ],
)
def test_the_company_tranche_leaves_lenders_nothing_or_at_least_a_ticket(
    money: dict[str, object], budget: str, result: str
) -> None:
    terms = some_terms(floor_bp=500, cap_bp=600, company=msgspec.convert(money, type=CompanyMoney))

    assert as_text(plan(a_request("100"), ONE_RICH_LENDER, terms, budget=budget)) == result


def test_a_loan_smaller_than_a_ticket_is_the_companys_whole_or_nobodys() -> None:
    terms = some_terms(company=CompanyMoney(mode="first"))

    assert as_text(plan(a_request("9"), ONE_RICH_LENDER, terms, budget="9")) == "company 9.00 at 500"
    assert as_text(plan(a_request("9"), ONE_RICH_LENDER, terms, budget="8")) == "uncovered: 0.00 coverable"


@pytest.mark.parametrize(
    ("rate_bp", "budget", "loan_rate_cbp"),
    [
        pytest.param(None, "100", 50_000, id="no subsidy: the clearing rate"),
        pytest.param(0, "100", 25_000, id="half the loan free of interest"),
        pytest.param(100, "66.66", 36_668, id="1 % on 66.66 of 200 is 3.6668 %"),
        pytest.param(0, "0.01", 49_998, id="4.99975 % is rounded half up to a hundredth of a basis point"),
        pytest.param(200, "200", 20_000, id="the whole loan subsidised"),
    ],
)
def test_a_subsidised_tranche_lowers_the_loans_own_rate(rate_bp: int | None, budget: str, loan_rate_cbp: int) -> None:
    terms = some_terms(company=CompanyMoney(mode="first", rate_bp=rate_bp))

    cover = covered(plan(a_request("200"), ONE_RICH_LENDER, terms, budget=budget))

    assert cover.rate_bp == 500
    assert cover.loan_rate_cbp == loan_rate_cbp
