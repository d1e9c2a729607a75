"""Money leaving a wallet for its owner's bank account."""

from uuid import UUID

import msgspec
from litestar import Controller, Response, get, put
from litestar.params import FromPath, JSONBody

from api.body_fields import PositiveCents
from api.callers import Caller, Role
from api.command_desk import id_reused
from api.dependencies import Database, MarketClock, SignedIn
from api.guards import Objects, allow
from api.problems import Problem, not_found
from marketplace.chart_of_accounts import ParticipantKind
from persistence.own_payouts import OwnPayout, ask_own_payout, own_payout
from persistence.payouts import (
    BankAccountNotPayable,
    NewPayout,
    PayoutIdReused,
    PayoutTaken,
    TooLittleFree,
)

_OWNERS = (Role.LENDER, Role.COMPANY)


class PayoutBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much, to which of one's own bank accounts."""

    amount_cents: PositiveCents
    bank_account_id: UUID


class PayoutController(Controller):
    path = "/payouts/{payout_id:uuid}"
    tags = ("Payouts",)

    @put(operation_id="AskPayout", status_code=202, opt=allow(*_OWNERS, objects=Objects.CREATES_OWN))
    async def ask_payout(
        self,
        payout_id: FromPath[UUID],
        data: JSONBody[PayoutBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
    ) -> Response[OwnPayout]:
        """Ask to be paid. The money is set aside first, then paid out by the payment institution."""
        new = NewPayout(
            payout_id=str(payout_id),
            participant_kind=_participant_kind(caller),
            participant_id=caller.own_id,
            bank_account_id=str(data.bank_account_id),
            cents=data.amount_cents,
            at=clock.now(),
        )
        async with pool.acquire() as connection, connection.transaction():
            outcome, is_new = await ask_own_payout(connection, new)
        match outcome:
            case PayoutIdReused():
                raise id_reused("payout")
            case BankAccountNotPayable(state=None):
                not_found("bank account")
            case BankAccountNotPayable(state=state):
                raise Problem("wrong-state", "The bank account cannot be paid to yet.", state=state, allowed=["active"])
            case TooLittleFree(free_cents=free_cents, asked_cents=asked_cents):
                raise Problem(
                    "insufficient-funds",
                    "There is less free money than that.",
                    free_cents=free_cents,
                    asked_cents=asked_cents,
                )
            case PayoutTaken():
                payout = await own_payout(pool, new.payout_id, participant_id=new.participant_id)
                return _answer(payout or not_found("payout"), is_new=is_new)

    @get(operation_id="GetPayout", opt=allow(*_OWNERS, objects=Objects.OWN_IN_QUERY))
    async def get_payout(self, payout_id: FromPath[UUID], caller: SignedIn, pool: Database) -> OwnPayout:
        """How one's own payout stands."""
        payout = await own_payout(pool, str(payout_id), participant_id=caller.own_id)
        return payout or not_found("payout")


def _participant_kind(caller: Caller) -> ParticipantKind:
    return "lender" if caller.role is Role.LENDER else "company"


def _answer(payout: OwnPayout, *, is_new: bool) -> Response[OwnPayout]:
    if is_new:
        return Response(payout, status_code=202)
    return Response(payout, status_code=200, headers={"Idempotent-Replayed": "true"})
