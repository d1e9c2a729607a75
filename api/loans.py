"""A loan as its borrower sees it."""

from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath

from api.callers import Role
from api.dependencies import Database, SignedIn
from api.guards import Objects, allow
from api.problems import not_found
from persistence.loan_views import LoanView, loan_view


class LoanController(Controller):
    path = "/loans/{loan_id:uuid}"
    tags = ("Loans",)

    @get(operation_id="GetLoan", opt=allow(Role.BORROWER, Role.OPERATOR, objects=Objects.OWN_IN_QUERY))
    async def get_loan(self, loan_id: FromPath[UUID], caller: SignedIn, pool: Database) -> LoanView:
        """The loan with its plan and how each instalment is collected."""
        borrower_id = None if caller.is_operator else caller.own_id
        loan = await loan_view(pool, str(loan_id), borrower_id=borrower_id)
        return loan or not_found("loan")
