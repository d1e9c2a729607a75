"""How long a dead process stays down."""

from cli.backoff import Backoff


def test_delays_double_up_to_ten_seconds() -> None:
    backoff = Backoff()
    delays_s = [backoff.next_delay_s() for _ in range(9)]

    assert delays_s == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_after_a_quiet_minute_they_begin_anew() -> None:
    now_s = 1_000.0
    backoff = Backoff(now_s=lambda: now_s)
    assert [backoff.next_delay_s() for _ in range(3)] == [0.1, 0.2, 0.4]

    now_s += 61

    assert backoff.next_delay_s() == 0.1
