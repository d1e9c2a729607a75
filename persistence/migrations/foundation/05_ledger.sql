-- Double entry: every movement of money and of claims on money. Debit positive, credit negative.

CREATE TABLE account (
    id text PRIMARY KEY,
    owner_kind text NOT NULL CHECK (owner_kind IN ('wallet', 'lender', 'company', 'borrower', 'loan')),
    owner_id text NOT NULL,
    bucket text NOT NULL,
    normal_side smallint NOT NULL CHECK (normal_side IN (1, -1)),
    is_guarded boolean NOT NULL,
    balance_cents bigint NOT NULL DEFAULT 0,
    CHECK (id = owner_kind || ':' || owner_id || ':' || bucket),
    CONSTRAINT account_not_overdrawn CHECK (NOT is_guarded OR balance_cents * normal_side >= 0)
);
CREATE INDEX account_owner ON account (owner_id);
COMMENT ON COLUMN account.normal_side IS '1: grows by debit (a thing held); -1: grows by credit (a thing owed)';
COMMENT ON COLUMN account.balance_cents IS 'debits minus credits; moved by postings alone';

CREATE TABLE journal_entry (
    id text PRIMARY KEY,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    posting_count smallint NOT NULL CHECK (posting_count >= 2),
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    recorded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN journal_entry.id IS 'natural key of the fact that caused it, so that repeating it is found out';
COMMENT ON COLUMN journal_entry.at IS 'business instant of the fact';
COMMENT ON COLUMN journal_entry.digest IS 'SHA-256 of kind and postings: the same id with other figures is refused';
CREATE INDEX journal_entry_at ON journal_entry (at);

CREATE TABLE posting (
    entry_id text NOT NULL REFERENCES journal_entry,
    line smallint NOT NULL CHECK (line >= 0),
    account_id text NOT NULL REFERENCES account,
    cents bigint NOT NULL CHECK (cents <> 0 AND abs(cents) <= 10000000000000),
    PRIMARY KEY (entry_id, line)
);
CREATE INDEX posting_account ON posting (account_id);

-- Fires once per statement, for COPY too. An entry must arrive whole in one statement (lines 0 to n - 1, so that the
-- primary key lets none be added later), sum to zero, and move its accounts there and then. Accounts are locked in order of id, so that two writers never wait for each other in a ring.
CREATE FUNCTION carry_postings_to_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT new_posting.entry_id, count(*) AS postings, sum(cents) AS cents, entry.posting_count INTO wrong
    FROM new_posting JOIN journal_entry entry ON entry.id = new_posting.entry_id
    GROUP BY new_posting.entry_id, entry.posting_count
    HAVING sum(cents) <> 0 OR count(*) <> entry.posting_count OR max(line) >= entry.posting_count
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not balance: % of % postings, sum % cents',
            wrong.entry_id, wrong.postings, wrong.posting_count, wrong.cents
            USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entry_balances';
    END IF;
    PERFORM FROM account WHERE id IN (SELECT account_id FROM new_posting) ORDER BY id FOR NO KEY UPDATE;
    UPDATE account SET balance_cents = balance_cents + moved.cents
    FROM (SELECT account_id, sum(cents) AS cents FROM new_posting GROUP BY account_id) moved
    WHERE account.id = moved.account_id AND moved.cents <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER posting_carries_to_accounts AFTER INSERT ON posting REFERENCING NEW TABLE AS new_posting
    FOR EACH STATEMENT EXECUTE FUNCTION carry_postings_to_accounts();

CREATE TRIGGER journal_entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER posting_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER account_is_never_removed BEFORE DELETE OR TRUNCATE ON account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- Depth 1 is a statement of a client; the postings' own update of an account comes from inside their trigger.
CREATE FUNCTION refuse_balance_without_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account %: only a posting changes an account', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER account_moves_by_postings_alone BEFORE UPDATE ON account
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_balance_without_posting();

CREATE FUNCTION refuse_opening_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account % must open at zero', NEW.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER account_opens_at_zero BEFORE INSERT ON account
    FOR EACH ROW WHEN (NEW.balance_cents <> 0) EXECUTE FUNCTION refuse_opening_balance();
