"""Who takes part: people, lenders, companies; their keys, bank accounts, mandates and strategies."""

from piccolo.columns import JSONB, UUID, BigInt, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table


class Party(Table):
    """Anyone with a wallet: borrower, lender (person or legal entity) or company.

    `profile` is what Lemonway's onboarding asks for. `wallet_id` is chosen by us; `lemonway_account_id` is theirs.
    """

    id = UUID(primary_key=True, default=None)
    kind = Text()
    name = Text()
    profile = JSONB()
    wallet_id = Text(unique=True)
    lemonway_account_id = Text(null=True, default=None)
    kyc_state = Text(default="not_started")
    kyc_reason = Text(null=True, default=None)
    onboarding_id = Text(null=True, default=None)
    onboarding_url = Text(null=True, default=None)
    virtual_iban = Text(null=True, default=None)
    created_at = Timestamptz()


class AccessKey(Table):
    """A bearer key. Only the SHA-256 of its secret is stored; an operator's key belongs to no party."""

    key_id = Text(primary_key=True)
    secret_hash = Bytea()
    role = Text()
    party_id = UUID(null=True, default=None)
    created_at = Timestamptz()
    revoked_at = Timestamptz(null=True, default=None)


class BankAccount(Table):
    """A bank account of a party, to be paid to or collected from."""

    id = UUID(primary_key=True, default=None)
    party_id = UUID(default=None)
    iban = Text()
    holder = Text()
    state = Text(default="checking")
    lemonway_iban_id = Text(null=True, default=None)
    refused_reason = Text(null=True, default=None)
    usable_from_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz()


class Mandate(Table):
    """A borrower's consent to SEPA direct debit from one of its bank accounts."""

    id = UUID(primary_key=True, default=None)
    party_id = UUID(default=None)
    bank_account_id = UUID(default=None)
    state = Text(default="pending")
    umr = Text(null=True, default=None)
    lemonway_mandate_id = Text(null=True, default=None)
    sign_url = Text(null=True, default=None)
    signed_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz()


class LenderSettings(Table):
    """What holds for all of a lender's strategies: cash reserve, what is lent again, when it is paid out."""

    lender_id = UUID(primary_key=True, default=None)
    reserve_cents = BigInt()
    reinvest = Text(default="all")
    limits_version = Integer()
    payout_every = Text(default="settlement")
    payout_keep_cents = BigInt()
    payout_bank_account_id = UUID(null=True, default=None)
    changed_at = Timestamptz()


class Strategy(Table):
    """A version of a lender's strategy; the highest version is the present one.

    The key is (id, version). Piccolo knows no composite key: rows are only inserted and read.
    """

    id = UUID(primary_key=True, default=None)
    version = Integer()
    lender_id = UUID(default=None)
    settings = JSONB()
    at = Timestamptz()
    created_at = Timestamptz()
    change_id = UUID(null=True, default=None)


class OfferVersion(Table):
    """A version of a lender's offer, as wished and as its book was told; the highest version is the present one.

    The key is (id, version). Piccolo knows no composite key: rows are only inserted and read.
    """

    id = UUID(primary_key=True, default=None)
    version = Integer()
    company_id = UUID(default=None)
    lender_id = UUID(default=None)
    strategy_id = UUID(default=None)
    wish = JSONB()
    terms = JSONB(null=True, default=None)
    change_id = UUID(null=True, default=None)
    command_id = UUID(default=None)
    at = Timestamptz()
    created_at = Timestamptz()


class CompanyExclusion(Table):
    """A company to which a lender never lends. The key is (lender_id, company_id)."""

    lender_id = UUID(primary_key=True, default=None)
    company_id = UUID(default=None)
    at = Timestamptz()
