-- The market's clock, and the business days that have been worked through.

CREATE TABLE business_clock (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    mode text NOT NULL CHECK (mode IN ('system', 'virtual')),
    now_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((mode = 'virtual') = (now_at IS NOT NULL))
);
COMMENT ON TABLE business_clock IS 'one row: the whole market has one time';
INSERT INTO business_clock (mode) VALUES ('system');

CREATE FUNCTION refuse_earlier_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the market''s clock stands at % and cannot go back to %', OLD.now_at, NEW.now_at
        USING ERRCODE = 'check_violation', CONSTRAINT = 'business_clock_never_goes_back';
END $$;
CREATE TRIGGER business_clock_never_goes_back BEFORE UPDATE ON business_clock
    FOR EACH ROW WHEN (NEW.now_at < OLD.now_at) EXECUTE FUNCTION refuse_earlier_time();
CREATE TRIGGER business_clock_announced AFTER UPDATE ON business_clock
    FOR EACH STATEMENT EXECUTE FUNCTION announce_new_rows();

CREATE TABLE business_day_step (
    business_date date NOT NULL,
    step text NOT NULL,
    state text NOT NULL DEFAULT 'started' CHECK (state IN ('started', 'done')),
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (business_date, step),
    CHECK ((state = 'done') = (finished_at IS NOT NULL))
);
