"""A company's employee list: every row is checked, and all of them are taken or none."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, NoReturn
from uuid import UUID, uuid4

import msgspec
from litestar import Controller, post
from litestar.params import FromPath, JSONBody

from api.body_fields import Cents, Name, StaffNumber, TaxCode
from api.callers import Role
from api.dependencies import Database, MarketClock
from api.guards import Objects, allow
from api.idempotency_keys import IdempotencyKey
from api.problems import Problem, not_found
from api.strict_requests import field_error
from marketplace.loans.assessment_reasons import ContractType
from persistence.company_cards import company_exists
from persistence.employee_imports import ListedEmployee, import_employees

ROWS_MAX = 50_000
ERRORS_TOLD = 200


class EmployeeRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the list. Net pay: cents a month, a thirteenth month's pay spread over twelve."""

    staff_number: StaffNumber
    tax_code: TaxCode
    first_name: Name
    last_name: Name
    birth_date: date | None = None
    contract_type: ContractType
    hired_on: date
    contract_ends_on: date | None = None
    net_monthly_cents: Cents
    left_on: date | None = None


class ImportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows, each decoded on its own, so that every wrong one can be named."""

    rows: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=ROWS_MAX)]


class RowError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong in a row: its line (from 1), the field, the rule, in words."""

    line: int
    field: str
    rule: str
    detail: str


class ImportReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the import did. Nobody is removed by being left out: who leaves gets a `left_on`."""

    import_id: UUID
    row_count: int
    new_count: int
    changed_count: int


class EmployeeImportController(Controller):
    path = "/companies/{company_id:uuid}/employee-imports"
    tags = ("Employees",)

    @post(
        operation_id="ImportEmployees",
        status_code=201,
        opt=allow(Role.COMPANY, Role.OPERATOR, objects=Objects.OWN_COMPANY_IN_PATH),
        request_max_body_size=10 * 1024 * 1024,
    )
    async def import_employees(
        self,
        company_id: FromPath[UUID],
        data: JSONBody[ImportBody],
        pool: Database,
        clock: MarketClock,
        idempotency_key: IdempotencyKey = None,
    ) -> ImportReceipt:
        """Add employees, or change those known by their staff number. The same list again changes nothing."""
        rows = _checked_rows(data.rows)
        if not await company_exists(pool, str(company_id)):
            not_found("company")
        import_id = idempotency_key or uuid4()
        async with pool.acquire() as connection, connection.transaction():
            outcome = await import_employees(
                connection,
                str(company_id),
                [_listed(row) for row in rows],
                import_id=str(import_id),
                at=clock.now(),
            )
        if isinstance(outcome, list):
            taken = [
                _taken(identity.place + 1, identity.field, "of another employee in the list") for identity in outcome
            ]
            _refuse(taken)
        return ImportReceipt(
            import_id=import_id,
            row_count=outcome.row_count,
            new_count=outcome.new_count,
            changed_count=outcome.changed_count,
        )


def _checked_rows(raw_rows: Sequence[msgspec.Raw]) -> list[EmployeeRow]:
    rows: list[EmployeeRow] = []
    errors: list[RowError] = []
    for line, raw in enumerate(raw_rows, start=1):
        try:
            row = msgspec.json.decode(raw, type=EmployeeRow)
        except msgspec.ValidationError as error:
            wrong = field_error(error)
            errors.append(RowError(line=line, field=wrong.pointer.lstrip("/"), rule=wrong.rule, detail=wrong.detail))
            continue
        rows.append(row)
        errors += _contradictions(line, row)
    if not errors:
        errors = [*_repeated(rows, "staff_number"), *_repeated(rows, "tax_code")]
    if errors:
        _refuse(errors)
    return rows


def _contradictions(line: int, row: EmployeeRow) -> list[RowError]:
    errors = []
    if row.birth_date is not None and row.hired_on <= row.birth_date:
        errors.append(RowError(line=line, field="hired_on", rule="order", detail="must be after birth_date"))
    for field in ("contract_ends_on", "left_on"):
        end: date | None = getattr(row, field)
        if end is not None and end < row.hired_on:
            errors.append(RowError(line=line, field=field, rule="order", detail="must not be before hired_on"))
    return errors


def _repeated(rows: Sequence[EmployeeRow], field: str) -> list[RowError]:
    first_lines: dict[str, int] = {}
    errors = []
    for line, row in enumerate(rows, start=1):
        first = first_lines.setdefault(getattr(row, field), line)
        if first != line:
            errors.append(_taken(line, field, f"the same as in line {first}"))
    return errors


def _taken(line: int, field: str, detail: str) -> RowError:
    return RowError(line=line, field=field, rule="unique", detail=detail)


def _refuse(errors: Sequence[RowError]) -> NoReturn:
    raise Problem(
        "invalid-body",
        f"{len(errors)} errors in the rows; nothing was loaded.",
        errors=list(errors[:ERRORS_TOLD]),
        error_count=len(errors),
    )


def _listed(row: EmployeeRow) -> ListedEmployee:
    return ListedEmployee(**{**msgspec.structs.asdict(row), "contract_type": row.contract_type.value})
