"""How long the payments process waits for what: real time, in milliseconds, because it is the network's time."""

import msgspec


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """The waits of production. Demonstrations and tests shorten them with `scaled`."""

    queued_lease_ms: int = 60_000
    """A row handed to a worker is handed out again after this."""
    held_up_ms: int = 10_000
    """A call to Lemonway that ends later than its time-out by this much has an unknown outcome, whoever makes it."""
    look_up_ms: tuple[int, ...] = (5_000, 15_000, 60_000, 120_000, 300_000)
    """When an instruction of unknown outcome is looked up, counted from its sending. The last is the quiet period:
    what has not turned up by then is sent again, unless the wallet's history knows it."""
    inbox_ms: int = 1_000
    """A notification that nothing announced is seen at the latest after this."""
    poll_ms: int = 60_000
    """Between two looks at what Lemonway never notifies, or whose notification may have been lost."""
    refused_entry_ms: int = 5_000
    """After Lemonway could not be reached or turned us away at the door, nothing is sent for this long."""

    def scaled(self, percent: int) -> "Waits":
        """The same waits, each `percent` per cent as long; none is shorter than 50 ms.

        What guards against a busy machine, and not against a slow network, keeps some seconds.
        """
        return Waits(
            queued_lease_ms=max(_percent_of(self.queued_lease_ms, percent), 5_000),
            held_up_ms=max(_percent_of(self.held_up_ms, percent), 1_000),
            look_up_ms=tuple(_percent_of(wait_ms, percent) for wait_ms in self.look_up_ms),
            inbox_ms=_percent_of(self.inbox_ms, percent),
            poll_ms=_percent_of(self.poll_ms, percent),
            refused_entry_ms=_percent_of(self.refused_entry_ms, percent),
        )


def _percent_of(wait_ms: int, percent: int) -> int:
    assert percent > 0, percent
    return max(wait_ms * percent // 100, 50)
