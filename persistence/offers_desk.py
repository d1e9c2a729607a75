"""Lenders' offers on their way to books: what is checked before a command is recorded."""

from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from marketplace.commands import Envelope, PlaceOffer, WithdrawOffer
from marketplace.offer_terms import OfferTerms
from persistence.command_rows import decode_command, record_command
from persistence.connection import AnyConnection

TIER_A_COMPANIES_MAX = 3
"""Preferring everybody is preferring nobody: a lender has so many companies in tier A."""

_WITHDRAWALS = UUID("5e9f7c14-2b83-5d60-8a47-c1d0b6f3e925")


class OfferTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The command stands, `is_new` or from before, and is to be sent after the commit."""

    envelope: Envelope
    is_new: bool


class OfferIdReused(msgspec.Struct, frozen=True, kw_only=True):
    """The id stands for another offer, or the same with other terms."""


class TierAFull(msgspec.Struct, frozen=True, kw_only=True):
    """The lender prefers as many companies as it may."""

    used: int
    limit: int


class KycNotAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The identity check is not over."""

    kyc_state: str


class NotTheLendersStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """The strategy is unknown or somebody else's."""


class CompanyUnknown(msgspec.Struct, frozen=True, kw_only=True):
    """There is no such company."""


OfferOutcome = OfferTaken | OfferIdReused | TierAFull | KycNotAccepted | NotTheLendersStrategy | CompanyUnknown


async def place_offer(connection: AnyConnection, company_id: str, offer: OfferTerms, *, at: datetime) -> OfferOutcome:
    """Record the command that places an offer, in the caller's transaction. The offer's id is the command's."""
    lender = await connection.fetchrow("SELECT kyc_state FROM party WHERE id = $1 FOR NO KEY UPDATE", offer.lender_id)
    assert lender is not None, offer.lender_id
    known = await _placed_before(connection, company_id, offer)
    if known is not None:
        return known
    if not await connection.fetchval("SELECT true FROM company WHERE id = $1", company_id):
        return CompanyUnknown()
    if lender["kyc_state"] != "accepted":
        return KycNotAccepted(kyc_state=lender["kyc_state"])
    is_own = await connection.fetchval(
        "SELECT true FROM strategy WHERE id = $1 AND lender_id = $2", offer.strategy_id, offer.lender_id
    )
    if not is_own:
        return NotTheLendersStrategy()
    if offer.tier == "A":
        used = await _companies_preferred(connection, offer.lender_id, but=company_id)
        if used >= TIER_A_COMPANIES_MAX:
            return TierAFull(used=used, limit=TIER_A_COMPANIES_MAX)
    envelope = Envelope(command_id=offer.offer_id, company_id=company_id, at=at, command=PlaceOffer(offer=offer))
    recorded = await record_command(
        connection, envelope, subject_id=offer.offer_id, party_id=offer.lender_id, sent_by="caller"
    )
    return OfferTaken(envelope=envelope, is_new=True) if recorded == "new" else OfferIdReused()


async def withdraw_offer(
    connection: AnyConnection, company_id: str, offer_id: str, *, lender_id: str, at: datetime
) -> OfferTaken | None:
    """Record the command that takes a lender's own offer out of a book; None for anybody else's."""
    is_own = await connection.fetchval(
        "SELECT true FROM command WHERE id = $1 AND company_id = $2 AND party_id = $3 AND kind = 'place_offer'",
        offer_id,
        company_id,
        lender_id,
    )
    if not is_own:
        return None
    command_id = str(uuid5(_WITHDRAWALS, offer_id))
    at = await connection.fetchval("SELECT at FROM command WHERE id = $1", command_id) or at
    envelope = Envelope(command_id=command_id, company_id=company_id, at=at, command=WithdrawOffer(offer_id=offer_id))
    recorded = await record_command(connection, envelope, subject_id=offer_id, party_id=lender_id, sent_by="caller")
    return OfferTaken(envelope=envelope, is_new=recorded == "new")


async def _placed_before(
    connection: AnyConnection, company_id: str, offer: OfferTerms
) -> OfferTaken | OfferIdReused | None:
    row = await connection.fetchrow("SELECT company_id, body, at FROM command WHERE id = $1", offer.offer_id)
    if row is None:
        return None
    command = decode_command(row["body"])
    if row["company_id"] != company_id or command != PlaceOffer(offer=offer):
        return OfferIdReused()
    envelope = Envelope(command_id=offer.offer_id, company_id=company_id, at=row["at"], command=command)
    return OfferTaken(envelope=envelope, is_new=False)


async def _companies_preferred(connection: AnyConnection, lender_id: str, *, but: str) -> int:
    """Companies in which the lender has a tier A offer, standing or on its way, other than `but`."""
    count: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
            SELECT company_id FROM offer WHERE lender_id = $1 AND tier = 'A' AND state = 'standing'
            UNION
            SELECT company_id FROM command WHERE party_id = $1 AND kind = 'place_offer' AND state = 'received'
                AND body -> 'offer' ->> 'tier' = 'A'
        ) AS preferred WHERE company_id <> $2
        """,
        lender_id,
        but,
    )
    return count
