"""How long to wait before starting a process again."""

import time
from collections.abc import Callable

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 10.0
FORGOTTEN_AFTER_S = 60.0


class Backoff:
    """Delays that double from one death to the next, up to a bound, and begin anew after a quiet minute."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._delay_s = FIRST_DELAY_S
        self._last_asked_s = now_s()

    def next_delay_s(self) -> float:
        now_s = self._now_s()
        if now_s - self._last_asked_s > FORGOTTEN_AFTER_S:
            self._delay_s = FIRST_DELAY_S
        self._last_asked_s = now_s
        delay_s, self._delay_s = self._delay_s, min(self._delay_s * 2, LONGEST_DELAY_S)
        return delay_s
