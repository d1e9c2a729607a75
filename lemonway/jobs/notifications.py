"""Following notifications: each is a hint to read something again at Lemonway, and what is read is what counts.

A notification may be late, doubled, out of order or forged. Following it twice, or for nothing, changes nothing.
"""

import asyncio
from datetime import timedelta

import msgspec
import structlog

from lemonway.client import DirectKit
from lemonway.errors import LemonwayError
from lemonway.jobs.direct_debit_results import DirectDebitResults
from lemonway.jobs.enrolment import Enrolment
from lemonway.jobs.wires_in import WiresIn
from lemonway.statuses import NotificationCategory
from lemonway.webhooks import MalformedNotification, NotificationHint, parse_notification
from marketplace.ports import Clock
from persistence.connection import Pool
from persistence.identity_checks import party_of_wallet
from persistence.inbox import (
    StoredNotification,
    note_failure,
    note_followed,
    waiting_notifications,
)
from persistence.mandate_signing import mandates_being_signed
from persistence.returned_movements import set_bounced_payout_aside, set_returned_collection_aside

_AT_A_TIME = 4
_BATCH = 100
_DISPUTES_WINDOW = timedelta(days=7)

_log = structlog.get_logger(__name__)


class Inbox:
    """Follows stored notifications. Any number of inboxes may work side by side."""

    def __init__(
        self,
        *,
        pool: Pool,
        directkit: DirectKit,
        clock: Clock,
        wires: WiresIn,
        direct_debits: DirectDebitResults,
        enrolment: Enrolment,
    ) -> None:
        self._pool = pool
        self._directkit = directkit
        self._clock = clock
        self._wires = wires
        self._direct_debits = direct_debits
        self._enrolment = enrolment

    async def follow_waiting(self) -> bool:
        """Follow what waits; True when there was something and all of it could be followed."""
        waiting = await waiting_notifications(self._pool, limit=_BATCH)
        left = iter(waiting)
        failed = 0

        async def work() -> None:
            nonlocal failed
            for notification in left:
                is_followed = await self._follow(notification)
                failed += not is_followed

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_A_TIME):
                group.create_task(work())
        return bool(waiting) and not failed

    async def _follow(self, notification: StoredNotification) -> bool:
        try:
            remark = await self._read_again(notification)
        except LemonwayError as failure:
            _log.warning("notification_not_followed", key=notification.key, **failure.for_log())
            await note_failure(self._pool, notification.key, cause=failure.for_record())
            return False
        await note_followed(self._pool, notification.key, remark=remark)
        return True

    async def _read_again(self, notification: StoredNotification) -> str | None:
        """What a person should know about it, if anything."""
        body = msgspec.json.encode(notification.fields)
        hint = parse_notification(content_type="application/json", body=body)
        if isinstance(hint, MalformedNotification):
            return f"cannot be read: {hint.reason}"
        match hint.category:
            case NotificationCategory.WIRE_IN:
                if hint.transaction_id is None:
                    return "names no transaction"
                return await self._wires.read_one(hint.transaction_id, notification_key=notification.key)
            case NotificationCategory.DIRECT_DEBIT | NotificationCategory.DIRECT_DEBIT_CANCELLED:
                if hint.transaction_id is None:
                    return "names no transaction"
                return await self._direct_debits.read_one(hint.transaction_id)
            case NotificationCategory.DOCUMENT_STATUS | NotificationCategory.DOCUMENT_SIGNED:
                return await self._mandates_of(hint)
            case (
                NotificationCategory.WALLET_STATUS
                | NotificationCategory.ONBOARDING_PROFILE
                | NotificationCategory.ONBOARDING_ACCOUNT
                | NotificationCategory.WALLET_CREATION
            ):
                return await self._identity_of(hint)
            case NotificationCategory.MONEY_OUT_CANCELLED:
                return await self._bounced_payout(hint)
            case NotificationCategory.CHARGEBACK:
                return await self._chargeback(hint)
            case _:
                return "nothing here follows this category"

    async def _mandates_of(self, hint: NotificationHint) -> str | None:
        if hint.wallet_id is None:
            return "names no wallet"
        for mandate in await mandates_being_signed(self._pool, wallet_id=hint.wallet_id):
            await self._enrolment.check_mandate(mandate)
        return None

    async def _identity_of(self, hint: NotificationHint) -> str | None:
        party = await party_of_wallet(self._pool, hint.wallet_id) if hint.wallet_id else None
        if party is None:
            return "nobody here has this wallet"
        await self._enrolment.check_identity(party)
        return None

    async def _bounced_payout(self, hint: NotificationHint) -> str | None:
        if hint.transaction_id is None or hint.origin_transaction_id is None:
            return "names no transaction"
        credit = await self._directkit.get_money_in(hint.transaction_id)
        if credit is None:
            return f"Lemonway knows no money-in {hint.transaction_id}"
        reason = f"the bank sent it back: money-in {credit.id} of {credit.credit_amount_cents} cents ({credit.comment})"
        is_ours = await set_bounced_payout_aside(self._pool, psp_id=str(hint.origin_transaction_id), reason=reason)
        return reason if is_ours else f"no payment of ours is {hint.origin_transaction_id}"

    async def _chargeback(self, hint: NotificationHint) -> str | None:
        now_at = self._clock.now()
        disputes = await self._directkit.list_disputes(
            start_at=now_at - _DISPUTES_WINDOW, end_at=now_at + _DISPUTES_WINDOW
        )
        chargeback = next((dispute for dispute in disputes if dispute.id == hint.transaction_id), None)
        if chargeback is None or chargeback.origin_id is None:
            return f"Lemonway knows no chargeback {hint.transaction_id}"
        reason = f"taken back by the debtor's bank: chargeback {chargeback.id} ({chargeback.comment})"
        is_ours = await set_returned_collection_aside(self._pool, money_in_id=str(chargeback.origin_id), reason=reason)
        return reason if is_ours else f"no collection of ours is {chargeback.origin_id}"
