-- Loans as the fold of their events, and the money that comes back.

CREATE TABLE loan (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL UNIQUE REFERENCES credit_request,
    company_id uuid NOT NULL REFERENCES company,
    borrower_id uuid NOT NULL REFERENCES party,
    mandate_id uuid REFERENCES mandate,
    principal_cents bigint NOT NULL CHECK (principal_cents > 0),
    rate_cbp integer NOT NULL CHECK (rate_cbp >= 0),
    months integer NOT NULL CHECK (months >= 1),
    plan jsonb NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'settled')),
    event_count integer NOT NULL CHECK (event_count >= 1),
    outstanding_cents bigint NOT NULL CHECK (outstanding_cents BETWEEN 0 AND principal_cents),
    collected_cents bigint NOT NULL DEFAULT 0 CHECK (collected_cents >= 0),
    unapplied_cents bigint NOT NULL DEFAULT 0 CHECK (unapplied_cents >= 0),
    needs_person text,
    next_collection_date date,
    next_submission_date date,
    disbursed_on date NOT NULL,
    settled_on date,
    CHECK ((state = 'settled') = (settled_on IS NOT NULL)),
    CHECK (state <> 'settled' OR outstanding_cents = 0)
);
COMMENT ON COLUMN loan.plan IS 'a marketplace.loans.schedules.Plan: what was agreed; what has been paid follows from the events';
COMMENT ON COLUMN loan.rate_cbp IS 'hundredths of a basis point a year';
COMMENT ON COLUMN loan.unapplied_cents IS 'received from the borrower for what is not due yet';
COMMENT ON COLUMN loan.needs_person IS 'what somebody must do before collecting goes on';
COMMENT ON COLUMN loan.next_submission_date IS 'business date on which the next collection must be sent to the bank; null: none is due';
CREATE INDEX loan_to_collect ON loan (next_submission_date) WHERE state = 'active';
CREATE INDEX loan_company ON loan (company_id);
CREATE INDEX loan_borrower ON loan (borrower_id);

CREATE TABLE loan_event (
    loan_id uuid NOT NULL REFERENCES loan DEFERRABLE INITIALLY DEFERRED,
    number integer NOT NULL CHECK (number >= 1),
    kind text NOT NULL,
    payload jsonb NOT NULL,
    effective_on date NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (loan_id, number)
);
CREATE TRIGGER loan_event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON loan_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE TABLE loan_share (
    loan_id uuid NOT NULL REFERENCES loan,
    participant_kind text NOT NULL CHECK (participant_kind IN ('lender', 'company')),
    participant_id uuid NOT NULL REFERENCES party,
    place integer NOT NULL CHECK (place >= 0),
    fill_id text UNIQUE,
    principal_cents bigint NOT NULL CHECK (principal_cents > 0),
    rate_cbp integer NOT NULL CHECK (rate_cbp >= 0),
    principal_paid_cents bigint NOT NULL DEFAULT 0 CHECK (principal_paid_cents BETWEEN 0 AND principal_cents),
    interest_paid_cents bigint NOT NULL DEFAULT 0 CHECK (interest_paid_cents >= 0),
    PRIMARY KEY (loan_id, participant_kind, participant_id),
    UNIQUE (loan_id, place),
    CHECK ((participant_kind = 'lender') = (fill_id IS NOT NULL))
);
COMMENT ON COLUMN loan_share.place IS 'order of the shares within the loan, which decides who gains a cent on a tie';
CREATE INDEX loan_share_participant ON loan_share (participant_id);

CREATE TABLE collection (
    id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES loan,
    cents bigint NOT NULL CHECK (cents > 0),
    instalment_numbers integer[] NOT NULL CHECK (cardinality(instalment_numbers) >= 1),
    presentation integer NOT NULL DEFAULT 1 CHECK (presentation >= 1),
    submission_date date NOT NULL,
    collection_date date NOT NULL CHECK (collection_date >= submission_date),
    state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'submitted', 'collected', 'refused')),
    instruction_id uuid NOT NULL UNIQUE REFERENCES payment_instruction,
    money_in_id text UNIQUE,
    refused_reason text,
    submitted_at timestamptz,
    read_at timestamptz,
    result_at timestamptz,
    CHECK (state <> 'submitted' OR money_in_id IS NOT NULL),
    CHECK ((state IN ('collected', 'refused')) = (result_at IS NOT NULL)),
    CHECK ((state = 'refused') = (refused_reason IS NOT NULL))
);
COMMENT ON COLUMN collection.read_at IS 'business instant at which it was last looked up at Lemonway and still pending';
CREATE INDEX collection_loan ON collection (loan_id);
CREATE UNIQUE INDEX collection_open ON collection (loan_id) WHERE state IN ('planned', 'submitted');
CREATE INDEX collection_awaited ON collection (collection_date) WHERE state IN ('planned', 'submitted');

CREATE TABLE receipt_share (
    collection_id uuid NOT NULL REFERENCES collection,
    participant_kind text NOT NULL CHECK (participant_kind IN ('lender', 'company')),
    participant_id uuid NOT NULL REFERENCES party,
    loan_id uuid NOT NULL REFERENCES loan,
    principal_cents bigint NOT NULL CHECK (principal_cents >= 0),
    interest_cents bigint NOT NULL CHECK (interest_cents >= 0),
    gather_instruction_id uuid NOT NULL REFERENCES payment_instruction,
    gathered_at timestamptz,
    distribute_instruction_id uuid REFERENCES payment_instruction,
    distributed_at timestamptz,
    PRIMARY KEY (collection_id, participant_kind, participant_id),
    CHECK (principal_cents + interest_cents > 0),
    CHECK (distribute_instruction_id IS NULL OR gathered_at IS NOT NULL),
    CHECK (distributed_at IS NULL OR distribute_instruction_id IS NOT NULL)
);
CREATE INDEX receipt_share_gather ON receipt_share (gather_instruction_id);
CREATE INDEX receipt_share_distribute ON receipt_share (distribute_instruction_id)
    WHERE distribute_instruction_id IS NOT NULL;
CREATE INDEX receipt_share_to_distribute ON receipt_share (participant_id)
    WHERE distribute_instruction_id IS NULL;
CREATE INDEX receipt_share_loan ON receipt_share (loan_id);

CREATE TABLE payout (
    id uuid PRIMARY KEY,
    participant_kind text NOT NULL CHECK (participant_kind IN ('lender', 'company', 'borrower')),
    participant_id uuid NOT NULL REFERENCES party,
    loan_id uuid REFERENCES loan,
    bank_account_id uuid NOT NULL REFERENCES bank_account,
    cents bigint NOT NULL CHECK (cents BETWEEN 1 AND 10000000000000),
    state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'held', 'executed', 'refused', 'cancelled')),
    refused_reason text,
    at timestamptz NOT NULL,
    decided_at timestamptz,
    executed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'executed') = (executed_at IS NOT NULL)),
    CHECK ((state = 'refused') = (refused_reason IS NOT NULL))
);
CREATE INDEX payout_participant ON payout (participant_id);
CREATE UNIQUE INDEX payout_of_settled_loan ON payout (loan_id, participant_id) WHERE loan_id IS NOT NULL;
CREATE INDEX payout_undecided ON payout (at) WHERE state IN ('asked', 'held');

ALTER TABLE payment_instruction
    ADD CONSTRAINT payment_instruction_payout FOREIGN KEY (payout_id) REFERENCES payout;
