"""How Lemonway says no: its numbers and what they mean (docs/lemonway_facts.md §2)."""

_MEANINGS = {
    100: "limit reached for the sending wallet",
    101: "limit reached for the receiving wallet",
    109: "amount above the maximum allowed",
    110: "insufficient credit",
    111: "sender status invalid",
    143: "transaction not found, or its state does not allow the action",
    146: "wallet status incorrect for this operation",
    147: "wallet not found",
    167: "sender wallet blocked for security",
    168: "receiver wallet blocked for security",
    186: "a wallet cannot pay itself",
    188: "amount format",
    215: "no approved IBAN on this wallet",
    220: "bank account already deleted",
    221: "IBAN format",
    234: "bad input data",
    242: "BIC format",
    244: "SDD mandate not found",
    245: "SDD mandate invalid",
    247: "date format",
    248: "IP address format",
    249: "mobile number mandatory for the electronic signature",
    254: "invalid date",
    258: "document already linked to this mandate",
}

VALIDATION_CODES = frozenset({188, 221, 234, 242, 247, 248, 254, 373})
"""Malformed data: HTTP 400 in either error mode."""


class Refused(Exception):
    """The operation is refused with one of Lemonway's numbers; nothing was done."""

    def __init__(self, code: int, detail: str = "") -> None:
        meaning = _MEANINGS.get(code, "refused")
        super().__init__(f"{meaning}: {detail}" if detail else meaning)
        self.code = code


class RefusedByOnboarding(Exception):
    """Online Onboarding refuses with an HTTP status and a sentence; it has no numbers of its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
