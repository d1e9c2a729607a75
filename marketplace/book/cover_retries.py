"""When a request whose cover could not be promised is tried again."""

import zlib
from datetime import datetime, timedelta

RETRY_TICK = timedelta(milliseconds=200)
MOST_DOUBLINGS = 6


def next_try_at(now_at: datetime, request_id: str, failures: int) -> datetime:
    """The instant from which a request is tried again after its `failures`-th failure.

    The wait doubles, and is spread by a stable hash over half to one and a half of itself, so that two books that want
    the same purses do not meet again and again.
    """
    spread = zlib.crc32(f"{request_id}:{failures}".encode())
    microseconds = RETRY_TICK // timedelta(microseconds=1) * 2 ** min(failures, MOST_DOUBLINGS)
    return now_at + timedelta(microseconds=microseconds * (2**31 + spread) // 2**32)
