"""Lenders' offers on their way to books: what is checked before a command is recorded.

Every function works in the caller's transaction. The envelopes it returns are recorded commands, to be sent after the
commit; who does not send them leaves that to the sweeper.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

import msgspec

from marketplace.book.commands import Envelope, PlaceOffer, WithdrawOffer
from marketplace.company_terms import TermsProblem
from marketplace.strategies.offer_terms import OfferTerms, Tier
from marketplace.strategies.strategy_offers import OfferPlace, OfferWish, is_told_again, offer_from, wish_problems
from marketplace.strategies.strategy_settings import StrategySettings
from persistence.command_rows import record_command
from persistence.connection import AnyConnection
from persistence.lender_bars import InConflict, LendingStopped, what_stops
from persistence.lender_lock import hold_lender
from persistence.offer_versions import (
    OfferVersion,
    add_offer_version,
    live_offers,
    offer_change,
    offer_version,
    present_offer,
    terms_in_books,
)
from persistence.purse_limits import lender_funds_cents, tell_purse_limits
from persistence.strategies import ChangeIdReused, StrategyClosed, VersionIsAnother, own_strategy

SentBy = Literal["caller", "sweeper"]

TIER_A_COMPANIES_MAX = 3
"""Preferring everybody is preferring nobody: a lender has so many companies in tier A."""

_WITHDRAWALS = UUID("5e9f7c14-2b83-5d60-8a47-c1d0b6f3e925")
_VERSIONS = UUID("b1d3a5f7-6c28-5e94-9f0b-3a7d5c1e8b46")


class OfferTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The command stands, `is_new` or from before, and is to be sent after the commit."""

    envelope: Envelope
    is_new: bool


class OfferIdReused(msgspec.Struct, frozen=True, kw_only=True):
    """The id stands for another offer, or the same with other terms."""


class TierAFull(msgspec.Struct, frozen=True, kw_only=True):
    """The lender prefers as many companies as it may: one of `company_ids` must leave tier A first."""

    company_ids: tuple[str, ...]
    limit: int


class KycNotAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The identity check is not over."""

    kyc_state: str


class CompanyExcluded(msgspec.Struct, frozen=True, kw_only=True):
    """The lender has excluded the company."""


class WishRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The offer contradicts itself or its strategy: everything that is wrong."""

    problems: tuple[TermsProblem, ...]


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """How much a lender prefers a company."""

    company_id: str
    tier: Tier | Literal["excluded"]


class NotTheLendersStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """The strategy is unknown or somebody else's."""


class CompanyUnknown(msgspec.Struct, frozen=True, kw_only=True):
    """There is no such company."""


Unmakeable = TierAFull | StrategyClosed | CompanyExcluded | WishRefused | NotTheLendersStrategy
OfferOutcome = OfferTaken | OfferIdReused | KycNotAccepted | LendingStopped | InConflict | CompanyUnknown | Unmakeable
ChangeOutcome = OfferTaken | VersionIsAnother | ChangeIdReused | Unmakeable


async def place_offer(connection: AnyConnection, place: OfferPlace, wish: OfferWish, *, at: datetime) -> OfferOutcome:
    """Record an offer's first version and the command that places it. The offer's id is the command's."""
    kyc_state = await hold_lender(connection, place.lender_id)
    first = await offer_version(connection, place.offer_id, 1)
    if first is not None:
        is_same = first.place == place and first.wish == wish
        return OfferTaken(envelope=_envelope(first), is_new=False) if is_same else OfferIdReused()
    if not await connection.fetchval("SELECT true FROM company WHERE id = $1", place.company_id):
        return CompanyUnknown()
    if kyc_state != "accepted":
        return KycNotAccepted(kyc_state=kyc_state)
    stopped = await what_stops(connection, lender_id=place.lender_id, company_id=place.company_id)
    if stopped is not None:
        return stopped
    terms = await _make(connection, place, wish)
    if not isinstance(terms, OfferTerms):
        return terms
    version = OfferVersion(place=place, version=1, wish=wish, terms=terms, command_id=place.offer_id, at=at)
    if await _record(connection, version) is None:
        return OfferIdReused()
    await tell_purse_limits(connection, place.lender_id, at=at)
    return OfferTaken(envelope=_envelope(version), is_new=True)


async def change_offer(
    connection: AnyConnection,
    company_id: str,
    offer_id: str,
    *,
    lender_id: str,
    change: Callable[[OfferWish], OfferWish],
    of_version: int | None,
    change_id: str | None,
    at: datetime,
) -> ChangeOutcome | None:
    """Record what `change` makes of a lender's own offer, which keeps its place. None for another's or a withdrawn one.

    A change made of version `of_version` is refused on any other (None: whichever it is); `change_id` makes the same
    change be made once, and is then the command's id.
    """
    await hold_lender(connection, lender_id)
    present = await present_offer(connection, offer_id, company_id=company_id, lender_id=lender_id)
    if present is None or present.terms is None:
        return None
    made = None if change_id is None else await offer_change(connection, offer_id, change_id)
    if made is not None:
        before = await offer_version(connection, offer_id, made.version - 1)
        is_same = before is not None and change(before.wish) == made.wish
        return OfferTaken(envelope=_envelope(made), is_new=False) if is_same else ChangeIdReused()
    if of_version is not None and of_version != present.version:
        return VersionIsAnother(given_version=of_version, present_version=present.version)
    wish = change(present.wish)
    if wish == present.wish:
        return OfferTaken(envelope=_envelope(present), is_new=False)
    terms = await _make(connection, present.place, wish)
    if not isinstance(terms, OfferTerms):
        return terms
    envelope = await _record(connection, _next(present, wish, terms, at, command_id=change_id), change_id=change_id)
    if envelope is None:
        return ChangeIdReused()
    await tell_purse_limits(connection, lender_id, at=at)
    return OfferTaken(envelope=envelope, is_new=True)


async def withdraw_offer(
    connection: AnyConnection, company_id: str, offer_id: str, *, lender_id: str, at: datetime
) -> OfferTaken | None:
    """Record the command that takes a lender's own offer out of a book; None for anybody else's."""
    await hold_lender(connection, lender_id)
    present = await present_offer(connection, offer_id, company_id=company_id, lender_id=lender_id)
    if present is None:
        return None
    if present.terms is None:
        return OfferTaken(envelope=_envelope(present), is_new=False)
    envelope = await _withdraw(connection, present, at=at)
    await tell_purse_limits(connection, lender_id, at=at)
    return OfferTaken(envelope=envelope, is_new=True)


async def preferences(connection: AnyConnection, lender_id: str) -> list[Preference]:
    """Companies where the lender has offers, each with its best tier, and those that it excluded, in order of id."""
    excluded = await connection.fetch("SELECT company_id FROM company_exclusion WHERE lender_id = $1", lender_id)
    tiers: dict[str, Tier | Literal["excluded"]] = {row["company_id"]: "excluded" for row in excluded}
    for present in sorted(await live_offers(connection, lender_id), key=lambda present: present.wish.tier):
        tiers.setdefault(present.place.company_id, present.wish.tier)
    return [Preference(company_id=company_id, tier=tier) for company_id, tier in sorted(tiers.items())]


async def prefer_company(
    connection: AnyConnection, company_id: str, *, lender_id: str, tier: Tier, at: datetime
) -> list[Envelope] | CompanyUnknown | TierAFull:
    """Put a company in a tier: an exclusion ends, and the lender's offers there say so. Their places are kept."""
    await hold_lender(connection, lender_id)
    if not await connection.fetchval("SELECT true FROM company WHERE id = $1", company_id):
        return CompanyUnknown()
    if tier == "A" and (full := await _tier_a_full(connection, lender_id, company_id)):
        return full
    await connection.execute(
        "DELETE FROM company_exclusion WHERE lender_id = $1 AND company_id = $2", lender_id, company_id
    )
    envelopes = []
    for present in await live_offers(connection, lender_id):
        if present.place.company_id == company_id and present.wish.tier != tier and present.terms is not None:
            wish = msgspec.structs.replace(present.wish, tier=tier)
            terms = msgspec.structs.replace(present.terms, tier=tier)
            envelopes.append(await _record_next(connection, _next(present, wish, terms, at)))
    return envelopes


async def exclude_company(
    connection: AnyConnection, company_id: str, *, lender_id: str, at: datetime
) -> list[Envelope] | CompanyUnknown:
    """Never lend to a company again, until it is preferred: the lender's offers there are withdrawn."""
    await hold_lender(connection, lender_id)
    if not await connection.fetchval("SELECT true FROM company WHERE id = $1", company_id):
        return CompanyUnknown()
    await connection.execute(
        "INSERT INTO company_exclusion (lender_id, company_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        lender_id,
        company_id,
        at,
    )
    envelopes = [
        await _withdraw(connection, present, at=at)
        for present in await live_offers(connection, lender_id)
        if present.place.company_id == company_id
    ]
    await tell_purse_limits(connection, lender_id, at=at)
    return envelopes


async def offers_problems(
    connection: AnyConnection, strategy_id: str, settings: StrategySettings, *, lender_id: str
) -> tuple[TermsProblem, ...]:
    """Why the strategy cannot become `settings` while its offers stand; empty when it can."""
    problems: list[TermsProblem] = []
    for present in await live_offers(connection, lender_id):
        if present.wish.strategy_id == strategy_id and settings.state != "closed":
            made = _made(present.place, present.wish, settings, funds_cents=0)
            problems += made.problems if isinstance(made, WishRefused) else ()
    return tuple(dict.fromkeys(problems))


async def tell_books(
    connection: AnyConnection,
    strategies: Sequence[tuple[str, StrategySettings]],
    *,
    lender_id: str,
    why: Literal["changed", "funds"],
    at: datetime,
) -> list[Envelope]:
    """Have the offers of these strategies stand as the strategies say now: withdrawn when closed, else told anew.

    When the lender `changed` them, exactly so, and the caller sends the envelopes. When only its `funds` moved, and so
    the caps that are parts of them, a book is told of caps that moved far, and the sweeper sends; a book that an older
    command reached last is then put right, too.
    """
    settings_of = dict(strategies)
    in_books = {} if why == "changed" else await terms_in_books(connection, lender_id)
    funds_cents = await lender_funds_cents(connection, lender_id)
    envelopes = []
    for present in await live_offers(connection, lender_id):
        settings = settings_of.get(present.wish.strategy_id)
        if settings is None or present.terms is None:
            continue
        if settings.state == "closed":
            envelopes.append(await _withdraw(connection, present, at=at))
            continue
        terms = _made(present.place, present.wish, settings, funds_cents=funds_cents)
        assert isinstance(terms, OfferTerms), (present, terms)
        before = in_books.get(present.place.offer_id, present.terms)
        is_told = terms != present.terms if why == "changed" else is_told_again(before, terms)
        if is_told:
            sent_by: SentBy = "caller" if why == "changed" else "sweeper"
            version = _next(present, present.wish, terms, at)
            envelopes.append(await _record_next(connection, version, sent_by=sent_by))
    return envelopes


async def _make(connection: AnyConnection, place: OfferPlace, wish: OfferWish) -> OfferTerms | Unmakeable:
    strategy = await own_strategy(connection, wish.strategy_id, lender_id=place.lender_id)
    if strategy is None:
        return NotTheLendersStrategy()
    if strategy.settings.state == "closed":
        return StrategyClosed()
    is_excluded = await connection.fetchval(
        "SELECT true FROM company_exclusion WHERE lender_id = $1 AND company_id = $2", place.lender_id, place.company_id
    )
    if is_excluded:
        return CompanyExcluded()
    if wish.tier == "A" and (full := await _tier_a_full(connection, place.lender_id, place.company_id)):
        return full
    funds_cents = await lender_funds_cents(connection, place.lender_id)
    return _made(place, wish, strategy.settings, funds_cents=funds_cents)


def _made(
    place: OfferPlace, wish: OfferWish, settings: StrategySettings, *, funds_cents: int
) -> OfferTerms | WishRefused:
    if problems := wish_problems(wish, settings):
        return WishRefused(problems=problems)
    made = offer_from(place, wish, settings, funds_cents=funds_cents)
    return made if isinstance(made, OfferTerms) else WishRefused(problems=(made,))


async def _tier_a_full(connection: AnyConnection, lender_id: str, company_id: str) -> TierAFull | None:
    """Whether one company more in tier A is too many; one that is there already is no more."""
    preferred = {
        present.place.company_id for present in await live_offers(connection, lender_id) if present.wish.tier == "A"
    } - {company_id}
    if len(preferred) < TIER_A_COMPANIES_MAX:
        return None
    return TierAFull(company_ids=tuple(sorted(preferred)), limit=TIER_A_COMPANIES_MAX)


def _next(
    present: OfferVersion, wish: OfferWish, terms: OfferTerms, at: datetime, *, command_id: str | None = None
) -> OfferVersion:
    number = present.version + 1
    return OfferVersion(
        place=present.place,
        version=number,
        wish=wish,
        terms=terms,
        command_id=command_id or str(uuid5(_VERSIONS, f"{present.place.offer_id}/{number}")),
        at=at,
    )


async def _withdraw(connection: AnyConnection, present: OfferVersion, *, at: datetime) -> Envelope:
    withdrawn = OfferVersion(
        place=present.place,
        version=present.version + 1,
        wish=present.wish,
        terms=None,
        command_id=str(uuid5(_WITHDRAWALS, present.place.offer_id)),
        at=at,
    )
    return await _record_next(connection, withdrawn)


async def _record_next(connection: AnyConnection, version: OfferVersion, *, sent_by: SentBy = "caller") -> Envelope:
    """Record a version whose command's id is of our own making."""
    envelope = await _record(connection, version, sent_by=sent_by)
    assert envelope is not None, version
    return envelope


async def _record(
    connection: AnyConnection, version: OfferVersion, *, change_id: str | None = None, sent_by: SentBy = "caller"
) -> Envelope | None:
    """Record a version and its command; None when the command's id stands for something else."""
    envelope = _envelope(version)
    recorded = await record_command(
        connection,
        envelope,
        subject_id=version.place.offer_id,
        party_id=version.place.lender_id,
        sent_by=sent_by,
    )
    if recorded != "new":
        return None
    await add_offer_version(connection, version, change_id=change_id)
    return envelope


def _envelope(version: OfferVersion) -> Envelope:
    place, terms = version.place, version.terms
    command = WithdrawOffer(offer_id=place.offer_id) if terms is None else PlaceOffer(offer=terms)
    return Envelope(command_id=version.command_id, company_id=place.company_id, at=version.at, command=command)
