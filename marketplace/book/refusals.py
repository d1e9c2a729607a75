"""Why a book refuses a command: one value per reason, each with what would pass."""

import msgspec

from marketplace.company_terms import TermsProblem


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag_field="reason"):
    """Base of the refusals of a book."""


class OfferExistsForStrategy(Refusal, frozen=True, kw_only=True, tag="offer_exists_for_strategy"):
    """The strategy already has an offer in this book: amend `offer_id` instead."""

    offer_id: str


class OfferBelongsToAnother(Refusal, frozen=True, kw_only=True, tag="offer_id_reused"):
    """The offer id is already used by another lender or strategy."""

    offer_id: str


class OfferUnknown(Refusal, frozen=True, kw_only=True, tag="offer_unknown"):
    """No such offer stands in this book."""

    offer_id: str


class TermNotOffered(Refusal, frozen=True, kw_only=True, tag="term_not_offered"):
    """The company's terms have no band for `months`; one of `offered_months` passes."""

    months: int
    offered_months: tuple[int, ...]


class RateOutsideBand(Refusal, frozen=True, kw_only=True, tag="rate_outside_band"):
    """The highest rate the borrower accepts is below the band of `floor_bp` to `cap_bp`: `floor_bp` or more passes.
    More than the cap is no mistake: the loan costs the cap at most."""

    max_rate_bp: int
    floor_bp: int
    cap_bp: int


class RequestIdReused(Refusal, frozen=True, kw_only=True, tag="request_id_reused"):
    """The request id already stands for other terms, or was closed."""

    request_id: str


class RequestUnknown(Refusal, frozen=True, kw_only=True, tag="request_unknown"):
    """No such request stands in this book."""

    request_id: str


class WrongState(Refusal, frozen=True, kw_only=True, tag="wrong_state"):
    """The request is in `state`; the command passes only in `allowed`."""

    request_id: str
    state: str
    allowed: tuple[str, ...]


class CoverChanged(Refusal, frozen=True, kw_only=True, tag="cover_changed"):
    """The request's cover is not the one named."""

    request_id: str
    cover_id: str | None


class TermsVersionUnexpected(Refusal, frozen=True, kw_only=True, tag="terms_version_unexpected"):
    """Terms are published one version after the other: `expected_version` passes."""

    given_version: int
    expected_version: int


class TermsContradictory(Refusal, frozen=True, kw_only=True, tag="terms_contradictory"):
    """The terms contradict themselves or what already stands under them: every problem with what is accepted."""

    problems: tuple[TermsProblem, ...]


class OfferTermsWrong(Refusal, frozen=True, kw_only=True, tag="offer_terms_wrong"):
    """A figure of the offer is out of range: every problem with what is accepted."""

    problems: tuple[TermsProblem, ...]


class BreakerLimitsWrong(Refusal, frozen=True, kw_only=True, tag="breaker_limits_wrong"):
    """A figure of the breakers is out of range: every problem with what is accepted."""

    problems: tuple[TermsProblem, ...]


class ValueOutOfRange(Refusal, frozen=True, kw_only=True, tag="value_out_of_range"):
    """A setting or an amount must be between `minimum` and `maximum`."""

    setting: str
    given: int
    minimum: int
    maximum: int


class BookIsPaused(Refusal, frozen=True, kw_only=True, tag="book_is_paused"):
    """The company takes no new requests until it resumes."""


class NothingHeld(Refusal, frozen=True, kw_only=True, tag="nothing_held"):
    """Nothing of the kind is held for the request: it is covered already, or nobody held anything."""

    request_id: str


class NoTermsYet(Refusal, frozen=True, kw_only=True, tag="no_terms_yet"):
    """The company has not published terms: nothing can stand in its book."""


BookRefusal = (
    OfferExistsForStrategy
    | OfferBelongsToAnother
    | OfferUnknown
    | TermNotOffered
    | RateOutsideBand
    | RequestIdReused
    | RequestUnknown
    | WrongState
    | CoverChanged
    | TermsVersionUnexpected
    | TermsContradictory
    | OfferTermsWrong
    | BreakerLimitsWrong
    | ValueOutOfRange
    | BookIsPaused
    | NothingHeld
    | NoTermsYet
)
