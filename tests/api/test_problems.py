"""The one table of problems."""

import typing

import asyncpg
import pytest

from api.problems import PROBLEMS, Problem, problem_document, refused_by_book, translated
from lemonway.errors import InsufficientFunds, LemonwayThrottled, LemonwayUnreachable
from marketplace.book import refusals
from marketplace.book.refusals import BookRefusal

A_REFUSAL: dict[type[refusals.Refusal], tuple[dict[str, object], str, int]] = {
    refusals.OfferExistsForStrategy: ({"offer_id": "o"}, "id-reused", 409),
    refusals.OfferBelongsToAnother: ({"offer_id": "o"}, "id-reused", 409),
    refusals.OfferUnknown: ({"offer_id": "o"}, "not-found", 404),
    refusals.TermNotOffered: ({"months": 7, "offered_months": (12,)}, "not-eligible", 422),
    refusals.RateOutsideBand: ({"max_rate_bp": 1, "floor_bp": 2, "cap_bp": 3}, "rate-outside-band", 422),
    refusals.RequestIdReused: ({"request_id": "r"}, "id-reused", 409),
    refusals.RequestUnknown: ({"request_id": "r"}, "not-found", 404),
    refusals.WrongState: ({"request_id": "r", "state": "signed", "allowed": ("open",)}, "wrong-state", 409),
    refusals.CoverChanged: ({"request_id": "r", "cover_id": None}, "wrong-state", 409),
    refusals.TermsVersionUnexpected: ({"given_version": 3, "expected_version": 2}, "terms-changed", 409),
    refusals.TermsContradictory: ({"problems": ()}, "invalid-body", 422),
    refusals.OfferTermsWrong: ({"problems": ()}, "invalid-body", 422),
    refusals.BreakerLimitsWrong: ({"problems": ()}, "invalid-body", 422),
    refusals.ValueOutOfRange: (
        {"setting": "arrears_bp", "given": 10_001, "minimum": 0, "maximum": 10_000},
        "amount-outside-limits",
        422,
    ),
    refusals.BookIsPaused: ({}, "wrong-state", 409),
    refusals.NothingHeld: ({"request_id": "r"}, "wrong-state", 409),
    refusals.NoTermsYet: ({}, "wrong-state", 409),
}


@pytest.mark.parametrize("refusal", typing.get_args(BookRefusal), ids=lambda refusal: refusal.__name__)
def test_every_refusal_of_a_book_is_a_problem_that_says_what_would_pass(refusal: type[typing.Any]) -> None:
    fields, slug, status = A_REFUSAL[refusal]

    problem = refused_by_book(refusal(**fields))

    assert (problem.slug, PROBLEMS[problem.slug].status) == (slug, status)
    assert {name: problem.members[name] for name in fields} == fields


def test_members_never_replace_the_fixed_fields_of_a_document() -> None:
    document = problem_document(
        "wrong-state", "No.", instance="/x", request_id="1", members={"status": 200, "state": "signed"}
    )

    assert document == {
        "type": "/problems/wrong-state",
        "title": "The state does not allow this",
        "status": 409,
        "detail": "No.",
        "instance": "/x",
        "request_id": "1",
        "state": "signed",
    }


@pytest.mark.parametrize(
    ("failure", "slug", "members"),
    [
        pytest.param(
            InsufficientFunds(code=110, message="no money"), "payment-refused", {"lemonway_code": 110}, id="refusal"
        ),
        pytest.param(LemonwayThrottled(retry_after_s=7), "payments-unavailable", {"retry_after_s": 7}, id="throttled"),
        pytest.param(LemonwayUnreachable("reset"), "payments-unavailable", {"retry_after_s": 5}, id="no answer"),
        pytest.param(ConnectionResetError("gone"), "overloaded", {"retry_after_s": 1}, id="database away"),
        pytest.param(asyncpg.DeadlockDetectedError("race"), "overloaded", {"retry_after_s": 1}, id="lost race"),
        pytest.param(ZeroDivisionError("our bug"), "internal", {}, id="a bug"),
    ],
)
def test_a_failure_of_the_world_is_told_without_its_inner_words(
    failure: Exception, slug: str, members: dict[str, object]
) -> None:
    problem = translated(failure)

    assert isinstance(problem, Problem)
    assert (problem.slug, problem.members) == (slug, members)
    assert str(failure) not in problem.detail
