"""Waits of the network are shortened for demonstrations; what guards against a busy machine keeps some seconds."""

from lemonway.jobs.waits import Waits


def test_production_waits_five_minutes_before_anything_is_sent_again() -> None:
    assert Waits().look_up_ms == (5_000, 15_000, 60_000, 120_000, 300_000)


def test_one_per_cent_makes_three_seconds_of_five_minutes() -> None:
    assert Waits().scaled(1).look_up_ms == (50, 150, 600, 1_200, 3_000)


def test_no_wait_becomes_a_busy_loop() -> None:
    assert min(Waits().scaled(1).look_up_ms) == 50
    assert Waits().scaled(1).inbox_ms == 50


def test_leases_stay_longer_than_a_busy_machine_may_take() -> None:
    shortened = Waits().scaled(1)

    assert (shortened.queued_lease_ms, shortened.held_up_ms) == (5_000, 1_000)
