"""How one bucket of crowds shares what a request needs: the rule's rounds on sums instead of single lenders.

Whole where all fit; else a ticket each, to those who have waited longest when there are not enough, and the rest in
proportion to the room above the tickets. Inside a crowd everybody counts as the average of it.
"""

from collections.abc import Sequence

import msgspec


class CrowdRoom(msgspec.Struct, frozen=True, gc=False):
    """`count` lenders of a crowd who can lend `capacity_cents` together, with `ticket_cents` as the sum of tickets."""

    count: int
    capacity_cents: int
    ticket_cents: int


class OwnRoom(msgspec.Struct, frozen=True, gc=False):
    """The one lender that is followed: what it can lend, its ticket, and how many of the bucket stand before it."""

    capacity_cents: int
    ticket_cents: int
    ahead: int


class BucketShares(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a bucket gives to a request: cents of each crowd and of the followed lender, and the number of lenders.

    `ahead` is how many stand before the followed lender afterwards, None where it did not take part.
    """

    crowd_cents: tuple[int, ...]
    own_cents: int
    lender_count: int
    ahead: int | None

    @property
    def cents(self) -> int:
        """All that the bucket gives."""
        return sum(self.crowd_cents) + self.own_cents


def bucket_shares(
    crowds: Sequence[CrowdRoom], own: OwnRoom | None, *, need_cents: int, lenders_room: int
) -> BucketShares:
    """Share `need_cents` (positive) among the lenders of a bucket, of whom at most `lenders_room` (1 or more) lend."""
    count = sum(crowd.count for crowd in crowds) + (own is not None)
    capacity_cents = sum(crowd.capacity_cents for crowd in crowds) + (0 if own is None else own.capacity_cents)
    if capacity_cents <= need_cents and count <= lenders_room:
        return BucketShares(
            crowd_cents=tuple(crowd.capacity_cents for crowd in crowds),
            own_cents=0 if own is None else own.capacity_cents,
            lender_count=count,
            ahead=None if own is None else own.ahead,
        )
    ticket_cents = sum(crowd.ticket_cents for crowd in crowds) + (0 if own is None else own.ticket_cents)
    if ticket_cents <= need_cents and count <= lenders_room:
        return _tickets_for_all(crowds, own, need_cents - ticket_cents, capacity_cents - ticket_cents, count)
    return _tickets_for_some(crowds, own, need_cents, lenders_room, count, ticket_cents)


def _tickets_for_all(
    crowds: Sequence[CrowdRoom], own: OwnRoom | None, rest_cents: int, rooms_cents: int, count: int
) -> BucketShares:
    rooms = [crowd.capacity_cents - crowd.ticket_cents for crowd in crowds]
    taken = [crowd.ticket_cents + rest_cents * room // rooms_cents for crowd, room in zip(crowds, rooms, strict=True)]
    own_cents = 0
    if own is not None:
        own_cents = own.ticket_cents + rest_cents * (own.capacity_cents - own.ticket_cents) // rooms_cents
    lost_cents = rest_cents + sum(crowd.ticket_cents for crowd in crowds) - sum(taken)
    lost_cents += 0 if own is None else own.ticket_cents - own_cents
    # Cents lost to rounding down go where there is room; which crowd they come from matters to nobody.
    for index, crowd in enumerate(crowds):
        more_cents = min(lost_cents, crowd.capacity_cents - taken[index])
        taken[index] += more_cents
        lost_cents -= more_cents
    return BucketShares(
        crowd_cents=tuple(taken),
        own_cents=own_cents + lost_cents,
        lender_count=count,
        ahead=None if own is None else own.ahead,
    )


def _tickets_for_some(
    crowds: Sequence[CrowdRoom],
    own: OwnRoom | None,
    need_cents: int,
    lenders_room: int,
    count: int,
    ticket_cents: int,
) -> BucketShares:
    average_cents = max(1, ticket_cents // count)
    served = min(count, lenders_room, need_cents // average_cents)
    if own is not None:
        ahead = own.ahead - served if own.ahead >= served else count - 1
    own_cents = 0
    left_count = served
    if own is not None and own.ahead < served and own.ticket_cents <= need_cents:
        # All who are served have, on average, the same share of what the tickets leave.
        rest_cents = max(0, need_cents - (served - 1) * average_cents - own.ticket_cents)
        own_cents = min(own.capacity_cents, own.ticket_cents + rest_cents // served)
        left_count -= 1
    others = sum(crowd.count for crowd in crowds)
    taken = [0] * len(crowds)
    if others and left_count > 0:
        for_others_cents = need_cents - own_cents
        for index, crowd in enumerate(crowds):
            reachable_cents = crowd.capacity_cents * left_count // others
            taken[index] = min(reachable_cents, for_others_cents * crowd.count // others)
        missing_cents = for_others_cents - sum(taken)
        for index, crowd in enumerate(crowds):
            more_cents = min(missing_cents, crowd.capacity_cents * left_count // others - taken[index])
            taken[index] += more_cents
            missing_cents -= more_cents
    return BucketShares(
        crowd_cents=tuple(taken),
        own_cents=own_cents,
        lender_count=served,
        ahead=None if own is None else ahead,
    )
