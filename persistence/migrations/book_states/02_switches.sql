-- What stops or steers a book, as its journal tells it.

CREATE TABLE book_pause (
    company_id uuid NOT NULL,
    paused_by text NOT NULL CHECK (paused_by IN ('company', 'operations', 'breaker')),
    trip jsonb,
    since_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, paused_by)
);
COMMENT ON TABLE book_pause IS 'who has paused a book and not let it go on yet; nobody: it runs';
COMMENT ON COLUMN book_pause.trip IS 'what the breaker met and what it allows';

CREATE TABLE book_settings (
    company_id uuid PRIMARY KEY,
    breakers jsonb,
    staging_tick_ms integer CHECK (staging_tick_ms >= 0),
    arrears_bp integer CHECK (arrears_bp >= 0),
    changed_at timestamptz NOT NULL
);
COMMENT ON COLUMN book_settings.breakers IS 'the alarms that pause the book by themselves; null: none';
COMMENT ON COLUMN book_settings.staging_tick_ms IS 'how much later each tier below A sees new cash; null: never set';

CREATE TABLE lender_bar (
    company_id uuid NOT NULL,
    lender_id uuid NOT NULL,
    bar text NOT NULL CHECK (bar IN ('paused', 'identity', 'conflict')),
    since_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, lender_id, bar)
);
COMMENT ON TABLE lender_bar IS 'lenders who may not lend in a book, and why';
CREATE INDEX lender_bar_lender ON lender_bar (lender_id);
