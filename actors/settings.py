"""What a host of book actors is started with."""

from typing import Annotated

import msgspec


class ActorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`lease_ms` is how long a shard stays with a host that has fallen silent.

    With `ticking` the host sends its books a tick as the system's time passes; without it a book's time moves only by
    the commands that others send. `staging_ms` is how much later, per tier below A, a book sees money that has just
    come to a lender; 0 shows it at once.
    """

    book_redis_url: Annotated[
        str,
        msgspec.Meta(pattern=r"^(rediss?|unix)://.+", description="a Redis address: redis://, rediss:// or unix://"),
    ]
    lease_ms: Annotated[int, msgspec.Meta(ge=100, le=60_000, description="milliseconds, 100 to 60000")] = 3_000
    ticking: Annotated[bool, msgspec.Meta(description="true or false")] = True
    staging_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000, description="milliseconds, 0 to 60000")] = 200
