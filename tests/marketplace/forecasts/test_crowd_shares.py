"""A bucket of crowds is shared as the rule shares a bucket of lenders."""

from hypothesis import given
from hypothesis import strategies as st

from marketplace.forecasts.crowd_shares import BucketShares, CrowdRoom, OwnRoom, bucket_shares

TWELVE_SMALL = CrowdRoom(count=12, capacity_cents=12_000, ticket_cents=12_000)
ONE_OF_300 = CrowdRoom(count=1, capacity_cents=30_000, ticket_cents=1_000)


def test_a_bucket_that_fits_is_filled_whole() -> None:
    shares = bucket_shares([TWELVE_SMALL], OwnRoom(5_000, 1_000, 3), need_cents=20_000, lenders_room=100)

    assert shares == BucketShares(crowd_cents=(12_000,), own_cents=5_000, lender_count=13, ahead=3)
    assert shares.cents == 17_000


def test_the_rest_above_the_tickets_goes_by_room() -> None:
    """Bucket of the third worked example: fourteen tickets, then 260.00 over rooms of 490.00 and 290.00."""
    shares = bucket_shares([TWELVE_SMALL, ONE_OF_300], OwnRoom(50_000, 1_000, 0), need_cents=40_000, lenders_room=100)

    assert (shares.own_cents, shares.lender_count, shares.cents) == (17_333, 14, 40_000)


def test_the_first_worked_example_gives_its_third_lender_789_36() -> None:
    of_900 = CrowdRoom(count=1, capacity_cents=90_000, ticket_cents=1_000)

    shares = bucket_shares([of_900], OwnRoom(100_000, 1_000, 0), need_cents=150_000, lenders_room=100)

    assert (shares.own_cents, shares.crowd_cents) == (78_936, (71_064,))


def test_when_tickets_are_short_those_who_waited_longest_get_them_and_go_to_the_back() -> None:
    def after(ahead: int) -> tuple[int, int | None]:
        shares = bucket_shares(
            [TWELVE_SMALL, ONE_OF_300], OwnRoom(50_000, 1_000, ahead), need_cents=9_000, lenders_room=100
        )
        return shares.own_cents, shares.ahead

    assert after(8) == (1_000, 13)
    assert after(9) == (0, 0)
    assert after(13) == (0, 4)


def test_no_more_lenders_take_part_than_a_loan_may_have() -> None:
    shares = bucket_shares([TWELVE_SMALL], OwnRoom(50_000, 1_000, 0), need_cents=60_000, lenders_room=4)

    assert (shares.lender_count, shares.crowd_cents) == (4, (3_000,))
    assert shares.own_cents == 1_000 + (60_000 - 4_000) // 4


def test_a_need_below_every_ticket_moves_nobody() -> None:
    shares = bucket_shares([TWELVE_SMALL], OwnRoom(50_000, 1_000, 5), need_cents=999, lenders_room=100)

    assert shares == BucketShares(crowd_cents=(0,), own_cents=0, lender_count=0, ahead=5)


crowd_rooms = st.builds(
    lambda count, ticket, more: CrowdRoom(count, count * (ticket + more), count * ticket),
    st.integers(1, 40),
    st.integers(1_000, 5_000),
    st.integers(0, 50_000),
)
own_rooms = st.builds(
    lambda ticket, more, ahead: OwnRoom(ticket + more, ticket, ahead),
    st.integers(1_000, 5_000),
    st.integers(0, 50_000),
    st.integers(0, 80),
)


@given(
    crowds=st.lists(crowd_rooms, max_size=4),
    own=st.none() | own_rooms,
    need_cents=st.integers(1, 600_000),
    lenders_room=st.integers(1, 100),
)
def test_nobody_gives_more_than_it_has_and_nothing_is_given_twice(
    crowds: list[CrowdRoom], own: OwnRoom | None, need_cents: int, lenders_room: int
) -> None:
    count = sum(crowd.count for crowd in crowds) + (own is not None)
    if count == 0:
        return
    if own is not None:
        own = OwnRoom(own.capacity_cents, own.ticket_cents, min(own.ahead, count - 1))

    shares = bucket_shares(crowds, own, need_cents=need_cents, lenders_room=lenders_room)

    assert 0 <= shares.cents <= need_cents
    assert all(0 <= cents <= crowd.capacity_cents for cents, crowd in zip(shares.crowd_cents, crowds, strict=True))
    assert shares.lender_count <= lenders_room
    if own is None:
        assert (shares.own_cents, shares.ahead) == (0, None)
    else:
        assert shares.own_cents == 0 or own.ticket_cents <= shares.own_cents <= own.capacity_cents
        assert shares.ahead is not None
        assert 0 <= shares.ahead < count
    capacity_cents = sum(crowd.capacity_cents for crowd in crowds) + (0 if own is None else own.capacity_cents)
    ticket_cents = sum(crowd.ticket_cents for crowd in crowds) + (0 if own is None else own.ticket_cents)
    if count <= lenders_room and ticket_cents <= need_cents:
        assert shares.cents == min(need_cents, capacity_cents)
