-- What a lender says of its strategies and offers, version by version, and all that an offer in a book can say.

ALTER TABLE strategy
    ADD COLUMN change_id uuid,
    ADD CONSTRAINT strategy_change UNIQUE (id, change_id);
COMMENT ON COLUMN strategy.change_id IS 'the key of the call that made this version: the same call again makes no other';

-- Append-only: an offer is its highest version.
CREATE TABLE offer_version (
    id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    company_id uuid NOT NULL REFERENCES company,
    lender_id uuid NOT NULL REFERENCES party,
    strategy_id uuid NOT NULL,
    wish jsonb NOT NULL,
    terms jsonb,
    change_id uuid,
    command_id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version),
    UNIQUE (id, change_id)
);
COMMENT ON COLUMN offer_version.wish IS 'what the lender said of this book besides its strategy';
COMMENT ON COLUMN offer_version.terms IS 'what the book was told, made of wish and strategy; null: the offer is withdrawn';
CREATE INDEX offer_version_lender ON offer_version (lender_id);

CREATE TABLE company_exclusion (
    lender_id uuid NOT NULL REFERENCES party,
    company_id uuid NOT NULL REFERENCES company,
    at timestamptz NOT NULL,
    PRIMARY KEY (lender_id, company_id)
);
COMMENT ON TABLE company_exclusion IS 'companies to which a lender never lends';

ALTER TABLE offer
    ADD COLUMN asks_by_term jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN floating jsonb,
    ADD COLUMN is_all_or_none boolean NOT NULL DEFAULT false,
    ADD COLUMN filters jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN is_paused boolean NOT NULL DEFAULT false;
