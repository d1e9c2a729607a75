-- The simulator's whole state. Instants are UTC seconds, amounts integer cents.

CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE bearers (
    token TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL -- real time, because the caller counts the lifetime on its own clock
) STRICT, WITHOUT ROWID;

-- Wallets as DirectKit knows them, and the outside world, without which no movement would have two sides.
CREATE TABLE wallets (
    id TEXT PRIMARY KEY,
    internal_id INTEGER NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('client', 'technical', 'sc', 'lw', 'outside')),
    status INTEGER NOT NULL,
    is_blocked INTEGER NOT NULL DEFAULT 0,
    balance_cents INTEGER NOT NULL DEFAULT 0,
    opened_at INTEGER NOT NULL,
    -- SC may owe Lemonway the shortfall of a chargeback; nothing else may owe anything.
    CHECK (balance_cents >= 0 OR kind IN ('sc', 'outside'))
) STRICT, WITHOUT ROWID;

CREATE TABLE wallet_changes (
    id INTEGER PRIMARY KEY,
    wallet_id TEXT NOT NULL REFERENCES wallets,
    status INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX wallet_changes_by_time ON wallet_changes (changed_at);

-- Online Onboarding: who applied, before and after the wallet exists.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    wallet_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL CHECK (type IN ('INDIVIDUAL', 'LEGAL_ENTITY')),
    profile TEXT NOT NULL,
    status TEXT NOT NULL,
    profile_status TEXT NOT NULL,
    identity TEXT NOT NULL UNIQUE,
    holder TEXT NOT NULL, -- the name a bank account of this owner must carry
    details TEXT NOT NULL, -- the creation body, JSON
    onboarding_id TEXT UNIQUE,
    redirect_url TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE transactions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('wire', 'direct_debit', 'bounce', 'p2p', 'money_out', 'chargeback')),
    method INTEGER NOT NULL,
    status INTEGER NOT NULL,
    sender_id TEXT,
    receiver_id TEXT,
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    commission_cents INTEGER NOT NULL DEFAULT 0,
    initiated_at INTEGER NOT NULL,
    executed_at INTEGER NOT NULL DEFAULT 0,
    changed_at INTEGER NOT NULL,
    comment TEXT,
    reference TEXT,
    scheduled_date TEXT,
    file_at INTEGER, -- when the bank is told: until then it can be cancelled
    mandate_id INTEGER,
    iban_id INTEGER,
    origin_id INTEGER,
    fee_of INTEGER, -- the transaction whose commission this P2P carries
    private_data TEXT,
    label TEXT,
    bank_reference TEXT,
    bank_status TEXT,
    psp_message TEXT
) STRICT;
CREATE INDEX transactions_by_sender ON transactions (sender_id, initiated_at);
CREATE INDEX transactions_by_receiver ON transactions (receiver_id, initiated_at);
CREATE INDEX transactions_by_reference ON transactions (reference) WHERE reference IS NOT NULL;
CREATE INDEX transactions_by_change ON transactions (kind, changed_at);
CREATE INDEX transactions_by_mandate ON transactions (mandate_id) WHERE mandate_id IS NOT NULL;
CREATE INDEX transactions_by_origin ON transactions (origin_id) WHERE origin_id IS NOT NULL;

-- The oracle: every movement is two postings that sum to zero.
CREATE TABLE postings (
    id INTEGER PRIMARY KEY,
    movement INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL REFERENCES transactions,
    wallet_id TEXT NOT NULL REFERENCES wallets,
    amount_cents INTEGER NOT NULL,
    posted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX postings_by_wallet ON postings (wallet_id, posted_at);
CREATE INDEX postings_by_movement ON postings (movement);

CREATE TABLE wires (
    id TEXT PRIMARY KEY, -- made by whoever sends the wire
    transaction_id INTEGER NOT NULL REFERENCES transactions,
    wallet_id TEXT NOT NULL,
    cents INTEGER NOT NULL,
    payer TEXT NOT NULL,
    label TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ibans (
    id INTEGER PRIMARY KEY,
    wallet_id TEXT NOT NULL REFERENCES wallets,
    type INTEGER NOT NULL CHECK (type IN (1, 2)),
    iban TEXT NOT NULL,
    bic TEXT,
    holder TEXT NOT NULL,
    status INTEGER NOT NULL
) STRICT;
CREATE INDEX ibans_by_wallet ON ibans (wallet_id);
CREATE UNIQUE INDEX virtual_ibans ON ibans (iban) WHERE type = 2;

CREATE TABLE mandates (
    id INTEGER PRIMARY KEY,
    wallet_id TEXT NOT NULL REFERENCES wallets,
    holder TEXT NOT NULL,
    iban TEXT NOT NULL,
    bic TEXT NOT NULL,
    reference TEXT NOT NULL, -- repeated ones are accepted: Lemonway promises no uniqueness
    is_b2b INTEGER NOT NULL,
    status INTEGER NOT NULL
) STRICT;
CREATE INDEX mandates_by_wallet ON mandates (wallet_id);

CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    wallet_id TEXT NOT NULL REFERENCES wallets,
    mandate_id INTEGER NOT NULL UNIQUE REFERENCES mandates,
    type INTEGER NOT NULL,
    status INTEGER NOT NULL
) STRICT;

CREATE TABLE signatures (
    token TEXT PRIMARY KEY,
    mandate_id INTEGER NOT NULL REFERENCES mandates,
    return_url TEXT NOT NULL,
    error_url TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What will happen by itself when the clock gets there.
CREATE TABLE agenda (
    id INTEGER PRIMARY KEY,
    due_at INTEGER NOT NULL,
    event TEXT NOT NULL,
    subject INTEGER NOT NULL
) STRICT;
CREATE INDEX agenda_by_time ON agenda (due_at, id);
CREATE INDEX agenda_by_subject ON agenda (subject);

-- Failures of coming collections, planned in advance.
CREATE TABLE fates (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL, -- JSON, as the control plane was asked
    mandate_id INTEGER,
    wallet_id TEXT,
    reference TEXT,
    occurrence INTEGER,
    collection_date TEXT,
    used_by INTEGER REFERENCES transactions
) STRICT;

CREATE TABLE faults (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL, -- JSON
    remaining INTEGER -- NULL: until it is removed
) STRICT;
CREATE INDEX faults_armed ON faults (number) WHERE remaining IS NULL OR remaining > 0;

-- Calls whose caller was left without an answer and which will be carried out later.
CREATE TABLE delayed_calls (
    id INTEGER PRIMARY KEY,
    due_at_ms INTEGER NOT NULL, -- real time
    request TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE notifications (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL, -- copies about one object leave in the order they were made
    url TEXT, -- NULL: the partner's webhook address
    form TEXT NOT NULL, -- JSON
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'abandoned', 'unaddressed', 'dropped')),
    attempts INTEGER NOT NULL DEFAULT 0,
    attempts_max INTEGER,
    next_attempt_at_ms INTEGER NOT NULL DEFAULT 0, -- real time
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notifications_to_send ON notifications (subject, id) WHERE state = 'pending';
