"""Looking at Lemonway for what it never notifies, and for what it may have notified in vain."""

from collections.abc import Awaitable, Callable

import structlog

from lemonway.errors import LemonwayError
from lemonway.jobs.direct_debit_results import DirectDebitResults
from lemonway.jobs.enrolment import Enrolment
from lemonway.jobs.wires_in import WiresIn
from persistence.bank_account_checks import bank_accounts_being_checked
from persistence.connection import Pool
from persistence.identity_checks import parties_in_identity_check
from persistence.mandate_signing import mandates_being_signed

_log = structlog.get_logger(__name__)


class Pollers:
    """One look each at everything that is awaited. Looking twice changes nothing."""

    def __init__(self, *, pool: Pool, wires: WiresIn, direct_debits: DirectDebitResults, enrolment: Enrolment) -> None:
        self._pool = pool
        self._wires = wires
        self._direct_debits = direct_debits
        self._enrolment = enrolment

    async def poll(self) -> None:
        """Results of direct debits first: the evening waits for them. What cannot be read now is read the next time."""
        await self._look(self._direct_debits.read_awaited)
        await self._look(self._wires.read_new)
        await self._look(self._check_identities)
        await self._look(self._check_mandates)
        await self._look(self._check_bank_accounts)

    async def _look(self, look: Callable[[], Awaitable[object]]) -> None:
        try:
            await look()
        except LemonwayError as failure:
            _log.warning("poll_failed", look=look.__name__, **failure.for_log())

    async def _check_identities(self) -> None:
        for party in await parties_in_identity_check(self._pool):
            await self._enrolment.check_identity(party)

    async def _check_mandates(self) -> None:
        for mandate in await mandates_being_signed(self._pool):
            await self._enrolment.check_mandate(mandate)

    async def _check_bank_accounts(self) -> None:
        for account in await bank_accounts_being_checked(self._pool):
            await self._enrolment.check_bank_account(account)
