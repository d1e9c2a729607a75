"""Terms that contradict themselves are found out before they are published, every contradiction at once."""

import msgspec
import pytest

from marketplace.company_terms import CompanyMoney, CompanyTerms, GuaranteeTerms, RateBand
from marketplace.company_terms_problems import terms_problems

BAND = RateBand(months=24, floor_bp=400, cap_bp=600)
TERMS = CompanyTerms(version=1, bands=(BAND,))


def problems(terms: CompanyTerms) -> list[str]:
    return [f"{problem.field} is {problem.given}, accepted: {problem.accepted}" for problem in terms_problems(terms)]


def test_the_defaults_of_a_thin_book_are_half_a_loan_each_and_need_two_lenders() -> None:
    assert problems(TERMS) == []
    assert (TERMS.ticket_cents, TERMS.max_lenders, TERMS.max_share_bp) == (1_000, 100, 5_000)
    assert (TERMS.patience_hours, TERMS.expiry_hours, TERMS.accept_window_hours) == (24, 72, 48)


def test_a_term_has_the_band_of_its_months_or_none() -> None:
    assert TERMS.band(24) == BAND
    assert TERMS.band(36) is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"bands": ()}, "bands is none, accepted: at least one band"),
        (
            {"bands": (RateBand(months=24, floor_bp=601, cap_bp=600),)},
            "bands[0].cap_bp is 600, accepted: floor_bp (601) to 10000",
        ),
        (
            {"bands": (RateBand(months=0, floor_bp=400, cap_bp=600),)},
            "bands[0].months is 0, accepted: 1 or more",
        ),
        (
            {"bands": (RateBand(months=24, floor_bp=-1, cap_bp=600),)},
            "bands[0].floor_bp is -1, accepted: 0 to 10000",
        ),
        ({"bands": (BAND, BAND)}, "bands[1].months is 24, accepted: each term once"),
        ({"ticket_cents": 0}, "ticket_cents is 0, accepted: 1 or more"),
        ({"max_lenders": 0}, "max_lenders is 0, accepted: 1 or more"),
        ({"max_share_bp": 10_001}, "max_share_bp is 10001, accepted: 1 to 10000, or null for no cap"),
        (
            {"company_money": CompanyMoney(mode="share", share_bp=10_001)},
            "company_money.share_bp is 10001, accepted: 0 to 10000",
        ),
        (
            {"company_money": CompanyMoney(mode="first", budget_cents=-1)},
            "company_money.budget_cents is -1, accepted: 0 or more",
        ),
        (
            {"company_money": CompanyMoney(mode="first", rate_bp=401)},
            "company_money.rate_bp is 401, accepted: 0 to the lowest floor 400",
        ),
        (
            {"company_money": CompanyMoney(mode="backstop", rate_bp=100)},
            "company_money.rate_bp is 100, accepted: null unless mode is first or share",
        ),
        (
            {"guarantee": GuaranteeTerms(rate_bp=10_001, limit_cents=0)},
            "guarantee.rate_bp is 10001, accepted: 0 to 10000",
        ),
        (
            {"guarantee": GuaranteeTerms(rate_bp=0, limit_cents=-1)},
            "guarantee.limit_cents is -1, accepted: 0 or more",
        ),
        (
            {"guarantee": GuaranteeTerms(rate_bp=0, limit_cents=0, coverage_bp=-1)},
            "guarantee.coverage_bp is -1, accepted: 0 or more",
        ),
        ({"accept_window_hours": 0}, "accept_window_hours is 0, accepted: 1 to 8784"),
        ({"accept_window_hours": 8_785}, "accept_window_hours is 8785, accepted: 1 to 8784"),
        ({"patience_hours": -1}, "patience_hours is -1, accepted: 0 to 8784"),
        ({"expiry_hours": 23}, "expiry_hours is 23, accepted: at least 1 and patience_hours (24), at most 8784"),
        (
            {"expiry_hours": 100_000_000},
            "expiry_hours is 100000000, accepted: at least 1 and patience_hours (24), at most 8784",
        ),
    ],
)
def test_a_contradiction_is_named_with_what_is_accepted(changes: dict[str, object], problem: str) -> None:
    assert problems(msgspec.structs.replace(TERMS, **changes)) == [problem]


def test_no_clock_may_run_for_longer_than_a_leap_year() -> None:
    longest = msgspec.structs.replace(TERMS, accept_window_hours=8_784, patience_hours=8_784, expiry_hours=8_784)

    assert problems(longest) == []
    assert problems(msgspec.structs.replace(longest, patience_hours=8_785, expiry_hours=8_785)) == [
        "patience_hours is 8785, accepted: 0 to 8784",
        "expiry_hours is 8785, accepted: at least 1 and patience_hours (8785), at most 8784",
    ]


def test_every_contradiction_is_told_at_once() -> None:
    terms = msgspec.structs.replace(TERMS, ticket_cents=0, max_lenders=0, expiry_hours=0)

    assert [problem.field for problem in terms_problems(terms)] == ["ticket_cents", "max_lenders", "expiry_hours"]
