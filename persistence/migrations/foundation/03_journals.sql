-- The journals of books and purses as PostgreSQL keeps them, and how far each has been projected.

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Correct with a new row that says what changed.';
END $$;

CREATE TABLE journal_event (
    shard text NOT NULL,
    seq bigint NOT NULL CHECK (seq >= 1),
    kind text NOT NULL,
    company_id uuid,
    lender_id uuid,
    cause_id text NOT NULL,
    payload bytea NOT NULL,
    hash text NOT NULL CHECK (length(hash) = 40),
    projected_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shard, seq)
);
CREATE INDEX journal_event_company ON journal_event (company_id, shard, seq) WHERE company_id IS NOT NULL;
CREATE INDEX journal_event_lender ON journal_event (lender_id, shard, seq) WHERE lender_id IS NOT NULL;
CREATE TRIGGER journal_event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE TABLE projection_cursor (
    shard text PRIMARY KEY,
    seq bigint NOT NULL CHECK (seq >= 0),
    hash text NOT NULL CHECK (length(hash) = 40),
    halted_why text,
    halted_at timestamptz,
    advanced_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((halted_why IS NULL) = (halted_at IS NULL))
);
COMMENT ON COLUMN projection_cursor.halted_why IS
    'why this shard is no longer projected (a gap, a diverged chain, a refused posting); a person clears it';
