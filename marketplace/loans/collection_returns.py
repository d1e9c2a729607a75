"""What the bank's reason code for a refused direct debit means for the next step.

Source of the codes: EPC173-14, guidance on reason codes for SDD R-transactions. The steps are the servicing policy of
this platform: money that was merely missing, or a bank that keeps its reason to itself, is asked for once more after
notice; anything else needs a person before another debit may leave.
"""

from enum import StrEnum

import msgspec

PRESENTATIONS_MAX = 2
"""How often one debt is presented: once, and once more."""
RE_PRESENTATION_BUSINESS_DAYS = 5
"""A re-presentation is collected this many TARGET days after the refusal at the latest."""


class ReturnStep(StrEnum):
    """The next step after a refusal. Every step but the first stops collecting until a person resumes it."""

    PRESENT_AGAIN = "present-again"
    CONTACT_BORROWER = "contact-borrower"
    """Agree how the debt is paid; do not debit again unasked."""
    NEW_ACCOUNT = "new-account"
    """Another bank account, with a mandate of its own."""
    NEW_MANDATE = "new-mandate"
    """The mandate is missing, spent or disputed: keep the evidence, have a new one signed."""
    CORRECT_OUR_DATA = "correct-our-data"
    """The fault is in what we sent: mend it and resubmit; no reminder to the borrower."""
    ESTATE = "estate"
    """The debtor has died."""
    SECURITY_REVIEW = "security-review"
    UNKNOWN_CODE = "unknown-code"


class ReturnReason(msgspec.Struct, frozen=True):
    meaning: str
    step: ReturnStep


RETURN_REASONS: dict[str, ReturnReason] = {
    "AC01": ReturnReason("account number wrong", ReturnStep.NEW_ACCOUNT),
    "AC04": ReturnReason("account closed", ReturnStep.NEW_ACCOUNT),
    "AC06": ReturnReason("account blocked", ReturnStep.CONTACT_BORROWER),
    "AC13": ReturnReason("a consumer's account debited under the business scheme", ReturnStep.CORRECT_OUR_DATA),
    "AG01": ReturnReason("account not open to direct debits", ReturnStep.NEW_ACCOUNT),
    "AG02": ReturnReason("operation or sequence code wrong", ReturnStep.CORRECT_OUR_DATA),
    "AM04": ReturnReason("not enough money on the account", ReturnStep.PRESENT_AGAIN),
    "AM05": ReturnReason("presented twice", ReturnStep.CORRECT_OUR_DATA),
    "BE05": ReturnReason("creditor identifier unknown", ReturnStep.CORRECT_OUR_DATA),
    "CNOR": ReturnReason("creditor's bank not reachable", ReturnStep.CORRECT_OUR_DATA),
    "DNOR": ReturnReason("debtor's bank not reachable", ReturnStep.NEW_ACCOUNT),
    "ED05": ReturnReason("settlement between the banks failed", ReturnStep.CORRECT_OUR_DATA),
    "FF01": ReturnReason("file format wrong", ReturnStep.CORRECT_OUR_DATA),
    "FF05": ReturnReason("kind of direct debit wrong", ReturnStep.CORRECT_OUR_DATA),
    "FRAD": ReturnReason("fraud suspected", ReturnStep.SECURITY_REVIEW),
    "MD01": ReturnReason("no valid mandate", ReturnStep.NEW_MANDATE),
    "MD02": ReturnReason("mandate data missing or wrong", ReturnStep.CORRECT_OUR_DATA),
    "MD06": ReturnReason("the debtor asked for the money back", ReturnStep.CONTACT_BORROWER),
    "MD07": ReturnReason("the debtor has died", ReturnStep.ESTATE),
    "MS02": ReturnReason("refused by the debtor", ReturnStep.CONTACT_BORROWER),
    "MS03": ReturnReason("the bank gives no reason", ReturnStep.PRESENT_AGAIN),
    "RC01": ReturnReason("bank identifier wrong", ReturnStep.CORRECT_OUR_DATA),
    "RR01": ReturnReason("account data missing for the regulator", ReturnStep.CORRECT_OUR_DATA),
    "RR02": ReturnReason("debtor's name or address missing for the regulator", ReturnStep.CORRECT_OUR_DATA),
    "RR03": ReturnReason("creditor's name or address missing for the regulator", ReturnStep.CORRECT_OUR_DATA),
    "RR04": ReturnReason("regulatory reason", ReturnStep.CONTACT_BORROWER),
    "SL01": ReturnReason("barred by a service of the debtor's bank", ReturnStep.CONTACT_BORROWER),
    "TECH": ReturnReason("technical failure", ReturnStep.CORRECT_OUR_DATA),
}

_NOT_IN_THE_TABLE = ReturnReason("code not in the table", ReturnStep.UNKNOWN_CODE)


def return_reason(reason_code: str) -> ReturnReason:
    """The entry of the table; a code that it lacks stops collecting too, because nobody has decided what it means."""
    return RETURN_REASONS.get(reason_code, _NOT_IN_THE_TABLE)


def step_after_refusal(reason_code: str, presentation: int) -> ReturnStep:
    """What follows when the `presentation`-th presentation (from 1) of a debt was refused with `reason_code`."""
    step = return_reason(reason_code).step
    if step is ReturnStep.PRESENT_AGAIN and presentation >= PRESENTATIONS_MAX:
        return ReturnStep.CONTACT_BORROWER
    return step
