"""The walk of one request over the buckets of a book, until its need is met or nothing is left that could meet it."""

from collections.abc import Iterator

import msgspec

from marketplace.allocation.buckets import Bucket
from marketplace.allocation.dust import shave
from marketplace.allocation.eligibility import Candidate
from marketplace.allocation.rationing import Rationing, ration
from marketplace.allocation.receipts import BucketReceipt, DustPath, DustReceipt, RationingReceipt, Treatment


class _Visit(msgspec.Struct, frozen=True):
    """A bucket of the walk, with the need before it and what became of it."""

    bucket: Bucket
    need_cents: int
    treatment: Treatment
    rationing: Rationing | None = None


class BucketWalk:
    """Fills a need from `buckets`, taken in walking order; `run` once, then read what came of it.

    `fills` are (candidate, cents) in order of filling, `rate_bp` the highest price among them (None without any),
    `need_cents` what is still missing: 0 when the walk succeeded. `backstop_cents` and `shrunk_cents` say who closed
    the last gap; `rotated_lender_ids` are those filled in a rationed bucket, who go to the back of the ticket round.

    `backstop_left_cents` is the company money that may close a gap of less than a ticket; a gap of at most
    `shrinkable_cents` may instead be dropped from the loan rather than pay a dearer bucket.
    """

    def __init__(
        self,
        buckets: Iterator[Bucket],
        *,
        need_cents: int,
        ticket_cents: int,
        max_lenders: int,
        backstop_left_cents: int,
        shrinkable_cents: int,
    ) -> None:
        self.need_cents = need_cents
        self.fills: list[tuple[Candidate, int]] = []
        self.rate_bp: int | None = None
        self.backstop_cents = 0
        self.shrunk_cents = 0
        self.rotated_lender_ids: list[str] = []
        self.dust: DustReceipt | None = None
        self._buckets = buckets
        self._ticket_cents = ticket_cents
        self._max_lenders = max_lenders
        self._backstop_left_cents = backstop_left_cents
        self._shrinkable_cents = shrinkable_cents
        self._visits: list[_Visit] = []

    def run(self) -> None:
        """Walk until the need is met or no bucket is left."""
        while self.need_cents > 0:
            bucket = self._next_bucket()
            if bucket is None:
                if self._is_gap_for_backstop():
                    self._close_gap_with_backstop()
                return
            if bucket.has_ticket_within(self.need_cents):
                self._fill(bucket)
            elif not self._close_gap_before(bucket):
                self._note(bucket, "no-ticket-fits")

    def filled_cents(self) -> int:
        """What lenders put in."""
        return sum([cents for _, cents in self.fills])

    def bucket_receipts(self) -> tuple[BucketReceipt, ...]:
        """What the walk touched, bucket by bucket. Once it is over: what they lend is written into the candidates."""
        for candidate, cents in self.fills:
            candidate.filled_cents = cents
        return tuple([_bucket_receipt(visit) for visit in self._visits])

    def _next_bucket(self) -> Bucket | None:
        """The next bucket with an eligible offer, None when there is none or no lender may be added."""
        if len(self.fills) >= self._max_lenders:
            return None
        for bucket in self._buckets:
            if bucket.first() is not None:
                return bucket
            self._note(bucket, "nobody-eligible")
        return None

    def _fill(self, bucket: Bucket) -> None:
        lenders_room = self._max_lenders - len(self.fills)
        if bucket.fits_whole(self.need_cents, lenders_room):
            self._note(bucket, "full")
            fills = [(candidate, candidate.capacity_cents) for candidate in bucket.seen]
        else:
            rationing = ration(
                bucket,
                quantity_cents=self.need_cents,
                lenders_room=lenders_room,
                ticket_cents=self._ticket_cents,
            )
            self._note(bucket, "rationed", rationing)
            fills = list(rationing.fills)
            self.rotated_lender_ids += [candidate.lender_id for candidate, _ in fills]
        self.fills += fills
        self.need_cents -= sum([cents for _, cents in fills])
        self.rate_bp = bucket.price_bp

    def _close_gap_before(self, bucket: Bucket) -> bool:
        """Close a gap in which no ticket of the next `bucket` fits; False when the walk has to go on beyond it."""
        if self.rate_bp is None:
            return False
        if self._is_gap_for_backstop():
            self._note(bucket, "last-gap")
            self._close_gap_with_backstop()
            return True
        if bucket.price_bp > self.rate_bp and self.need_cents <= self._shrinkable_cents:
            self._note(bucket, "last-gap")
            self.shrunk_cents = self.need_cents
            self._close_dust("shrunk")
            return True
        return self._shave_a_ticket_for(bucket)

    def _is_gap_for_backstop(self) -> bool:
        return (
            self.rate_bp is not None
            and self.need_cents < self._ticket_cents
            and self.need_cents <= self._backstop_left_cents
        )

    def _close_gap_with_backstop(self) -> None:
        self.backstop_cents = self.need_cents
        self._close_dust("backstop")

    def _shave_a_ticket_for(self, bucket: Bucket) -> bool:
        newcomer = bucket.first()
        assert newcomer is not None
        cuts = shave(
            [cents for _, cents in self.fills],
            [candidate.minimum_cents for candidate, _ in self.fills],
            excess_cents=newcomer.minimum_cents - self.need_cents,
        )
        if cuts is None:
            return False
        self._note(bucket, "ticket-made")
        self.fills = [(candidate, cents - cut) for (candidate, cents), cut in zip(self.fills, cuts, strict=True)]
        self.fills.append((newcomer, newcomer.minimum_cents))
        self.rate_bp = bucket.price_bp
        self._close_dust("shaved", tuple(cuts))
        return True

    def _close_dust(self, path: DustPath, cuts_cents: tuple[int, ...] = ()) -> None:
        self.dust = DustReceipt(path=path, missing_cents=self.need_cents, cuts_cents=cuts_cents)
        self.need_cents = 0

    def _note(self, bucket: Bucket, treatment: Treatment, rationing: Rationing | None = None) -> None:
        self._visits.append(_Visit(bucket, self.need_cents, treatment, rationing))


def _bucket_receipt(visit: _Visit) -> BucketReceipt:
    bucket, rationing = visit.bucket, visit.rationing
    return BucketReceipt(
        price_bp=bucket.price_bp,
        tier=bucket.tier,
        need_cents=visit.need_cents,
        treatment=visit.treatment,
        candidates=tuple(bucket.seen),
        is_rest_untouched=not bucket.is_exhausted,
        obstacles=bucket.obstacles,
        rationing=None
        if rationing is None
        else RationingReceipt(
            quantity_cents=rationing.quantity_cents,
            tickets_cents=rationing.tickets_cents,
            rest_cents=rationing.quantity_cents - rationing.tickets_cents,
            rooms_cents=rationing.rooms_cents,
            remainders=rationing.remainders,
            carried_cents=rationing.carried_cents,
        ),
    )
