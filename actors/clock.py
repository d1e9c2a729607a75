"""The system's clock, for a process whose books keep the time themselves."""

from datetime import UTC, datetime


class SystemClock:
    """Implements `marketplace.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)
