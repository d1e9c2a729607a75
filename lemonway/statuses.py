"""Status numbers, decoded per kind of object: the same number means success on one and failure on another.

Source: docs/lemonway_facts.md §3, §6, §8, §9 (DirectKit 2.0 specification and dashboard status pages).
A number nobody has documented becomes `Outcome.UNKNOWN`, never a guess.
"""

from enum import Enum, IntEnum


class Outcome(Enum):
    """What a transaction's status means for us."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    AWAITING_APPROVAL = "awaiting_approval"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


_MONEY_IN = {
    0: Outcome.SUCCEEDED,
    3: Outcome.FAILED,
    4: Outcome.PENDING,
    6: Outcome.FAILED,
    7: Outcome.CANCELLED,
    16: Outcome.AWAITING_APPROVAL,
}
_P2P = {0: Outcome.PENDING, 3: Outcome.SUCCEEDED, 4: Outcome.FAILED, 5: Outcome.PENDING, 12: Outcome.CANCELLED}
_MONEY_OUT = {
    0: Outcome.SUCCEEDED,
    3: Outcome.SUCCEEDED,
    4: Outcome.PENDING,
    6: Outcome.FAILED,
    7: Outcome.CANCELLED,
    16: Outcome.AWAITING_APPROVAL,
}
_REFUND = {0: Outcome.SUCCEEDED, 4: Outcome.PENDING, 6: Outcome.FAILED}


def money_in_outcome(status: int) -> Outcome:
    """Wires, direct debits, cards. 0 is success; 3 is Lemonway's error and 6 the bank's."""
    return _MONEY_IN.get(status, Outcome.UNKNOWN)


def p2p_outcome(status: int) -> Outcome:
    """Wallet to wallet. 3 is success and 0 is pending, the reverse of a money-in."""
    return _P2P.get(status, Outcome.UNKNOWN)


def money_out_outcome(status: int, *, psp_message: str | None = None) -> Outcome:
    """Payouts. SUCCEEDED means *accepted*: the wallet was debited and the bank will be told.

    Two families of numbers are documented (API: 0 waiting, 3 success, 4 error; dashboard and notifications:
    0 completed, 4 pending, 6 bank error). Where they disagree the reading that moves no money twice is taken:
    0 and 3 are accepted, 4 is pending until another look, and a message of the bank is a failure.
    Only the absence of a bounce makes a payout final (notification 15, wallet history).
    """
    if psp_message:
        return Outcome.FAILED
    return _MONEY_OUT.get(status, Outcome.UNKNOWN)


def refund_outcome(status: int) -> Outcome:
    """Refunds and chargebacks: outgoing transactions, but with a money-in's success number."""
    return _REFUND.get(status, Outcome.UNKNOWN)


class WalletStatus(IntEnum):
    """Status of a wallet. Only a verified (or special) wallet can move money."""

    SC = -1
    NOT_OPENED = 1
    DOCUMENTS_MISSING = 2
    DOCUMENTS_REJECTED = 3
    KYC_1 = 5
    KYC_2 = 6
    KYC_3 = 7
    KYC_EXPIRED = 8
    FROZEN = 9
    BLOCKED = 10
    LOCKED = 11
    CLOSED = 12
    KYC_3_PENDING = 13
    ONE_TIME_CUSTOMER = 14
    CROWDLENDING = 15
    TECHNICAL = 16


_CAN_MOVE_MONEY = frozenset(
    {WalletStatus.SC, WalletStatus.KYC_2, WalletStatus.KYC_3, WalletStatus.CROWDLENDING, WalletStatus.TECHNICAL}
)


def wallet_can_move_money(status: int, *, is_blocked: bool) -> bool:
    """May this wallet send and receive without the limits of an unverified one?"""
    return not is_blocked and status in _CAN_MOVE_MONEY


class MandateStatus(IntEnum):
    """Status of a direct-debit mandate."""

    PENDING = 0
    VALIDATED = 5
    ENABLED = 6
    DISABLED = 8
    REJECTED = 9


def mandate_can_be_debited(status: int) -> bool:
    """5 is signed and not yet debited, 6 has been debited before; nothing else may be collected."""
    return status in (MandateStatus.VALIDATED, MandateStatus.ENABLED)


class IbanStatus(IntEnum):
    """Status of a bank account linked to a wallet."""

    NONE = 1
    INTERNAL = 2
    NOT_USED = 3
    WAITING = 4
    ACTIVATED = 5
    REJECTED_BY_BANK = 6
    REJECTED_NO_OWNER = 7
    DEACTIVATED = 8
    REJECTED = 9


class IbanType(IntEnum):
    """What a linked bank account is for."""

    PAYOUT = 1
    VIRTUAL = 2


class DocumentStatus(IntEnum):
    """Status of an uploaded or signed document."""

    ON_HOLD = 0
    RECEIVED = 1
    ACCEPTED = 2
    REJECTED = 3
    UNREADABLE = 4
    EXPIRED = 5
    WRONG_TYPE = 6
    NAME_MISMATCH = 7
    DUPLICATE = 8


class Method(IntEnum):
    """How a transaction was made, for the methods we meet."""

    CARD = 0
    WIRE_IN = 1
    WIRE_OUT = 3
    P2P = 4
    DIRECT_DEBIT = 14


class NotificationCategory(IntEnum):
    """Kinds of notification we act upon; Lemonway has others and adds more."""

    WALLET_STATUS = 8
    DOCUMENT_STATUS = 9
    WIRE_IN = 10
    DIRECT_DEBIT = 11
    WALLET_BLOCKED = 13
    CHARGEBACK = 14
    MONEY_OUT_CANCELLED = 15
    DIRECT_DEBIT_CANCELLED = 17
    SC_BALANCE_LOW = 19
    MONEY_OUT_VALIDATED = 37
    DOCUMENT_SIGNED = 44
    VIRTUAL_IBAN_STOCK_LOW = 48
    ONBOARDING_PROFILE = 49
    ONBOARDING_ACCOUNT = 50
    WALLET_CREATION = 52
