"""A rationed bucket looked at again: what each offer's turn in the two rounds was, from the receipt alone."""

from collections.abc import Iterator

import msgspec

from marketplace.allocation.apportionment import apportion
from marketplace.allocation.receipts import BucketReceipt, CandidateReceipt


class ProRata(msgspec.Struct, frozen=True, kw_only=True):
    """One offer's part of the second round: `rest_cents` × `room_cents` ÷ `rooms_cents`, rounded to the whole cents of
    `share_cents`. `has_extra_cent`: its fraction was among the largest, so it was rounded up."""

    rest_cents: int
    room_cents: int
    rooms_cents: int
    share_cents: int
    has_extra_cent: bool

    @property
    def is_whole(self) -> bool:
        """Whether the exact share is a whole number of cents."""
        return self.rest_cents * self.room_cents % self.rooms_cents == 0


class TicketTurn(msgspec.Struct, frozen=True, kw_only=True):
    """An offer's turn in the first round. `left_cents` were still to be given, to `places_left` more lenders.

    `pro_rata` is None where the rest of the second round filled every room whole.
    """

    candidate: CandidateReceipt
    has_ticket: bool
    left_cents: int
    places_left: int
    pro_rata: ProRata | None


def is_rationed_by_places(bucket: BucketReceipt) -> bool:
    """Whether a bucket was rationed though its offers do not exceed the need: it had more lenders than places."""
    return sum(candidate.capacity_cents for candidate in bucket.candidates) <= bucket.need_cents


def ticket_turns(bucket: BucketReceipt, *, lenders_room: int) -> Iterator[TicketTurn]:
    """The turns of a rationed bucket's candidates, in their order, when `lenders_room` lenders could still be added."""
    rationing = bucket.rationing
    assert rationing is not None, bucket
    # Shaving leaves everybody its ticket, so who has something in the end had a ticket.
    ticketed = [candidate for candidate in bucket.candidates if candidate.filled_cents > 0]
    rooms = [candidate.capacity_cents - candidate.minimum_cents for candidate in ticketed]
    is_rest_scarce = rationing.rest_cents < rationing.rooms_cents
    shares = iter(apportion(rationing.rest_cents, rooms) if is_rest_scarce else rooms)
    left_cents = rationing.quantity_cents
    for candidate in bucket.candidates:
        has_ticket = candidate.filled_cents > 0
        pro_rata = None
        if has_ticket:
            share_cents, room_cents = next(shares), candidate.capacity_cents - candidate.minimum_cents
            if is_rest_scarce:
                floor_cents = rationing.rest_cents * room_cents // rationing.rooms_cents
                pro_rata = ProRata(
                    rest_cents=rationing.rest_cents,
                    room_cents=room_cents,
                    rooms_cents=rationing.rooms_cents,
                    share_cents=share_cents,
                    has_extra_cent=share_cents > floor_cents,
                )
        yield TicketTurn(
            candidate=candidate,
            has_ticket=has_ticket,
            left_cents=left_cents,
            places_left=lenders_room,
            pro_rata=pro_rata,
        )
        if has_ticket:
            left_cents -= candidate.minimum_cents
            lenders_room -= 1
