"""A party at the payment institution: its identity check, its wallet, and the IBAN for wires."""

from typing import Any

import msgspec
from litestar import Controller, Request, get, post

from api.callers import Role
from api.dependencies import Database, Enrolments, SignedIn
from api.enrolled_parties import accepted_party, enrolled_party, own_address, party_profile
from api.guards import Objects, allow
from api.profiles import individual, legal_entity
from persistence.wallets import own_wallet

_BUCKETS = ("free", "taken", "sent", "held", "lent", "incoming", "budget", "received")
_OWNERS = allow(Role.BORROWER, Role.LENDER, Role.COMPANY, objects=Objects.THE_CALLER)


class KycReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """How the identity check stands; while it is in progress it goes on at `url`."""

    state: str
    reason: str | None
    url: str | None


class WalletReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet and its money. Free: to be spent; taken: promised to covers; sent: in a borrower's wallet, the loan not
    disbursed yet; held: on its way to the bank; lent; incoming: collected, not in the wallet yet; budget: a company's
    own tranches; received: a borrower's, not allocated to any instalment."""

    wallet_id: str
    state: str
    iban: str | None
    free_cents: int
    taken_cents: int
    sent_cents: int
    held_cents: int
    lent_cents: int
    incoming_cents: int
    budget_cents: int
    received_cents: int


class VirtualIbanReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The IBAN on which the wallet receives wires."""

    iban: str


class WalletController(Controller):
    tags = ("Wallet",)

    @get("/kyc", operation_id="GetKyc", opt=_OWNERS)
    async def get_kyc(self, caller: SignedIn, pool: Database) -> KycReceipt:
        """How one's own identity check stands."""
        wallet = await own_wallet(pool, caller.own_id)
        url = wallet.onboarding_url if wallet.kyc_state == "in_progress" else None
        return KycReceipt(state=wallet.kyc_state, reason=wallet.kyc_reason, url=url)

    @post("/kyc/sessions", operation_id="StartKyc", status_code=200, opt=_OWNERS)
    async def start_kyc(
        self, caller: SignedIn, pool: Database, enrolment: Enrolments, request: Request[Any, Any, Any]
    ) -> KycReceipt:
        """Open the account at the payment institution and begin, or go on with, the identity check."""
        party = await enrolled_party(pool, caller.own_id)
        profile = await party_profile(pool, party.id)
        here = own_address(request)
        if profile.entity is None:
            check = await enrolment.enrol_person(party, individual(profile.person), redirect_url=here)
        else:
            check = await enrolment.enrol_company(
                party, legal_entity(profile.entity), individual(profile.person), redirect_url=here
            )
        return KycReceipt(state=check.state, reason=party.kyc_reason, url=check.url)

    @get("/wallet", operation_id="GetWallet", opt=_OWNERS)
    async def get_wallet(self, caller: SignedIn, pool: Database) -> WalletReceipt:
        """One's own wallet and its money."""
        wallet = await own_wallet(pool, caller.own_id)
        cents = {f"{bucket}_cents": wallet.buckets.get(bucket, 0) for bucket in _BUCKETS}
        return WalletReceipt(wallet_id=wallet.wallet_id, state=wallet.kyc_state, iban=wallet.virtual_iban, **cents)

    @post("/wallet/virtual-iban", operation_id="CreateVirtualIban", status_code=200, opt=_OWNERS)
    async def create_virtual_iban(self, caller: SignedIn, pool: Database, enrolment: Enrolments) -> VirtualIbanReceipt:
        """The IBAN to wire money to. It is made at the first call."""
        party = await accepted_party(pool, caller.own_id)
        return VirtualIbanReceipt(iban=await enrolment.virtual_iban(party))
