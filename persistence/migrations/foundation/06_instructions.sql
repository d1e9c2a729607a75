-- Steps that others must take because of something recorded here: Lemonway (money) and the purses (promises);
-- and what Lemonway tells us.

CREATE TABLE payment_instruction (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('fund', 'disburse', 'collect', 'gather', 'distribute', 'pay_out')),
    reference uuid NOT NULL UNIQUE,
    debit_wallet text,
    credit_wallet text,
    cents bigint NOT NULL CHECK (cents BETWEEN 1 AND 10000000000000),
    bank_account_id uuid REFERENCES bank_account,
    mandate_id uuid REFERENCES mandate,
    collection_date date,
    participant_kind text CHECK (participant_kind IN ('lender', 'company', 'borrower')),
    participant_id uuid,
    request_id uuid,
    fill_id text,
    loan_id uuid,
    collection_id uuid,
    payout_id uuid,
    business_date date,
    at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'ready'
        CHECK (state IN ('ready', 'queued', 'sending', 'done', 'returned', 'review')),
    attempt integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    absent_polls integer NOT NULL DEFAULT 0 CHECK (absent_polls >= 0),
    next_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    sent_at timestamptz,
    psp_id text,
    executed_at timestamptz,
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((participant_kind IS NULL) = (participant_id IS NULL)),
    CHECK (kind NOT IN ('fund', 'gather', 'distribute') OR (debit_wallet IS NOT NULL AND credit_wallet IS NOT NULL)),
    CHECK (kind NOT IN ('disburse', 'pay_out') OR (debit_wallet IS NOT NULL AND bank_account_id IS NOT NULL)),
    CHECK (kind <> 'collect'
           OR (credit_wallet IS NOT NULL AND mandate_id IS NOT NULL AND collection_date IS NOT NULL)),
    CHECK (state <> 'sending' OR sent_at IS NOT NULL),
    CHECK (state <> 'done' OR (psp_id IS NOT NULL AND executed_at IS NOT NULL))
);
COMMENT ON COLUMN payment_instruction.id IS 'UUIDv5 of what it pays, so that asking twice is harmless';
COMMENT ON COLUMN payment_instruction.reference IS 'UUIDv5 of the id: what Lemonway is given, the same at every attempt';
COMMENT ON COLUMN payment_instruction.at IS 'business instant at which it was asked for';
COMMENT ON COLUMN payment_instruction.next_at IS 'real time, as lease_until and sent_at: the clock of this database';
COMMENT ON COLUMN payment_instruction.absent_polls IS 'times its reference was looked up and not found since it was sent';
COMMENT ON COLUMN payment_instruction.executed_at IS 'business instant at which Lemonway executed it';
CREATE INDEX payment_instruction_open ON payment_instruction (state, next_at, id)
    WHERE state IN ('ready', 'queued', 'sending');
CREATE INDEX payment_instruction_request ON payment_instruction (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX payment_instruction_loan ON payment_instruction (loan_id) WHERE loan_id IS NOT NULL;
CREATE INDEX payment_instruction_participant ON payment_instruction (participant_id, business_date)
    WHERE participant_id IS NOT NULL;
-- One movement at Lemonway carries out one instruction. Its transfers, money-ins and money-outs are numbered apart.
CREATE UNIQUE INDEX payment_instruction_movement ON payment_instruction ((
    CASE WHEN kind IN ('fund', 'gather', 'distribute') THEN 'p2p'
         WHEN kind = 'collect' THEN 'money_in' ELSE 'money_out' END), psp_id) WHERE psp_id IS NOT NULL;

CREATE TABLE purse_instruction (
    id uuid PRIMARY KEY,
    number bigserial NOT NULL UNIQUE,
    lender_id uuid NOT NULL,
    operation text NOT NULL
        CHECK (operation IN ('deposit', 'limits', 'post', 'refund', 'lend', 'hold', 'pay_out', 'void_hold')),
    ref text NOT NULL,
    cents bigint NOT NULL DEFAULT 0 CHECK (cents >= 0),
    reserved_cents bigint NOT NULL DEFAULT 0 CHECK (reserved_cents BETWEEN 0 AND cents),
    reserve_cents bigint NOT NULL DEFAULT 0 CHECK (reserve_cents >= 0),
    strategy_limits jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'done', 'review')),
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    UNIQUE (operation, ref),
    CHECK ((state = 'done') = (done_at IS NOT NULL)),
    CHECK ((state = 'review') = (last_error IS NOT NULL))
);
COMMENT ON COLUMN purse_instruction.number IS 'order of asking: a purse takes its steps in this order';
COMMENT ON COLUMN purse_instruction.state IS
    'done: the purse''s own event is projected; review: the purse says it can never take the step, a person must look';
CREATE INDEX purse_instruction_ready ON purse_instruction (number) WHERE state = 'ready';

CREATE TABLE lemonway_notification (
    key text PRIMARY KEY,
    category integer NOT NULL,
    object_id text,
    body jsonb NOT NULL,
    state text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'processed')),
    received_at timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    last_error text
);
COMMENT ON COLUMN lemonway_notification.key IS 'category, object, status and date: the same notification twice is one row';
CREATE INDEX lemonway_notification_unprocessed ON lemonway_notification (received_at) WHERE state = 'received';

CREATE TABLE wire (
    id text PRIMARY KEY,
    wallet_id text NOT NULL,
    party_id uuid REFERENCES party,
    cents bigint NOT NULL CHECK (cents BETWEEN 1 AND 10000000000000),
    state text NOT NULL CHECK (state IN ('matched', 'unmatched')),
    executed_at timestamptz NOT NULL,
    notification_key text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'matched') = (party_id IS NOT NULL))
);
COMMENT ON COLUMN wire.id IS 'Lemonway''s id of the money-in';
CREATE INDEX wire_party ON wire (party_id);

CREATE FUNCTION announce_new_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_TABLE_NAME, '');
    RETURN NULL;
END $$;
CREATE TRIGGER payment_instruction_announced AFTER INSERT ON payment_instruction
    FOR EACH STATEMENT EXECUTE FUNCTION announce_new_rows();
CREATE TRIGGER purse_instruction_announced AFTER INSERT ON purse_instruction
    FOR EACH STATEMENT EXECUTE FUNCTION announce_new_rows();
CREATE TRIGGER command_announced AFTER INSERT ON command
    FOR EACH STATEMENT EXECUTE FUNCTION announce_new_rows();
CREATE TRIGGER lemonway_notification_announced AFTER INSERT ON lemonway_notification
    FOR EACH STATEMENT EXECUTE FUNCTION announce_new_rows();
