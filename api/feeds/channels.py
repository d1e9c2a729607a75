"""Which channels there are, and who may follow them."""

from typing import Protocol

from api.callers import Caller
from api.feeds.channel_log import ChannelLog


class ChannelKind(Protocol):
    """One kind of channel: `book` of `book:<company>`."""

    def may_follow(self, caller: Caller | None, subject: str) -> bool:
        """Whether this caller (None: a visitor) may follow the channel of `subject`."""
        ...

    async def open(self, subject: str) -> ChannelLog | None:
        """The log of the channel of `subject`; None when there is no such thing."""
        ...


class Channels:
    """Channels by name: `<kind>:<subject>`."""

    def __init__(self, kinds: dict[str, ChannelKind]) -> None:
        self._kinds = kinds

    async def open(self, name: str, caller: Caller | None) -> ChannelLog | None:
        """The channel's log, None when it does not exist or is not for this caller: nobody learns which."""
        kind_name, _, subject = name.partition(":")
        kind = self._kinds.get(kind_name)
        if kind is None or not kind.may_follow(caller, subject):
            return None
        return await kind.open(subject)
