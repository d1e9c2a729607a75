"""The allocation rule of one company's book: rate, then preference, then tickets, then pro-rata, then time.

`plan_cover_from` decides for one request which offers lend how much, at one clearing rate. It reserves nothing: the
caller records the plan and asks the lenders' purses. When some fall short, the rule is applied again to the refreshed
figures with what they have promised to this request counted as free, so the result is always the rule applied to the
truth.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from marketplace.allocation import guarantee as guarantee_gate
from marketplace.allocation.bucket_walk import BucketWalk
from marketplace.allocation.buckets import Bucket, walk_order
from marketplace.allocation.company_money import backstop_left_cents, loan_rate_cbp, tranche_cents
from marketplace.allocation.eligibility import NOTHING_PROMISED, Circumstances, Eligibility, OwnPromises
from marketplace.allocation.orders import CreditRequest
from marketplace.allocation.receipts import CompanyReceipt, DustPath, GateReceipt, Receipt
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.company_terms import WHOLE_BP, CompanyMoney, CompanyTerms, RateBand


class BookFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a book that one plan is made on, apart from its offers and standings.

    `guaranteed_cents` is the lenders' principal already under the company's guarantee and `budget_left_cents` what is
    left of the company's own money, both without what the request's own live cover reserves. `exposures` is what each
    lender has reserved or outstanding with this borrower, own cover included. `sequence` is the book's number of the
    plan, `now_at` its instant. Cash that has just come is seen one `staging_tick` later in books of tier B and two in
    books of tier C (0: at once). `company_arrears_bp` is the part of the company's loans that is in arrears.
    `lifted_lender_ids` took back what they held for the request.
    """

    guaranteed_cents: int
    budget_left_cents: int
    exposures: Mapping[str, int]
    sequence: int
    now_at: datetime
    staging_tick: timedelta = timedelta(0)
    company_arrears_bp: int = 0
    lifted_lender_ids: frozenset[str] = frozenset()


class LastChance(msgspec.Struct, frozen=True, kw_only=True):
    """How a request is planned at its expiry: as a loan of `amount_cents`, at most what was asked for, of which a
    company in backstop mode carries `backstop_cents` instead of closing a gap of less than a ticket."""

    amount_cents: int
    backstop_cents: int


class PlannedLeg(msgspec.Struct, frozen=True, gc=False):
    """One lender's part of a plan: `cents`, of which its purse must grant at least `min_cents`.

    `place` counts from 0 in order of filling.
    """

    lender_id: str
    offer_id: str
    strategy_id: str
    cents: int
    min_cents: int
    place: int


class CoverPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Legs and company money that together fund `amount_cents` at the clearing rate `rate_bp`.

    `loan_rate_cbp` is the loan's own rate in hundredths of a basis point: the clearing rate, lowered by a subsidised
    tranche. `company_cents` holds tranche and backstop. `rotated_lender_ids` were filled in a rationed bucket: their
    `last_rationed` becomes the book's sequence once the loan is covered.
    """

    rate_bp: int
    loan_rate_cbp: int
    amount_cents: int
    company_cents: int
    legs: tuple[PlannedLeg, ...]
    dust: DustPath
    rotated_lender_ids: tuple[str, ...]
    receipt: Receipt


class Uncovered(msgspec.Struct, frozen=True, kw_only=True):
    """The request stays in the book.

    `coverable_cents` is the company's tranche plus what the walk reached before it failed; `legs` are the latter, in
    order of filling, at `rate_bp` (None without any), `rotated_lender_ids` those of them filled in a rationed bucket.
    `guarantee`: lenders would have funded the loan, but the guarantee has no room for them.
    """

    reason: Literal["uncovered", "guarantee"]
    coverable_cents: int
    company_cents: int
    rate_bp: int | None
    legs: tuple[PlannedLeg, ...]
    rotated_lender_ids: tuple[str, ...]
    receipt: Receipt


def plan_cover_from(
    resting: RestingOffers,
    request: CreditRequest,
    terms: CompanyTerms,
    *,
    figures: BookFigures,
    own: OwnPromises = NOTHING_PROMISED,
    last_chance: LastChance | None = None,
) -> CoverPlan | Uncovered:
    """Apply the rule to one request and the offers of a book, reading no more of the book than the plan touches.

    `own` is what the request's live cover holds already, when the walk is repeated for it; with `last_chance` the loan
    of a request at its expiry is planned instead of the one it asked for. The book is put in the order
    these terms need, if it is in another; nothing else of it changes.

    A request whose term has no band, or whose highest rate is below the floor, is uncovered by nothing at all.
    """
    resting.arrange(terms, figures.now_at)
    planning = _Planning(
        resting=resting,
        request=request,
        terms=terms,
        band=terms.band(request.months),
        figures=figures,
        own=own,
        last_chance=last_chance,
    )
    whole = planning.walk_for(
        planning.asked_cents(), shrinkable_cents=terms.ticket_cents - 1 if last_chance is None else 0
    )
    if whole.walk.need_cents > 0:
        return planning.uncovered(whole, reason="uncovered", gate=None)
    gate = planning.gate(whole)
    if gate is None or gate.answer == "passed":
        return planning.cover(whole, gate)
    return _plan_within_head_room(planning, whole, gate)


def eligibility_for(
    request: CreditRequest,
    terms: CompanyTerms,
    band: RateBand,
    *,
    figures: BookFigures,
    own: OwnPromises = NOTHING_PROMISED,
    share_cap_cents: int | None,
) -> Eligibility:
    """By what a plan for the request judges single offers; `band` is that of its term."""
    given = Circumstances(
        borrower_id=request.borrower_id,
        months=request.months,
        purpose_class=request.purpose_class,
        ceiling_bp=band.ceiling_bp(request.max_rate_bp),
        ticket_cents=terms.ticket_cents,
        guarantee=terms.guarantee,
        guaranteed_cents=figures.guaranteed_cents,
        company_arrears_bp=figures.company_arrears_bp,
        exposures=figures.exposures,
        own=own,
        now_at=figures.now_at,
        staging_tick=figures.staging_tick,
        lifted_lender_ids=figures.lifted_lender_ids,
    )
    return Eligibility(given, share_cap_cents=share_cap_cents)


def share_cap_cents(terms: CompanyTerms, amount_cents: int) -> int | None:
    """The most that one lender may take of a loan of `amount_cents`, rounded down; None when nothing bounds it."""
    return None if terms.max_share_bp is None else amount_cents * terms.max_share_bp // WHOLE_BP


def _plan_within_head_room(planning: "_Planning", whole: "_Attempt", gate: GateReceipt) -> CoverPlan | Uncovered:
    """Plan the largest loan the guarantee has room for, if the borrower takes so little; else the request waits."""
    assert gate.head_room_cents is not None
    minimum_cents = planning.request.min_amount_cents
    amount_cents = planning.largest_amount_within(gate.head_room_cents)
    if amount_cents >= minimum_cents:
        shrinkable_cents = min(planning.terms.ticket_cents - 1, amount_cents - minimum_cents)
        if planning.last_chance is not None:
            shrinkable_cents = 0
        attempt = planning.walk_for(amount_cents, shrinkable_cents=shrinkable_cents)
        if attempt.walk.need_cents == 0:
            return planning.cover(attempt, msgspec.structs.replace(gate, answer="cut"))
    return planning.uncovered(whole, reason="guarantee", gate=gate)


class _Attempt(msgspec.Struct, frozen=True):
    """A finished walk for a loan of `amount_cents`, after a company tranche."""

    amount_cents: int
    tranche_cents: int
    share_cap_cents: int | None
    shrinkable_cents: int
    walk: BucketWalk

    def lender_cents(self) -> int:
        return self.walk.filled_cents()

    def legs(self) -> tuple[PlannedLeg, ...]:
        fills = self.walk.fills
        return tuple(
            [
                PlannedLeg(one.lender_id, one.offer_id, one.strategy_id, cents, one.minimum_cents, place)
                for place, (one, cents) in enumerate(fills)
            ]
        )


class _Planning(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one plan is decided on, and the steps of the rule around the walk."""

    resting: RestingOffers
    request: CreditRequest
    terms: CompanyTerms
    band: RateBand | None
    figures: BookFigures
    own: OwnPromises
    last_chance: LastChance | None

    def asked_cents(self) -> int:
        """The loan to plan: the one asked for, or a smaller one at expiry."""
        return self.request.amount_cents if self.last_chance is None else self.last_chance.amount_cents

    def walk_for(self, amount_cents: int, *, shrinkable_cents: int) -> _Attempt:
        """Company tranche, then the walk, for a loan of `amount_cents`; both empty when no rate suits both sides."""
        terms = self.terms
        is_rate_possible = self.band is not None and self.band.floor_bp <= self.request.max_rate_bp
        company_cents = self._tranche_cents(amount_cents) if is_rate_possible else 0
        share_cap = share_cap_cents(terms, amount_cents)
        shrinkable_cents = shrinkable_cents if self.request.accepts_shrink else 0
        walk = BucketWalk(
            self._buckets(share_cap) if is_rate_possible else iter(()),
            need_cents=amount_cents - company_cents,
            ticket_cents=terms.ticket_cents,
            max_lenders=terms.max_lenders,
            backstop_left_cents=backstop_left_cents(
                terms.company_money.mode, self.figures.budget_left_cents, company_cents
            ),
            shrinkable_cents=shrinkable_cents,
        )
        walk.run()
        return _Attempt(amount_cents, company_cents, share_cap, shrinkable_cents, walk)

    def gate(self, attempt: _Attempt) -> GateReceipt | None:
        """What the guarantee says to the lenders' part of the loan; None without a guarantee."""
        guarantee = self.terms.guarantee
        if guarantee is None:
            return None
        lender_cents = attempt.lender_cents()
        is_passed = lender_cents == 0 or guarantee_gate.is_within_limit(
            guarantee, guaranteed_cents=self.figures.guaranteed_cents + lender_cents
        )
        return GateReceipt(
            rate_bp=guarantee.rate_bp,
            coverage_bp=guarantee.coverage_bp,
            limit_cents=guarantee.limit_cents,
            guaranteed_cents=self.figures.guaranteed_cents,
            whole_lender_cents=lender_cents,
            head_room_cents=guarantee_gate.head_room_cents(guarantee, guaranteed_cents=self.figures.guaranteed_cents),
            answer="passed" if is_passed else "waits",
        )

    def largest_amount_within(self, head_room_cents: int) -> int:
        """The largest loan, at most the one asked for, whose tranche leaves lenders no more than `head_room_cents`."""
        # What is left to lenders never falls as the loan grows, so the boundary can be halved towards.
        low_cents, high_cents = 0, self.asked_cents()
        while low_cents < high_cents:
            middle_cents = (low_cents + high_cents + 1) // 2
            if middle_cents - self._tranche_cents(middle_cents) <= head_room_cents:
                low_cents = middle_cents
            else:
                high_cents = middle_cents - 1
        return low_cents

    def cover(self, attempt: _Attempt, gate: GateReceipt | None) -> CoverPlan:
        """The plan that a successful attempt makes."""
        walk, money = attempt.walk, self.terms.company_money
        assert self.band is not None
        assert walk.need_cents == 0, walk.need_cents
        rate_bp = self.band.floor_bp if walk.rate_bp is None else walk.rate_bp
        amount_cents = attempt.amount_cents - walk.shrunk_cents
        company_cents = attempt.tranche_cents + walk.backstop_cents
        assert company_cents + walk.filled_cents() == amount_cents, (company_cents, walk.fills, amount_cents)
        loan_cbp = loan_rate_cbp(
            clearing_bp=rate_bp,
            subsidised_bp=money.rate_bp,
            tranche_cents=attempt.tranche_cents,
            amount_cents=amount_cents,
        )
        return CoverPlan(
            rate_bp=rate_bp,
            loan_rate_cbp=loan_cbp,
            amount_cents=amount_cents,
            company_cents=company_cents,
            legs=attempt.legs(),
            dust="none" if walk.dust is None else walk.dust.path,
            rotated_lender_ids=tuple(walk.rotated_lender_ids),
            receipt=self._receipt(attempt, gate, outcome="covered", rate_bp=rate_bp, loan_rate_cbp=loan_cbp),
        )

    def uncovered(
        self, attempt: _Attempt, *, reason: Literal["uncovered", "guarantee"], gate: GateReceipt | None
    ) -> Uncovered:
        """What an attempt that cannot become a loan had reached."""
        company_cents = attempt.tranche_cents + attempt.walk.backstop_cents
        return Uncovered(
            reason=reason,
            coverable_cents=company_cents + attempt.lender_cents(),
            company_cents=company_cents,
            rate_bp=attempt.walk.rate_bp,
            legs=attempt.legs(),
            rotated_lender_ids=tuple(attempt.walk.rotated_lender_ids),
            receipt=self._receipt(attempt, gate, outcome=reason, rate_bp=None, loan_rate_cbp=None),
        )

    def _buckets(self, share_cap_cents: int | None) -> Iterator[Bucket]:
        assert self.band is not None
        eligibility = eligibility_for(
            self.request, self.terms, self.band, figures=self.figures, own=self.own, share_cap_cents=share_cap_cents
        )
        return walk_order(self.resting, eligibility)

    def _tranche_cents(self, amount_cents: int) -> int:
        money, budget_left_cents = self.terms.company_money, self.figures.budget_left_cents
        if self.last_chance is not None and money.mode == "backstop":
            money, budget_left_cents = CompanyMoney(mode="first"), self.last_chance.backstop_cents
        return tranche_cents(
            money,
            amount_cents=amount_cents,
            budget_left_cents=budget_left_cents,
            ticket_cents=self.terms.ticket_cents,
        )

    def _receipt(
        self,
        attempt: _Attempt,
        gate: GateReceipt | None,
        *,
        outcome: Literal["covered", "uncovered", "guarantee"],
        rate_bp: int | None,
        loan_rate_cbp: int | None,
    ) -> Receipt:
        money, walk = self.terms.company_money, attempt.walk
        return Receipt(
            sequence=self.figures.sequence,
            decided_at=self.figures.now_at,
            terms_version=self.terms.version,
            request=self.request,
            floor_bp=None if self.band is None else self.band.floor_bp,
            ceiling_bp=None if self.band is None else self.band.ceiling_bp(self.request.max_rate_bp),
            ticket_cents=self.terms.ticket_cents,
            max_lenders=self.terms.max_lenders,
            share_cap_cents=attempt.share_cap_cents,
            planned_amount_cents=attempt.amount_cents,
            shrinkable_cents=attempt.shrinkable_cents,
            company=CompanyReceipt(
                mode=money.mode,
                share_bp=money.share_bp,
                subsidised_rate_bp=money.rate_bp,
                budget_left_cents=self.figures.budget_left_cents,
                tranche_cents=attempt.tranche_cents,
                backstop_cents=walk.backstop_cents,
            ),
            buckets=walk.bucket_receipts(),
            dust=walk.dust,
            gate=gate,
            outcome=outcome,
            reached_cents=attempt.tranche_cents + walk.backstop_cents + walk.filled_cents(),
            rate_bp=rate_bp,
            loan_rate_cbp=loan_rate_cbp,
        )
