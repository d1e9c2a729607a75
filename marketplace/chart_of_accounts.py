"""The ledger's accounts: whose they are, what their balance means, and on which side it grows.

An account is `<owner kind>:<owner id>:<bucket>`. Debits are positive, credits negative. What is *held* (money in a
Lemonway wallet, principal owed by a borrower) grows by debit; what is *owed to somebody* grows by credit. No balance
may turn over to its other side: that would be money spent twice.
"""

from typing import Literal

import msgspec

OwnerKind = Literal["wallet", "lender", "company", "borrower", "loan"]

ParticipantKind = Literal["lender", "company"]
"""Who lends: a lender through its purse, or the company out of its budget."""

DEBIT = 1
CREDIT = -1

_NORMAL_SIDES: dict[OwnerKind, dict[str, int]] = {
    "wallet": {"balance": DEBIT},  # what Lemonway holds there
    "lender": {
        "free": CREDIT,  # spendable
        "taken": CREDIT,  # promised to fills
        "sent": CREDIT,  # in the borrower's wallet, the loan not disbursed yet
        "lent": CREDIT,  # its part of the principal of loans
        "incoming": CREDIT,  # collected from borrowers, not in its wallet yet
        "held": CREDIT,  # set aside for a payout
    },
    "company": {
        "free": CREDIT,
        "budget": CREDIT,  # set aside for its own tranches
        "sent": CREDIT,
        "lent": CREDIT,
        "incoming": CREDIT,
        "held": CREDIT,
    },
    "borrower": {"received": CREDIT},  # collected and not allocated, or in excess
    "loan": {"principal": DEBIT},  # still owed by the borrower
}


class Account(msgspec.Struct, frozen=True, gc=False):
    """One account of the chart."""

    owner_kind: OwnerKind
    owner_id: str
    bucket: str

    @property
    def id(self) -> str:
        return f"{self.owner_kind}:{self.owner_id}:{self.bucket}"

    @property
    def normal_side(self) -> int:
        """`DEBIT` or `CREDIT`: the side on which the balance grows."""
        return _NORMAL_SIDES[self.owner_kind][self.bucket]


def wallet(wallet_id: str) -> Account:
    """What Lemonway holds in a wallet."""
    return Account("wallet", wallet_id, "balance")


def lender(lender_id: str, bucket: Literal["free", "taken", "sent", "lent", "incoming", "held"]) -> Account:
    return Account("lender", lender_id, bucket)


def company(company_id: str, bucket: Literal["free", "budget", "sent", "lent", "incoming", "held"]) -> Account:
    return Account("company", company_id, bucket)


def participant(
    kind: ParticipantKind, participant_id: str, bucket: Literal["free", "sent", "lent", "incoming", "held"]
) -> Account:
    """A bucket that lenders and companies both have."""
    return Account(kind, participant_id, bucket)


def borrower_received(borrower_id: str) -> Account:
    return Account("borrower", borrower_id, "received")


def loan_principal(loan_id: str) -> Account:
    return Account("loan", loan_id, "principal")
