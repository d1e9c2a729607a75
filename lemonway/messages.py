"""Requests and answers of DirectKit, in Lemonway's words; those of Online Onboarding are in onboarding_messages.py.

Requests carry the exact spelling of the specification. Answers are read without regard to upper and lower case
(`isblocked`, `IbanId`, `SSDMandate` and `SDDMandate` are all printed by the same API), with unknown fields ignored
and numbers accepted as text; `answers.py` folds the keys before they meet these structs.

Units stand at the end of our names and are no part of Lemonway's: `_cents`, `_unix_s` (seconds since 1970 UTC).
"""

import msgspec

_UNITS = ("_cents", "_unix_s")


def _without_unit(name: str) -> str:
    for unit in _UNITS:
        name = name.removesuffix(unit)
    return name


def _camel_case(name: str) -> str:
    first, *others = _without_unit(name).split("_")
    return first + "".join(word.capitalize() for word in others)


def _folded(name: str) -> str:
    return _without_unit(name).replace("_", "").lower()


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename=_camel_case):
    """Root of what we send: camelCase, absent where None."""


class AnswerBody(msgspec.Struct, frozen=True, kw_only=True, rename=_folded):
    """Root of what we receive, after its keys were folded to lower case."""


# What we send to DirectKit


class P2PBody(RequestBody, frozen=True, kw_only=True):
    debit_account_id: str
    credit_account_id: str
    amount_cents: int
    reference: str
    comment: str | None = None
    private_data: dict[str, list[str]] | None = None


class MoneyOutBody(RequestBody, frozen=True, kw_only=True):
    account_id: str
    iban_id: int
    total_amount_cents: int
    auto_commission: bool
    reference: str
    commission_amount_cents: int | None = None
    comment: str | None = None


class PayoutIbanBody(RequestBody, frozen=True, kw_only=True):
    account_id: str
    holder: str
    iban: str
    bic: str | None = None
    comment: str | None = None


class VirtualIbanBody(RequestBody, frozen=True, kw_only=True):
    wallet: str
    country: str
    generate_pdf_and_qr_code: bool = msgspec.field(name="generatePDFAndQrCode")


class MandateBody(RequestBody, frozen=True, kw_only=True):
    wallet: str
    holder: str
    bic: str
    iban: str
    is_recurring: bool
    is_b2b: bool = msgspec.field(name="isB2B")
    street: str
    post_code: str
    city: str
    country: str
    mandate_language: str
    rum: str | None = None


class SignatureBody(RequestBody, frozen=True, kw_only=True):
    type: int
    return_url: str
    error_url: str
    mobile_number: str | None = None


class DirectDebitBody(RequestBody, frozen=True, kw_only=True):
    account_id: str
    sdd_mandate_id: int
    total_amount_cents: int
    auto_commission: bool
    reference: str
    commission_amount_cents: int | None = None
    collection_date: str | None = None
    comment: str | None = None


class WalletBody(RequestBody, frozen=True, kw_only=True):
    """Names the wallet where the path names something else: unregister a mandate or an IBAN."""

    wallet: str


class AccountBody(RequestBody, frozen=True, kw_only=True):
    account: str


class AccountIdBody(RequestBody, frozen=True, kw_only=True):
    account_id: str


class BlockBody(RequestBody, frozen=True, kw_only=True):
    is_blocked: bool
    comment: str | None = None


# What DirectKit answers


class ErrorBody(AnswerBody, frozen=True, kw_only=True):
    code: int
    message: str = ""


class PspMessage(AnswerBody, frozen=True, kw_only=True):
    message: str | None = None


class PostalAddress(AnswerBody, frozen=True, kw_only=True):
    street: str | None = None
    post_code: str | None = None
    city: str | None = None
    country: str | None = None


class Birth(AnswerBody, frozen=True, kw_only=True):
    date: str | None = None
    city: str | None = None
    country: str | None = None


class CompanyDetails(AnswerBody, frozen=True, kw_only=True):
    name: str | None = None
    description: str | None = None
    website_url: str | None = None
    identification_number: str | None = None


class Account(AnswerBody, frozen=True, kw_only=True):
    """A wallet. `status` is read by `statuses.wallet_can_move_money`."""

    id: str
    status: int
    balance_cents: int = 0
    is_blocked: bool = False
    internal_id: int | None = None
    firstname: str | None = None
    lastname: str | None = None
    email: str | None = None
    account_type: int | None = None
    is_debtor: bool | None = None
    payer_or_beneficiary: int | None = None
    nationality: str | None = None
    phone_number: str | None = None
    mobile_number: str | None = None
    address: PostalAddress | None = msgspec.field(name="adresse", default=None)
    birth: Birth | None = None
    company: CompanyDetails | None = None


class AccountDocument(AnswerBody, frozen=True, kw_only=True):
    id: int
    status: int
    type: int | None = None
    validity_date: str | None = None
    comment: str | None = None


class BankAccount(AnswerBody, frozen=True, kw_only=True):
    """An IBAN linked to a wallet: type 1 for payouts, 2 virtual. Only status 5 can be paid."""

    id: int
    status: int
    iban: str | None = None
    swift: str | None = None
    holder: str | None = None
    type: int | None = None


class Mandate(AnswerBody, frozen=True, kw_only=True):
    id: int
    status: int
    unique_mandate_reference: str | None = None
    iban: str | None = None
    bic: str | None = None
    holder: str | None = None


class ChangedAccount(AnswerBody, frozen=True, kw_only=True):
    """One change of a wallet, its documents, IBANs or mandates. A wallet comes once per change."""

    id: str
    status: int
    date_unix_s: int
    documents: list[AccountDocument] | None = None
    ibans: list[BankAccount] | None = None
    sdd_mandates: list[Mandate] | None = None


class AccountBalance(AnswerBody, frozen=True, kw_only=True):
    id: str
    balance_cents: int


class VirtualIban(AnswerBody, frozen=True, kw_only=True):
    """A dedicated IBAN for wires into one wallet. `holder` is the name the payer must write."""

    iban: str
    id: int | None = None
    bic: str | None = None
    holder: str | None = None
    domiciliation: str | None = None
    status: int | None = None


class RegisteredIban(AnswerBody, frozen=True, kw_only=True):
    iban_id: int
    status: int


class LemonwayCommission(AnswerBody, frozen=True, kw_only=True):
    idp2p: str | None = None
    amount_cents: int | None = None


class Transaction(AnswerBody, frozen=True, kw_only=True):
    """What every transaction has. `execution_date_unix_s` is 0 or absent until it is carried out."""

    id: int
    status: int
    method: int | None = None
    method_details: int | None = None
    date_unix_s: int | None = None
    execution_date_unix_s: int | None = None
    commission_amount_cents: int | None = None
    comment: str | None = None
    reference: str | None = None
    lemon_way_commission: LemonwayCommission | None = None
    scheduled_date: str | None = None


class TransactionIn(Transaction, frozen=True, kw_only=True):
    """Money that entered a wallet from a bank: a wire, a direct debit, a bounced payout."""

    receiver_account_id: str | None = None
    credit_amount_cents: int | None = None
    masked_label: str | None = None
    bank_reference: str | None = None
    bank_status: str | None = None
    refund_amount_cents: int | None = None
    psp: PspMessage | None = None


class TransactionOut(Transaction, frozen=True, kw_only=True):
    """Money that left a wallet for a bank: a payout, a refund, a chargeback (`origin_id` = the money-in it undoes)."""

    sender_account_id: str | None = None
    debit_amount_cents: int | None = None
    iban_id: int | None = None
    origin_id: int | None = None
    masked_label: str | None = None
    bank_status: str | None = None
    psp: PspMessage | None = None


class PrivateData(AnswerBody, frozen=True, kw_only=True):
    value: list[str] | None = None


class TransactionP2P(Transaction, frozen=True, kw_only=True):
    """Money between two wallets."""

    sender_account_id: str | None = None
    receiver_account_id: str | None = None
    debit_amount_cents: int | None = None
    credit_amount_cents: int | None = None
    is_fee: bool | None = None
    fee_reference: str | None = None
    private_data: PrivateData | None = None


class HistoryEntry(AnswerBody, frozen=True, kw_only=True):
    """One line of a wallet's history: exactly one of the three is there."""

    transaction_in: TransactionIn | None = None
    transaction_out: TransactionOut | None = None
    transaction_p2p: TransactionP2P | None = None
