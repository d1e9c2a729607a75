"""What the facts of books change in PostgreSQL: commands, offers, requests, covers, fills, and payments to be made."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Self, TypeVar
from uuid import UUID

import msgspec

from marketplace.book.book_events import (
    AnyBookEvent,
    CommandRefused,
    CoverAmended,
    Covered,
    CoverProposed,
    CoverReleased,
    HoldLifted,
    LegDenied,
    LegReleased,
    LegTaken,
    OfferPlaced,
    OfferWithdrawn,
    PlannedCover,
    RequestClosed,
    RequestOpened,
    RequestSigned,
    TermsPublished,
)
from persistence.connection import AnyConnection
from persistence.journal_facts import BookFact
from persistence.projected_book_rows import (
    CoverRow,
    Decision,
    FillRow,
    OfferRow,
    PublishedTerms,
    RequestChange,
    WithdrawnOffer,
    load_covers,
    load_fills,
    write_covers,
    write_decisions,
    write_fills,
    write_offers,
    write_requests,
    write_terms,
)
from persistence.projected_book_states import BookStateProjection
from persistence.projection_refused import ProjectionRefused
from persistence.signed_covers import SignedCover, ask_for_payments

Row = TypeVar("Row")


class BookProjection:
    """The rows that a transaction's book facts change: loaded, folded in order of the facts, written at once."""

    def __init__(self, *, covers: Iterable[CoverRow], fills: Iterable[FillRow]) -> None:
        self._covers = {cover.cover_id: cover for cover in covers}
        self._fills = {fill.fill_id: fill for fill in fills}
        self._fills_of: dict[str, list[FillRow]] = {}
        for fill in self._fills.values():
            self._fills_of.setdefault(fill.cover_id, []).append(fill)
        self._changed_fills: set[str] = set()
        self._changed_covers: set[str] = set()
        self._offers: dict[str, OfferRow] = {}
        self._withdrawn: dict[str, WithdrawnOffer] = {}
        self._requests: dict[str, RequestChange] = {}
        self._terms: list[PublishedTerms] = []
        self._decisions: dict[str, Decision] = {}
        self._signed: list[SignedCover] = []
        self._states = BookStateProjection()

    @classmethod
    async def load(cls, connection: AnyConnection, facts: Sequence[BookFact]) -> Self:
        """With the covers that `facts` speak of and all their fills, as they are recorded."""
        cover_ids = sorted({cover_id for fact in facts if (cover_id := _cover_of(fact.record.event)) is not None})
        return cls(covers=await load_covers(connection, cover_ids), fills=await load_fills(connection, cover_ids))

    def fold(self, fact: BookFact) -> None:
        """Take one fact in. Raises ProjectionRefused for a cover or fill that nothing has named before."""
        self._note_decision(fact)
        self._states.fold(fact)
        at, company_id = fact.record.at, fact.record.company_id
        match fact.record.event:
            case TermsPublished(terms=terms):
                self._terms.append(PublishedTerms(company_id=company_id, version=terms.version, at=at))
            case OfferPlaced() as event:
                self._withdrawn.pop(event.offer.offer_id, None)
                self._offers[event.offer.offer_id] = _offer_row(company_id, event, at)
            case OfferWithdrawn(offer_id=offer_id):
                self._withdrawn[offer_id] = WithdrawnOffer(id=offer_id, at=at)
            case RequestOpened(request=request, expires_at=expires_at):
                change = self._request(request.request_id, "open")
                change.approval_sequence = request.approval_sequence
                change.opened_at, change.expires_at = at, expires_at
            case RequestClosed(request_id=request_id, why=why):
                self._request(request_id, why).closed_at = at
            case CoverProposed() as event:
                self._propose(fact, event)
            case CoverAmended() as event:
                self._amend(fact, event)
            case LegTaken() as event:
                self._take(event)
            case LegDenied(fill_id=fill_id):
                fill = self._fill(fill_id)
                fill.book_state = "denied"
                if fill.replaces_fill_id is not None:
                    self._fill(fill.replaces_fill_id).book_state = "taken"
            case HoldLifted() as event:
                self._lift(event)
            case Covered() as event:
                self._complete(event, at)
            case CoverReleased() as event:
                self._release(event, at)
            case LegReleased(fill_id=fill_id):
                self._fill(fill_id).book_state = "ended"
            case RequestSigned() as event:
                self._sign(event, at)
            case _:
                pass  # the rest changes what the book knows, not what stands in rows

    # ── folding ─────────────────────────────────────────────────────────────

    def _note_decision(self, fact: BookFact) -> None:
        """The first event that a command caused is its outcome."""
        event, cause_id = fact.record.event, fact.record.cause_id
        if cause_id in self._decisions or not _is_uuid(cause_id):
            return
        refusal = msgspec.json.encode(event.refusal).decode() if isinstance(event, CommandRefused) else None
        self._decisions[cause_id] = Decision(
            id=cause_id,
            outcome="ok" if refusal is None else "refused",
            refusal=refusal,
            shard=fact.entry.shard,
            seq=fact.entry.seq,
            at=fact.record.at,
        )

    def _request(self, request_id: str, state: str) -> RequestChange:
        change = self._requests.setdefault(request_id, RequestChange(id=request_id, state=state))
        change.state = state
        return change

    def _propose(self, fact: BookFact, event: CoverProposed) -> None:
        cover_id = f"{fact.entry.shard}:{fact.entry.seq}"
        cover = CoverRow(
            cover_id=cover_id,
            request_id=event.request_id,
            company_id=fact.record.company_id,
            shard=fact.entry.shard,
            plan_seq=fact.entry.seq,
            state="proposed",
            round=0,
            amount_cents=event.plan.amount_cents,
            company_cents=event.plan.company_cents,
            rate_bp=event.plan.rate_bp,
            loan_rate_cbp=event.plan.loan_rate_cbp,
            dust=event.plan.dust,
            released_why=None,
            proposed_at=fact.record.at,
            covered_at=None,
            released_at=None,
            is_holding=event.plan.is_holding,
        )
        self._covers[cover_id] = cover
        self._changed_covers.add(cover_id)
        self._add_fills(cover, event.plan, fact.entry.seq)

    def _amend(self, fact: BookFact, event: CoverAmended) -> None:
        cover = self._cover(event.cover_id)
        cover.plan_seq, cover.round = fact.entry.seq, event.round
        cover.amount_cents, cover.company_cents = event.plan.amount_cents, event.plan.company_cents
        cover.rate_bp, cover.loan_rate_cbp = event.plan.rate_bp, event.plan.loan_rate_cbp
        cover.dust, cover.is_holding = event.plan.dust, event.plan.is_holding
        kept = {leg.kept_fill_id for leg in event.plan.legs} | {leg.replaces for leg in event.plan.legs}
        for fill in self._fills_of.get(cover.cover_id, ()):
            if fill.book_state in ("asked", "taken") and fill.fill_id not in kept:
                self._fill(fill.fill_id).book_state = "releasing"
        self._add_fills(cover, event.plan, fact.entry.seq)

    def _add_fills(self, cover: CoverRow, plan: PlannedCover, seq: int) -> None:
        for place, leg in enumerate(plan.legs):
            if leg.kept_fill_id is not None:
                continue
            if leg.replaces is not None:
                self._fill(leg.replaces).book_state = "superseded"
            fill = FillRow(
                fill_id=f"{cover.shard}.{seq}.{place}",
                cover_id=cover.cover_id,
                request_id=cover.request_id,
                company_id=cover.company_id,
                lender_id=leg.lender_id,
                offer_id=leg.offer_id,
                strategy_id=leg.strategy_id,
                wanted_cents=leg.cents,
                book_state="asked",
                amount_book_cents=None,
                replaces_fill_id=leg.replaces,
            )
            self._fills[fill.fill_id] = fill
            self._fills_of.setdefault(cover.cover_id, []).append(fill)
            self._changed_fills.add(fill.fill_id)

    def _take(self, event: LegTaken) -> None:
        fill = self._fill(event.fill_id)
        fill.book_state, fill.amount_book_cents = "taken", event.cents
        if fill.replaces_fill_id is not None:
            self._fill(fill.replaces_fill_id).book_state = "ended"

    def _lift(self, event: HoldLifted) -> None:
        """The lender's part goes out of the plan; what its purse holds for it is on its way back."""
        cover = self._cover(event.cover_id)
        for fill in self._fills_of.get(event.cover_id, ()):
            if fill.lender_id != event.lender_id or fill.book_state in ("ended", "denied"):
                continue
            if fill.book_state in ("asked", "taken"):
                assert fill.wanted_cents is not None, fill.fill_id
                cover.amount_cents -= fill.amount_book_cents or fill.wanted_cents
            self._fill(fill.fill_id).book_state = "releasing"

    def _complete(self, event: Covered, at: datetime) -> None:
        cover = self._cover(event.cover_id)
        cover.state, cover.covered_at = "covered", at
        change = self._request(event.request_id, "covered")
        change.cover_id, change.covered_cents = event.cover_id, event.amount_cents
        change.company_cents, change.rate_bp = event.company_cents, event.rate_bp
        change.loan_rate_cbp, change.terms_version = event.loan_rate_cbp, event.terms_version
        change.covered_at, change.accept_until_at = at, event.accept_until_at

    def _release(self, event: CoverReleased, at: datetime) -> None:
        cover = self._cover(event.cover_id)
        cover.state, cover.released_why, cover.released_at = "released", event.why, at
        for fill in self._fills_of.get(event.cover_id, ()):
            if fill.book_state not in ("ended", "denied"):
                self._fill(fill.fill_id).book_state = "releasing"

    def _sign(self, event: RequestSigned, at: datetime) -> None:
        self._cover(event.cover_id).state = "signed"
        for covered in event.fills:
            self._fill(covered.fill_id).book_state = "signed"
        self._request(event.request_id, "signed").signed_at = at
        self._signed.append(SignedCover(event, at))

    def _fill(self, fill_id: str) -> FillRow:
        """The row of a fill, which the caller is about to change."""
        if fill_id not in self._fills:
            raise ProjectionRefused(f"no event has named fill {fill_id}")
        self._changed_fills.add(fill_id)
        return self._fills[fill_id]

    def _cover(self, cover_id: str) -> CoverRow:
        """The row of a cover, which the caller is about to change."""
        if cover_id not in self._covers:
            raise ProjectionRefused(f"no event has proposed cover {cover_id}")
        self._changed_covers.add(cover_id)
        return self._covers[cover_id]

    # ── writing ─────────────────────────────────────────────────────────────

    async def write(self, connection: AnyConnection) -> None:
        """Record everything, in as many statements as there are tables concerned, rows in one order."""
        await write_covers(connection, [self._covers[key] for key in sorted(self._changed_covers)])
        await write_fills(connection, [self._fills[key] for key in sorted(self._changed_fills)])
        await write_offers(connection, _by_key(self._offers), _by_key(self._withdrawn))
        await write_requests(connection, _by_key(self._requests))
        await write_terms(connection, self._terms)
        await write_decisions(connection, _by_key(self._decisions))
        await self._states.write(connection)
        await ask_for_payments(connection, self._signed)


def _cover_of(event: AnyBookEvent) -> str | None:
    match event:
        case (
            CoverAmended(cover_id=cover_id)
            | LegTaken(cover_id=cover_id)
            | LegDenied(cover_id=cover_id)
            | Covered(cover_id=cover_id)
            | CoverReleased(cover_id=cover_id)
            | HoldLifted(cover_id=cover_id)
            | LegReleased(cover_id=cover_id)
            | RequestSigned(cover_id=cover_id)
        ):
            return cover_id
        case _:
            return None


def _offer_row(company_id: str, event: OfferPlaced, at: datetime) -> OfferRow:
    offer = event.offer
    return OfferRow(
        id=offer.offer_id,
        company_id=company_id,
        lender_id=offer.lender_id,
        strategy_id=offer.strategy_id,
        ask_bp=offer.ask_bp,
        tier=offer.tier,
        months=",".join(map(str, offer.months)),
        min_ticket_cents=offer.min_ticket_cents,
        per_request_cents=offer.per_request_cents,
        per_borrower_cents=offer.per_borrower_cents,
        per_company_cents=offer.per_company_cents,
        strategy_rank=offer.strategy_rank,
        asks_by_term=_json(offer.asks_by_term),
        floating=None if offer.floating is None else _json(offer.floating),
        is_all_or_none=offer.is_all_or_none,
        filters=_json(offer.filters),
        is_paused=offer.is_paused,
        sequence=event.sequence,
        at=at,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _is_uuid(text: str) -> bool:
    if len(text) != 36:
        return False
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _by_key(rows: dict[str, Row]) -> list[Row]:
    return [rows[key] for key in sorted(rows)]
