"""Instants as the store keeps them: RFC 3339 text, exactly as `msgspec` writes it, so that events decode unchanged."""

from datetime import datetime, timedelta

import msgspec


def instant_text(at: datetime) -> str:
    """The instant as text, UTC. An instant without a time zone is a bug of the caller."""
    assert at.utcoffset() == timedelta(0), at
    return msgspec.json.encode(at).decode().strip('"')


def instant_ms(at: datetime) -> int:
    """Milliseconds since 1970, exact."""
    assert at.utcoffset() is not None, at
    whole = at - datetime.fromtimestamp(0, at.tzinfo)
    return (whole.days * 86_400 + whole.seconds) * 1000 + whole.microseconds // 1000
