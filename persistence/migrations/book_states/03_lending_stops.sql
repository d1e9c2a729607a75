-- Who may not lend, by order, and what of it the books have been told.

CREATE TABLE lending_stop (
    lender_id uuid NOT NULL REFERENCES party,
    company_id uuid REFERENCES company,
    bar text NOT NULL CHECK (bar IN ('paused', 'identity', 'conflict')),
    ordered_by text NOT NULL CHECK (ordered_by IN ('lender', 'operations')),
    since_at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (lender_id, company_id, bar, ordered_by),
    CHECK (ordered_by = 'operations' OR (bar = 'paused' AND company_id IS NULL))
);
COMMENT ON TABLE lending_stop IS 'bars that somebody ordered; others follow from identity checks and conflicts of interest';
COMMENT ON COLUMN lending_stop.company_id IS 'the book it holds for; null: every book';

CREATE TABLE lender_bar_asked (
    company_id uuid NOT NULL REFERENCES company,
    lender_id uuid NOT NULL REFERENCES party,
    bar text NOT NULL CHECK (bar IN ('paused', 'identity', 'conflict')),
    PRIMARY KEY (company_id, lender_id, bar)
);
COMMENT ON TABLE lender_bar_asked IS 'bars that books have been told of by a command and not told to take back';
CREATE INDEX lender_bar_asked_lender ON lender_bar_asked (lender_id);
