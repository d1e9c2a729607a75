"""Looking up what became of a command whose answer was lost or not waited for."""

from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath

from api.body_fields import WaitS
from api.callers import Role
from api.command_desk import CommandReceipt, command_receipt
from api.dependencies import Commands, SignedIn
from api.guards import Objects, allow
from api.problems import not_found


class CommandController(Controller):
    path = "/commands/{command_id:uuid}"
    tags = ("Commands",)

    @get(
        operation_id="GetCommand",
        opt=allow(Role.OPERATOR, Role.COMPANY, Role.LENDER, Role.BORROWER, objects=Objects.OWN_IN_QUERY),
    )
    async def get_command(
        self, command_id: FromPath[UUID], caller: SignedIn, commands: Commands, wait_s: WaitS = 0
    ) -> CommandReceipt:
        """One's own command. 404 means that it was never recorded: it is safe to send it again.

        A decision is told once it is in the record, some milliseconds after the book has made it.
        """
        status = await commands.wait(str(command_id), wait_s=wait_s)
        if status is None or not (caller.is_operator or status.party_id == caller.party_id):
            not_found("command")
        return command_receipt(status)
