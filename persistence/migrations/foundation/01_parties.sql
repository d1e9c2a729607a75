-- Who takes part, and what the payment institution knows of them.

CREATE TABLE party (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('borrower', 'lender_person', 'lender_legal', 'company')),
    name text NOT NULL,
    -- what the institution's onboarding asks for (names, birth, address, nationality, tax code), shaped by the api
    profile jsonb NOT NULL DEFAULT '{}',
    wallet_id text NOT NULL UNIQUE CHECK (wallet_id ~ '^[A-Za-z0-9-]{1,20}$'),
    lemonway_account_id text UNIQUE,
    kyc_state text NOT NULL DEFAULT 'not_started'
        CHECK (kyc_state IN ('not_started', 'in_progress', 'accepted', 'refused')),
    kyc_reason text,
    onboarding_id text UNIQUE,
    onboarding_url text,
    virtual_iban text UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN party.wallet_id IS 'chosen by us: initial of the kind, dash, first 12 hex digits of the id';

CREATE TABLE access_key (
    key_id text PRIMARY KEY,
    secret_hash bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    role text NOT NULL CHECK (role IN ('operator', 'company_admin', 'borrower', 'lender')),
    party_id uuid REFERENCES party,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CHECK ((role = 'operator') = (party_id IS NULL))
);
COMMENT ON COLUMN access_key.secret_hash IS 'SHA-256 of the secret; the secret itself is never stored';
CREATE INDEX access_key_party ON access_key (party_id);

CREATE TABLE bank_account (
    id uuid PRIMARY KEY,
    party_id uuid NOT NULL REFERENCES party,
    iban text NOT NULL,
    holder text NOT NULL,
    state text NOT NULL DEFAULT 'checking' CHECK (state IN ('checking', 'cooling', 'active', 'refused')),
    lemonway_iban_id text UNIQUE,
    refused_reason text,
    usable_from_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX bank_account_party ON bank_account (party_id);

CREATE TABLE mandate (
    id uuid PRIMARY KEY,
    party_id uuid NOT NULL REFERENCES party,
    bank_account_id uuid NOT NULL REFERENCES bank_account,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'signing', 'active', 'refused', 'revoked', 'dormant')),
    umr text UNIQUE,
    lemonway_mandate_id text UNIQUE,
    sign_url text,
    signed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN mandate.umr IS 'unique mandate reference, as the SEPA rule book calls it';
CREATE INDEX mandate_party ON mandate (party_id);

-- A lender's settings that hold for all its strategies.
CREATE TABLE lender_settings (
    lender_id uuid PRIMARY KEY REFERENCES party,
    reserve_cents bigint NOT NULL DEFAULT 0 CHECK (reserve_cents >= 0),
    reinvest text NOT NULL DEFAULT 'all' CHECK (reinvest IN ('all', 'principal', 'none')),
    limits_version integer NOT NULL DEFAULT 0 CHECK (limits_version >= 0),
    payout_every text NOT NULL DEFAULT 'settlement' CHECK (payout_every IN ('settlement', 'week', 'month', 'never')),
    payout_keep_cents bigint NOT NULL DEFAULT 0 CHECK (payout_keep_cents >= 0),
    payout_bank_account_id uuid REFERENCES bank_account,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN lender_settings.limits_version IS 'the last version of reserve and strategy budgets given to the purse';

-- Append-only: the present settings of a strategy are its highest version.
CREATE TABLE strategy (
    id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    lender_id uuid NOT NULL REFERENCES party,
    settings jsonb NOT NULL,
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version)
);
CREATE INDEX strategy_lender ON strategy (lender_id);
