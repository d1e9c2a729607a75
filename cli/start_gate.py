"""Where the market's processes wait, their imports done, until the database they will use is ready.

Importing takes a process half a second of processor time, and the servers and the migration take as long: a start that
did one after the other would take the sum.
"""

import os
from collections.abc import Mapping

DESCRIPTOR = "BLULEND_GATE_FD"


class StartGate:
    """A gate that opens once; who comes later, started again after a death, finds it open."""

    def __init__(self) -> None:
        # Nothing is ever written: reading returns when the other end is closed.
        self.descriptor, self._held_shut = os.pipe()

    def open(self) -> None:
        os.close(self._held_shut)
        self._held_shut = -1

    def remove(self) -> None:
        if self._held_shut != -1:
            self.open()
        os.close(self.descriptor)


def wait_for_gate(environment: Mapping[str, str]) -> None:
    """Return when the supervisor opens the gate, or at once where there is no supervisor."""
    descriptor = environment.get(DESCRIPTOR)
    if descriptor is not None:
        os.read(int(descriptor), 1)
        os.close(int(descriptor))
