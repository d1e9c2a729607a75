"""Partner companies: codes, versions of their terms, employees, money they set aside."""

from piccolo.columns import JSONB, UUID, BigInt, Date, Integer, Text, Timestamptz
from piccolo.table import Table


class Company(Table):
    """A partner company; its id is that of its party."""

    id = UUID(primary_key=True, default=None)
    name = Text()
    sector = Text(null=True, default=None)
    created_at = Timestamptz()


class CompanyCode(Table):
    """A code that lets employees in. Written in capitals; limited in uses and time if the company says so."""

    id = UUID(primary_key=True, default=None)
    company_id = UUID(default=None)
    code = Text(unique=True)
    site = Text(null=True, default=None)
    uses_max = Integer(null=True, default=None)
    uses = Integer()
    valid_from_at = Timestamptz()
    valid_until_at = Timestamptz()
    created_at = Timestamptz()


class CompanyTerms(Table):
    """A version of a company's terms and credit policy; `in_force_at` is set once its book has published it.

    The key is (company_id, version). Piccolo knows no composite key: rows are only inserted and read.
    """

    company_id = UUID(primary_key=True, default=None)
    version = Integer()
    terms = JSONB()
    policy = JSONB()
    command_id = UUID(default=None)
    at = Timestamptz()
    in_force_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz()


class Employee(Table):
    """A row of a company's employee list."""

    id = UUID(primary_key=True, default=None)
    company_id = UUID(default=None)
    staff_number = Text()
    tax_code = Text()
    first_name = Text()
    last_name = Text()
    birth_date = Date(null=True, default=None)
    contract_type = Text()
    hired_on = Date()
    contract_ends_on = Date(null=True, default=None)
    net_monthly_cents = BigInt()
    left_on = Date(null=True, default=None)
    import_id = UUID(null=True, default=None)
    created_at = Timestamptz()


class Employment(Table):
    """A borrower's claim to be an employee of a company, and how it was settled."""

    id = UUID(primary_key=True, default=None)
    party_id = UUID(default=None)
    company_id = UUID(default=None)
    employee_id = UUID(null=True, default=None)
    state = Text()
    created_at = Timestamptz()
    ended_on = Date(null=True, default=None)


class CompanyGrant(Table):
    """Money a company set aside for its own tranches; the id is also that of the command to its book."""

    id = UUID(primary_key=True, default=None)
    company_id = UUID(default=None)
    cents = BigInt()
    at = Timestamptz()
    created_at = Timestamptz()
