-- Partner companies: their codes, terms, people, and the money they set aside.

CREATE TABLE company (
    id uuid PRIMARY KEY REFERENCES party,
    name text NOT NULL,
    sector text,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE company_code (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL REFERENCES company,
    code text NOT NULL UNIQUE CHECK (code = upper(code)),
    site text,
    uses_max integer CHECK (uses_max > 0),
    uses integer NOT NULL DEFAULT 0 CHECK (uses >= 0),
    valid_from_at timestamptz NOT NULL DEFAULT '-infinity',
    valid_until_at timestamptz NOT NULL DEFAULT 'infinity',
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (uses_max IS NULL OR uses <= uses_max)
);
CREATE INDEX company_code_company ON company_code (company_id);

CREATE TABLE company_terms (
    company_id uuid NOT NULL REFERENCES company,
    version integer NOT NULL CHECK (version >= 1),
    terms jsonb NOT NULL,
    policy jsonb NOT NULL,
    command_id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    in_force_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, version)
);
COMMENT ON COLUMN company_terms.in_force_at IS 'when the book put them in force; set by the projector';

CREATE TABLE employee (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL REFERENCES company,
    staff_number text NOT NULL,
    tax_code text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    birth_date date,
    contract_type text NOT NULL,
    hired_on date NOT NULL,
    contract_ends_on date,
    net_monthly_cents bigint NOT NULL CHECK (net_monthly_cents >= 0),
    left_on date,
    import_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, staff_number),
    UNIQUE (company_id, tax_code)
);

-- A borrower's claim to be one of those employees.
CREATE TABLE employment (
    id uuid PRIMARY KEY,
    party_id uuid NOT NULL REFERENCES party,
    company_id uuid NOT NULL REFERENCES company,
    employee_id uuid REFERENCES employee,
    state text NOT NULL CHECK (state IN ('matched', 'mail_sent', 'waiting_hr', 'confirmed', 'refused', 'ended')),
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_on date
);
CREATE INDEX employment_party ON employment (party_id);
CREATE INDEX employment_company ON employment (company_id);

-- Money a company sets aside for its own tranches: from its free money to the budget of its book.
CREATE TABLE company_grant (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL REFERENCES company,
    cents bigint NOT NULL CHECK (cents BETWEEN 1 AND 10000000000000),
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN company_grant.id IS 'also the id of the command that tells the book';
