"""The stored reasoning of one allocation: enough to compute it again, and to tell every lender why.

A receipt holds what the walk touched in full and one reason for each class of offers it did not touch, so it costs what
the cover costs, not what the book holds. Encoded twice it gives the same bytes.
"""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from marketplace.allocation.eligibility import Candidate, Obstacle
from marketplace.allocation.orders import CreditRequest
from marketplace.company_terms import CompanyMode
from marketplace.strategies.offer_terms import Tier

DustPath = Literal["none", "backstop", "shrunk", "shaved"]

Treatment = Literal["full", "rationed", "ticket-made", "last-gap", "no-ticket-fits", "nobody-eligible"]
"""What became of a bucket: everybody filled to capacity; shared by tickets and pro-rata; its first offer given a ticket
made by shaving; only looked at, because the gap before it was closed without it; passed over, because no ticket fitted
the need; or empty for this request."""


CandidateReceipt: TypeAlias = Candidate
"""An eligible offer the walk looked at, as it judged it."""


class RationingReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The arithmetic of a rationed bucket, for those who got a ticket in the order of the candidates.

    `rest_cents` was shared over rooms (capacity − ticket) summing to `rooms_cents`; `remainders` are the numerators of
    the fractions of a cent over `rooms_cents`, largest rounded up first; empty when the rest filled every room whole.
    """

    quantity_cents: int
    tickets_cents: int
    rest_cents: int
    rooms_cents: int
    remainders: tuple[int, ...]
    carried_cents: int


class BucketReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """One bucket that was walked, in walking order, with the need before it.

    `candidates` are those looked at, in order of the ticket round. When `is_rest_untouched`, offers may stand behind
    them whose turn did not come: no whole ticket was left for them, or the number of lenders was complete.
    `obstacles` counts by reason the looked-at offers that could not lend, and all those here whose conditions the
    company or the purpose does not meet.
    """

    price_bp: int
    tier: Tier
    need_cents: int
    treatment: Treatment
    candidates: tuple[CandidateReceipt, ...]
    is_rest_untouched: bool
    obstacles: dict[Obstacle, int]
    rationing: RationingReceipt | None


class DustReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """How a last gap was closed. `cuts_cents` are what shaving took from each fill, in order of filling."""

    path: DustPath
    missing_cents: int
    cuts_cents: tuple[int, ...] = ()


class CompanyReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The company's own money in this plan: a tranche taken before the walk, or a gap closed after it."""

    mode: CompanyMode
    share_bp: int
    subsidised_rate_bp: int | None
    budget_left_cents: int
    tranche_cents: int
    backstop_cents: int


class GateReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The guarantee gate at the moment of deciding.

    `whole_lender_cents` of lenders' money would have been guaranteed by the whole loan, beside the `guaranteed_cents`
    already there; `head_room_cents` is what could be added (None: unbounded). `cut` means that a smaller loan within
    the head-room was planned instead, as the borrower allows.
    """

    rate_bp: int
    coverage_bp: int
    limit_cents: int
    guaranteed_cents: int
    whole_lender_cents: int
    head_room_cents: int | None
    answer: Literal["passed", "cut", "waits"]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The reasoning of one plan, covered or not.

    `sequence` is the book's, `decided_at` the instant it was planned for. `floor_bp` and `ceiling_bp` bound the rate:
    what the terms and the borrower both allow, None when the terms have no band for the request.
    `planned_amount_cents` is the loan that was walked for: the request's amount, or what the guarantee gate left of it,
    and the loan may lack up to `shrinkable_cents` of it; `reached_cents` is what company and lenders put together.

    What is not listed has its reason too. Offers that ask more than `ceiling_bp` cannot lend to this request. Offers
    behind the last bucket listed are dearer than the loan needed, or less preferred at its price; those behind the last
    candidate of a bucket found no ticket left, or the number of lenders complete. In no bucket at all are offers that
    do not accept the term, are paused or barred, or have less than a ticket left for any request.
    """

    sequence: int
    decided_at: datetime
    terms_version: int
    request: CreditRequest
    floor_bp: int | None
    ceiling_bp: int | None
    ticket_cents: int
    max_lenders: int
    share_cap_cents: int | None
    planned_amount_cents: int
    shrinkable_cents: int
    company: CompanyReceipt
    buckets: tuple[BucketReceipt, ...]
    dust: DustReceipt | None
    gate: GateReceipt | None
    outcome: Literal["covered", "uncovered", "guarantee"]
    reached_cents: int
    rate_bp: int | None
    loan_rate_cbp: int | None

    def is_rate_possible(self) -> bool:
        """Whether some rate suits both the company's terms and the borrower; else nobody was asked."""
        return self.floor_bp is not None and self.floor_bp <= self.request.max_rate_bp


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Receipt)


def encode_receipt(receipt: Receipt) -> bytes:
    """The receipt as JSON, fields in the order they are declared; equal receipts give equal bytes."""
    return _encoder.encode(receipt)


def decode_receipt(encoded: bytes) -> Receipt:
    """A stored receipt. Raises `msgspec.ValidationError` when it is not one."""
    return _decoder.decode(encoded)
