"""A whole book in one JSON object, read strictly: how the allocation rule is put to the test from outside.

Money is integer cents, rates are integer basis points a year, instants carry an offset. A field that is not part of the
format is refused, like a figure out of range and a book that contradicts itself.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from marketplace.company_terms import (
    WHOLE_BP,
    CompanyMode,
    CompanyMoney,
    CompanyTerms,
    GuaranteeTerms,
    RateBand,
)
from marketplace.company_terms_problems import terms_problems
from marketplace.strategies.offer_terms import Tier

MAX_CENTS = 10**13
"""A hundred thousand million euro: any larger figure is a mistake."""
FIRST_YEAR, LAST_YEAR = 2000, 2200
"""Of every instant: beyond them it is a mistake, and far beyond them it is no instant in UTC."""

Cents = Annotated[int, Meta(ge=0, le=MAX_CENTS)]
CentsAboveZero = Annotated[int, Meta(ge=1, le=MAX_CENTS)]
BasisPoints = Annotated[int, Meta(ge=0, le=WHOLE_BP)]
Months = Annotated[int, Meta(ge=1, le=600)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Id = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, Meta(tz=True)]


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every object in a book file."""


class BandEntry(_Entry, frozen=True, kw_only=True):
    """The rates of one term; a posted rate is floor = cap."""

    months: Months
    floor_bp: BasisPoints
    cap_bp: BasisPoints


class CompanyMoneyEntry(_Entry, frozen=True, kw_only=True):
    """The company's own money at the start of the plan."""

    mode: CompanyMode
    budget_cents: Cents
    share_bp: BasisPoints


class GuaranteeEntry(_Entry, frozen=True, kw_only=True):
    """The guarantee, and in `guaranteed_cents` the lenders' principal already under it."""

    rate_bp: BasisPoints
    limit_cents: Cents
    coverage_bp: Annotated[int, Meta(ge=0, le=1_000_000)]
    guaranteed_cents: Cents


class TermsEntry(_Entry, frozen=True, kw_only=True):
    """The company's terms as far as the walk needs them; null is no share cap, no guarantee."""

    ticket_cents: CentsAboveZero
    max_lenders: Annotated[int, Meta(ge=1, le=1_000_000)]
    bands: Annotated[tuple[BandEntry, ...], Meta(min_length=1)]
    company_money: CompanyMoneyEntry
    max_share_bp: Annotated[int, Meta(ge=1, le=WHOLE_BP)] | None = None
    guarantee: GuaranteeEntry | None = None


class LenderEntry(_Entry, frozen=True, kw_only=True):
    """A lender: what it can promise now, since when, and when it was last filled in a rationed bucket (0: never)."""

    id: Id
    free_cents: Cents
    cash_since: Instant
    last_rationed: Number


class OfferEntry(_Entry, frozen=True, kw_only=True):
    """The one offer of a lender; null is no cap."""

    id: Id
    lender: Id
    sequence: Number
    ask_bp: BasisPoints
    tier: Tier
    months: Annotated[tuple[Months, ...], Meta(min_length=1)]
    min_ticket_cents: Cents
    per_request_cents: Cents | None = None
    per_company_room_cents: Cents | None = None


class RequestEntry(_Entry, frozen=True, kw_only=True):
    """A request that waits for a cover."""

    id: Id
    borrower: Id
    amount_cents: CentsAboveZero
    min_amount_cents: CentsAboveZero
    months: Months
    max_rate_bp: BasisPoints
    accepts_shrink: bool
    purpose_class: Annotated[int, Meta(ge=1, le=3)]
    approval_sequence: Number


class BookFile(_Entry, frozen=True, kw_only=True):
    """One company's book at the instant `now`; `sequence` is the number its next cover bears."""

    now: Instant
    company: Id
    sequence: Number
    terms: TermsEntry
    lenders: tuple[LenderEntry, ...]
    offers: tuple[OfferEntry, ...]
    requests: tuple[RequestEntry, ...]

    def company_terms(self) -> CompanyTerms:
        """The terms in the form the rule takes; what the file does not carry has its default."""
        terms, guarantee = self.terms, self.terms.guarantee
        return CompanyTerms(
            version=1,
            bands=tuple(
                RateBand(months=band.months, floor_bp=band.floor_bp, cap_bp=band.cap_bp) for band in terms.bands
            ),
            ticket_cents=terms.ticket_cents,
            max_lenders=terms.max_lenders,
            max_share_bp=terms.max_share_bp,
            company_money=CompanyMoney(
                mode=terms.company_money.mode,
                budget_cents=terms.company_money.budget_cents,
                share_bp=terms.company_money.share_bp,
            ),
            guarantee=None
            if guarantee is None
            else GuaranteeTerms(
                rate_bp=guarantee.rate_bp,
                limit_cents=guarantee.limit_cents,
                coverage_bp=guarantee.coverage_bp,
            ),
        )


class BookFileProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a book file: where (`offers[0].ask_bp`), what was given, what is accepted."""

    at: str
    given: str
    accepted: str


class BookFileRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a book file was not planned. A wrong shape is reported at its first place, contradictions all at once."""

    problems: tuple[BookFileProblem, ...]


_decoder = msgspec.json.Decoder(BookFile)
_WORDS: dict[str, tuple[str, ...]] = {"tier": get_args(Tier), "mode": get_args(CompanyMode)}
_ENTRIES: dict[str, type[_Entry]] = {
    "": BookFile,
    "terms": TermsEntry,
    "terms.bands[]": BandEntry,
    "terms.company_money": CompanyMoneyEntry,
    "terms.guarantee": GuaranteeEntry,
    "lenders[]": LenderEntry,
    "offers[]": OfferEntry,
    "requests[]": RequestEntry,
}


def decode_book_file(encoded: bytes) -> BookFile | BookFileRefusal:
    """The book that `encoded` (UTF-8 JSON) holds, or everything that is wrong with it."""
    try:
        book = _decoder.decode(encoded)
    except msgspec.ValidationError as error:
        return BookFileRefusal(problems=(_shape_problem(str(error), encoded),))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return BookFileRefusal(problems=(BookFileProblem(at="$", given=str(error), accepted="one JSON object"),))
    problems = (
        *_repeated_names(encoded),
        *_instant_problems(book),
        *_identity_problems(book),
        *_terms_problems(book),
        *_request_problems(book),
    )
    return BookFileRefusal(problems=problems) if problems else book


_PLACE = r"(?: - at `\$\.?((?:\w+|\.|\[\d+\])*)`)?"
"""How the decoder tells where an object stands that is not the outermost one."""


def _shape_problem(message: str, encoded: bytes) -> BookFileProblem:
    """What the decoder found, with the value that stands there and the names it would have taken."""
    if unknown := re.fullmatch(rf"Object contains unknown field `(.*?)`{_PLACE}", message, re.DOTALL):
        return _unknown_field(unknown[1], unknown[2] or "")
    if missing := re.fullmatch(rf"Object missing required field `(\w+)`{_PLACE}", message):
        at = _join(missing[2] or "", missing[1])
        return BookFileProblem(at=at, given="nothing", accepted="a value: the field is required")
    what, _, path = message.partition(" - at ")
    at = path.strip("`").removeprefix("$").removeprefix(".")
    given = " ".join(_text_at(encoded, at).split())
    shown = given if len(given) <= 60 else f"{given[:57]}..."
    return BookFileProblem(at=at or "$", given=shown, accepted=_accepted(what, at))


def _unknown_field(name: str, at: str) -> BookFileProblem:
    """The problem of a name that the object at `at` does not have; a name may be any text, also that of a place."""
    entry = _ENTRIES.get(re.sub(r"\[\d+\]", "[]", at))
    if entry is None:
        name, at, entry = f"{name}` - at `$.{at}", "", BookFile
    return BookFileProblem(
        at=_join(at, name), given="an unknown field", accepted=f"one of {', '.join(entry.__struct_fields__)}"
    )


def _accepted(what: str, at: str) -> str:
    """What passes at a place where the decoder found `what`, in its own words where these say it."""
    if what.startswith("Expected "):
        return what.removeprefix("Expected ").partition(", got ")[0]
    field = at.rpartition(".")[2]
    if field in _WORDS:
        return ", ".join(_WORDS[field])
    return (
        "an instant such as 2026-11-23T09:00:00Z" if "datetime" in what else "a value of the documented kind and range"
    )


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _text_at(encoded: bytes, at: str) -> str:
    """The JSON text at a place such as `offers[0].ask_bp`, as it was written."""
    found = msgspec.Raw(encoded)
    try:
        for name, index in re.findall(r"(\w+)|\[(\d+)\]", at):
            if name:
                found = msgspec.json.decode(found, type=dict[str, msgspec.Raw])[name]
            else:
                found = msgspec.json.decode(found, type=list[msgspec.Raw])[int(index)]
        return bytes(found).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "something in a text that is no JSON further on"


def _repeated_names(encoded: bytes) -> tuple[BookFileProblem, ...]:
    """Every field given more than once: the decoder takes the last one, another program may take the first."""
    is_any_repeated = False

    def looked_at(pairs: list[tuple[str, object]]) -> None:
        nonlocal is_any_repeated
        is_any_repeated = is_any_repeated or len(dict(pairs)) < len(pairs)

    json.loads(encoded, object_pairs_hook=looked_at)
    if not is_any_repeated:
        return ()
    places = _repeated_places(json.loads(encoded, object_pairs_hook=tuple), "")
    return tuple(
        BookFileProblem(at=place, given="the field more than once", accepted="each field once") for place in places
    )


def _repeated_places(value: object, at: str) -> Iterator[str]:
    """Where a field stands again in the same object; an object is a tuple of its pairs, an array a list."""
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield from _repeated_places(element, f"{at}[{index}]")
    elif isinstance(value, tuple):
        seen = set()
        for name, element in value:
            place = _join(at, name)
            if name in seen:
                yield place
            seen.add(name)
            yield from _repeated_places(element, place)


def _instant_problems(book: BookFile) -> list[BookFileProblem]:
    instants = [("now", book.now)]
    instants += [(f"lenders[{index}].cash_since", lender.cash_since) for index, lender in enumerate(book.lenders)]
    return [
        BookFileProblem(at=at, given=instant.isoformat(), accepted=f"a year from {FIRST_YEAR} to {LAST_YEAR}")
        for at, instant in instants
        if not FIRST_YEAR <= instant.year <= LAST_YEAR
    ]


def _identity_problems(book: BookFile) -> list[BookFileProblem]:
    lender_ids = {lender.id for lender in book.lenders}
    return [
        *_repeated("lenders", "id", [lender.id for lender in book.lenders]),
        *_repeated("offers", "id", [offer.id for offer in book.offers]),
        *_repeated("offers", "lender", [offer.lender for offer in book.offers]),
        *_repeated("requests", "id", [request.id for request in book.requests]),
        *(
            BookFileProblem(at=f"offers[{index}].lender", given=offer.lender, accepted="the id of one of lenders")
            for index, offer in enumerate(book.offers)
            if offer.lender not in lender_ids
        ),
    ]


def _repeated(entries: str, field: str, values: list[str]) -> Iterable[BookFileProblem]:
    first_index: dict[str, int] = {}
    for index, value in enumerate(values):
        first = first_index.setdefault(value, index)
        if first != index:
            accepted = f"each {field} once; this one stands at {entries}[{first}]"
            yield BookFileProblem(at=f"{entries}[{index}].{field}", given=value, accepted=accepted)


def _terms_problems(book: BookFile) -> list[BookFileProblem]:
    return [
        BookFileProblem(at=f"terms.{problem.field}", given=problem.given, accepted=problem.accepted)
        for problem in terms_problems(book.company_terms())
    ]


def _request_problems(book: BookFile) -> list[BookFileProblem]:
    offered = {band.months for band in book.terms.bands}
    problems = []
    for index, request in enumerate(book.requests):
        if request.min_amount_cents > request.amount_cents:
            problems.append(
                BookFileProblem(
                    at=f"requests[{index}].min_amount_cents",
                    given=str(request.min_amount_cents),
                    accepted=f"at most amount_cents ({request.amount_cents})",
                )
            )
        if request.months not in offered:
            problems.append(
                BookFileProblem(
                    at=f"requests[{index}].months",
                    given=str(request.months),
                    accepted=f"a term with a band: {', '.join(str(months) for months in sorted(offered))}",
                )
            )
    return problems
