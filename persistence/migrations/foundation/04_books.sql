-- Commands on their way to books, and what the books' and purses' journals say, as rows.

CREATE TABLE command (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL,
    kind text NOT NULL,
    subject_id uuid,
    party_id uuid,
    body jsonb NOT NULL,
    at timestamptz NOT NULL,
    deadline_at timestamptz,
    state text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'decided')),
    outcome text CHECK (outcome IN ('ok', 'refused')),
    refusal jsonb,
    decided_shard text,
    decided_seq bigint,
    received_at timestamptz NOT NULL DEFAULT now(),
    send_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    CHECK ((state = 'decided') = (outcome IS NOT NULL)),
    CHECK ((state = 'decided') = (decided_seq IS NOT NULL)),
    CHECK ((outcome IS NOT DISTINCT FROM 'refused') = (refusal IS NOT NULL))
);
COMMENT ON COLUMN command.body IS 'the command (a tagged marketplace.book.commands value), without its envelope';
COMMENT ON COLUMN command.subject_id IS 'what it speaks of: an offer, a request, a strategy';
COMMENT ON COLUMN command.party_id IS 'who asked; null for the platform itself';
COMMENT ON COLUMN command.send_at IS
    'real time from which the sweeper sends it: at once, or later for who sends it without waiting for the sweeper';
CREATE INDEX command_undecided ON command (send_at) WHERE state = 'received';
CREATE INDEX command_subject ON command (subject_id) WHERE subject_id IS NOT NULL;

CREATE TABLE offer (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL,
    lender_id uuid NOT NULL,
    strategy_id uuid NOT NULL,
    ask_bp integer NOT NULL,
    tier text NOT NULL CHECK (tier IN ('A', 'B', 'C')),
    months integer[] NOT NULL,
    min_ticket_cents bigint NOT NULL,
    per_request_cents bigint,
    per_borrower_cents bigint,
    per_company_cents bigint,
    strategy_rank integer NOT NULL DEFAULT 1,
    sequence bigint NOT NULL,
    state text NOT NULL DEFAULT 'standing' CHECK (state IN ('standing', 'withdrawn')),
    placed_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON COLUMN offer.sequence IS 'order of first arrival in its book';
CREATE INDEX offer_company ON offer (company_id) WHERE state = 'standing';
CREATE INDEX offer_lender ON offer (lender_id);

CREATE TABLE credit_request (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL REFERENCES company,
    borrower_id uuid NOT NULL REFERENCES party,
    employment_id uuid REFERENCES employment,
    amount_cents bigint NOT NULL CHECK (amount_cents BETWEEN 1 AND 10000000000000),
    min_amount_cents bigint NOT NULL CHECK (min_amount_cents BETWEEN 1 AND amount_cents),
    months integer NOT NULL CHECK (months BETWEEN 1 AND 600),
    max_rate_bp integer NOT NULL CHECK (max_rate_bp >= 0),
    accepts_shrink boolean NOT NULL DEFAULT false,
    purpose text NOT NULL DEFAULT '',
    purpose_class integer NOT NULL DEFAULT 1 CHECK (purpose_class BETWEEN 1 AND 3),
    debit_day integer CHECK (debit_day BETWEEN 1 AND 31),
    details jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'draft' CHECK (state IN (
        'draft', 'assessed', 'declined', 'opening', 'open', 'covered', 'signed', 'funding', 'disbursed',
        'cancelled', 'expired', 'lapsed')),
    assessment jsonb,
    command_id uuid,
    approval_sequence bigint,
    cover_id text,
    covered_cents bigint,
    company_cents bigint,
    rate_bp integer,
    loan_rate_cbp integer,
    terms_version integer,
    mandate_id uuid REFERENCES mandate,
    bank_account_id uuid REFERENCES bank_account,
    created_at timestamptz NOT NULL,
    opened_at timestamptz,
    expires_at timestamptz,
    covered_at timestamptz,
    accept_until_at timestamptz,
    signed_at timestamptz,
    disbursed_at timestamptz,
    closed_at timestamptz,
    CHECK (state NOT IN ('covered', 'signed', 'funding', 'disbursed')
           OR (cover_id IS NOT NULL AND covered_cents IS NOT NULL AND company_cents IS NOT NULL
               AND rate_bp IS NOT NULL AND loan_rate_cbp IS NOT NULL AND accept_until_at IS NOT NULL))
);
COMMENT ON COLUMN credit_request.details IS 'what the borrower declared besides (income, other instalments), shaped by the api';
COMMENT ON COLUMN credit_request.assessment IS 'outcome and reasons of the last assessment, each with what would pass';
COMMENT ON COLUMN credit_request.command_id IS 'the command that opens it';
COMMENT ON COLUMN credit_request.covered_cents IS 'the whole cover: lenders'' fills and company tranche';
CREATE INDEX credit_request_borrower ON credit_request (borrower_id);
CREATE INDEX credit_request_company_state ON credit_request (company_id, state);
CREATE INDEX credit_request_unsigned ON credit_request (accept_until_at) WHERE state = 'covered';

-- The one closing of a request's one opening: who inserts first wins, and the book obeys.
CREATE TABLE request_closing (
    request_id uuid PRIMARY KEY REFERENCES credit_request,
    kind text NOT NULL CHECK (kind IN ('sign', 'cancel', 'lapse')),
    cover_id text,
    command_id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (kind = 'cancel' OR cover_id IS NOT NULL)
);

CREATE TABLE cover (
    cover_id text PRIMARY KEY,
    request_id uuid NOT NULL,
    company_id uuid NOT NULL,
    shard text NOT NULL,
    plan_seq bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('proposed', 'covered', 'signed', 'released')),
    round integer NOT NULL DEFAULT 0,
    amount_cents bigint NOT NULL,
    company_cents bigint NOT NULL,
    rate_bp integer NOT NULL,
    loan_rate_cbp integer NOT NULL,
    dust text NOT NULL CHECK (dust IN ('none', 'backstop', 'shrunk', 'shaved')),
    released_why text CHECK (released_why IN ('failed', 'cancelled', 'lapsed', 'expired')),
    proposed_at timestamptz NOT NULL,
    covered_at timestamptz,
    released_at timestamptz,
    CHECK ((state = 'released') = (released_why IS NOT NULL))
);
COMMENT ON COLUMN cover.cover_id IS '<shard>:<sequence> of the event that proposed it';
COMMENT ON COLUMN cover.plan_seq IS 'sequence of the event that holds the present plan and its receipt';
CREATE INDEX cover_request ON cover (request_id);
CREATE INDEX cover_in_flight ON cover (shard) WHERE state = 'proposed';

-- One lender's part of a cover, as its book and its purse each tell it.
CREATE TABLE fill (
    fill_id text PRIMARY KEY,
    cover_id text,
    request_id uuid,
    company_id uuid,
    lender_id uuid NOT NULL,
    offer_id uuid,
    strategy_id uuid,
    wanted_cents bigint,
    book_state text CHECK (book_state IN ('asked', 'taken', 'denied', 'superseded', 'releasing', 'ended', 'signed')),
    purse_state text CHECK (purse_state IN (
        'taken', 'denied', 'void', 'released', 'replaced', 'sent', 'refunded', 'lent')),
    amount_book_cents bigint CHECK (amount_book_cents > 0),
    amount_purse_cents bigint CHECK (amount_purse_cents > 0),
    replaces_fill_id text,
    CONSTRAINT fill_sides_agree CHECK (amount_book_cents = amount_purse_cents)
);
COMMENT ON COLUMN fill.fill_id IS '<book shard>.<sequence of the event that names it>.<place in that event>';
CREATE INDEX fill_cover ON fill (cover_id);
CREATE INDEX fill_request ON fill (request_id);
CREATE INDEX fill_lender ON fill (lender_id);
CREATE INDEX fill_in_flight ON fill (fill_id) WHERE book_state IN ('asked', 'superseded', 'releasing');

CREATE FUNCTION announce_decided_commands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('command_decided', '') FROM decided WHERE state = 'decided' LIMIT 1;
    RETURN NULL;
END $$;
CREATE TRIGGER command_decided AFTER UPDATE ON command REFERENCING NEW TABLE AS decided
    FOR EACH STATEMENT EXECUTE FUNCTION announce_decided_commands();
