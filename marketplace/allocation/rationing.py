"""Sharing a scarce quantity among the lenders of one bucket: tickets to the longest-waiting, then pro-rata on room."""

from collections.abc import Iterable

import msgspec

from marketplace.allocation.apportionment import apportion
from marketplace.allocation.eligibility import Candidate


class Rationing(msgspec.Struct, frozen=True, kw_only=True):
    """What a rationed bucket gave.

    `fills` are (candidate, cents) of those who got a ticket, in order of the ticket round. Of the quantity,
    `tickets_cents` went out as tickets and the rest over rooms that sum to `rooms_cents`; `remainders` are the
    numerators of the fractional cents (over `rooms_cents`), empty when everybody's room was filled whole.
    `carried_cents` is what nobody here could take.
    """

    fills: tuple[tuple[Candidate, int], ...]
    quantity_cents: int
    tickets_cents: int
    rooms_cents: int
    remainders: tuple[int, ...]
    carried_cents: int


def ration(candidates: Iterable[Candidate], *, quantity_cents: int, lenders_room: int, ticket_cents: int) -> Rationing:
    """Share `quantity_cents` among `candidates`, given in order of the ticket round; at most `lenders_room` are filled.

    Each gets its ticket while the tickets fit; one that does not fit is passed over, a smaller one behind it may still
    fit. What is left is shared in proportion to the room above the tickets, by largest remainder, ties to who stands
    first. `ticket_cents` is the least that any candidate's ticket can be: below it nobody further is looked at.
    """
    ticketed = _hand_out_tickets(candidates, quantity_cents, lenders_room, ticket_cents)
    tickets_cents = sum([candidate.minimum_cents for candidate in ticketed])
    rooms = [candidate.capacity_cents - candidate.minimum_cents for candidate in ticketed]
    rest_cents, rooms_cents = quantity_cents - tickets_cents, sum(rooms)
    is_rest_scarce = rest_cents < rooms_cents
    shares = apportion(rest_cents, rooms) if is_rest_scarce else rooms
    return Rationing(
        fills=tuple(
            [(candidate, candidate.minimum_cents + share) for candidate, share in zip(ticketed, shares, strict=True)]
        ),
        quantity_cents=quantity_cents,
        tickets_cents=tickets_cents,
        rooms_cents=rooms_cents,
        remainders=tuple([rest_cents * room % rooms_cents for room in rooms]) if is_rest_scarce else (),
        carried_cents=max(0, rest_cents - rooms_cents),
    )


def _hand_out_tickets(
    candidates: Iterable[Candidate], quantity_cents: int, lenders_room: int, ticket_cents: int
) -> list[Candidate]:
    ticketed: list[Candidate] = []
    left_cents = quantity_cents
    for candidate in candidates:
        if candidate.minimum_cents <= left_cents:
            ticketed.append(candidate)
            left_cents -= candidate.minimum_cents
            if len(ticketed) == lenders_room or left_cents < ticket_cents:
                break
    return ticketed
