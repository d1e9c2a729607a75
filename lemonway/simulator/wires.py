"""Money in by bank wire: virtual IBANs, and wires as the outside world sends them (docs/lemonway_facts.md §5)."""

from typing import Annotated

import msgspec

from lemonway.simulator.clock import now_s
from lemonway.simulator.fields import Fields
from lemonway.simulator.ibans import BNL_BIC, normalised, virtual_iban
from lemonway.simulator.movements import OUTSIDE, SUCCESS, WIRE_IN, move, record, transaction
from lemonway.simulator.notifications import euros, notify
from lemonway.simulator.paging import Json
from lemonway.simulator.payouts import holder_name
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store
from lemonway.simulator.wallets import note_change, receiving_wallet, wallet

_COUNTRIES = ("BE", "ES", "FR", "IT")
_ACTIVE, _VIRTUAL = 5, 2
_IBANS_PER_WALLET_MAX = 10


class Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transfer somebody orders at their bank. `wire_id` makes it arrive once, however often it is told.

    The wallet is named by `wallet`, else by the virtual `iban`, else by a `label` of the form `CODE-WALLETID`.
    """

    wire_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    cents: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    payer: Annotated[str, msgspec.Meta(max_length=256)]
    wallet: str | None = None
    iban: str | None = None
    label: str = ""


class WireToldDifferently(Exception):
    """The wire id was used before, for another wire."""


def create_virtual_iban(store: Store, body: Fields) -> Json:
    """POST bankwire/iban/create. Every call makes another IBAN, as there is nothing to recognise a repetition by."""
    wallet_id, country = body.text("wallet", longest=256), body.text("country", longest=2, shortest=2)
    if country not in _COUNTRIES:
        raise Refused(234, f"country must be one of {', '.join(_COUNTRIES)}")
    if country != "IT":
        raise Refused(138, "this simulator issues Italian IBANs only")
    receiving_wallet(store, wallet_id)
    in_use = store.value("SELECT count(*) FROM ibans WHERE wallet_id = ? AND type = ?", wallet_id, _VIRTUAL)
    if in_use >= _IBANS_PER_WALLET_MAX:
        raise Refused(109, f"{in_use} virtual IBANs on this wallet")
    number = store.value("SELECT count(*) + 1 FROM ibans WHERE type = ?", _VIRTUAL)
    iban, holder = virtual_iban(number), holder_name(store, wallet_id)
    iban_id = store.insert(
        "ibans", wallet_id=wallet_id, type=_VIRTUAL, iban=iban, bic=BNL_BIC, holder=holder, status=_ACTIVE
    )
    note_change(store, wallet_id)
    return {
        "id": iban_id,
        "iban": iban,
        "bic": BNL_BIC,
        "holder": holder,
        "domiciliation": "BNL",
        "status": _ACTIVE,
        "maxAvailableIbanPerWallet": _IBANS_PER_WALLET_MAX,
        "maxAvailableIban": 10_000,
        "pdf": None,
        "qrCode": None,
    }


def receive_wire(store: Store, wire: Wire) -> int:
    """Credit the wallet at once and notify (10); the transaction's id, the same when the wire is told again."""
    wallet_id = _addressee(store, wire)
    known = store.one("SELECT * FROM wires WHERE id = ?", wire.wire_id)
    if known is not None:
        if (known["wallet_id"], known["cents"], known["payer"], known["label"]) != (
            wallet_id,
            wire.cents,
            wire.payer,
            wire.label,
        ):
            raise WireToldDifferently(wire.wire_id)
        return int(known["transaction_id"])
    receiving_wallet(store, wallet_id)
    transaction_id = record(
        store,
        kind="wire",
        method=WIRE_IN,
        status=SUCCESS,
        amount_cents=wire.cents,
        receiver_id=wallet_id,
        executed_at=now_s(store),
        comment=wire.label or None,
        label=wire.payer,
        bank_reference=wire.wire_id,
    )
    move(store, transaction_id, source=OUTSIDE, target=wallet_id, cents=wire.cents)
    store.insert(
        "wires",
        id=wire.wire_id,
        transaction_id=transaction_id,
        wallet_id=wallet_id,
        cents=wire.cents,
        payer=wire.payer,
        label=wire.label,
    )
    notify(
        store,
        10,
        subject=f"transaction {transaction_id}",
        wallet_id=wallet_id,
        IdTransaction=transaction_id,
        Amount=euros(wire.cents),
        Status=transaction(store, transaction_id)["status"],
    )
    return transaction_id


def _addressee(store: Store, wire: Wire) -> str:
    if wire.wallet is not None:
        return str(wallet(store, wire.wallet)["id"])
    if wire.iban is not None:
        row = store.one("SELECT wallet_id FROM ibans WHERE iban = ? AND type = ?", normalised(wire.iban), _VIRTUAL)
        if row is None:
            raise Refused(147, f"no wallet has the IBAN {wire.iban}")
        return str(row["wallet_id"])
    _, separator, wallet_id = wire.label.partition("-")
    if not separator:
        raise Refused(147, "neither wallet nor IBAN, and no wallet in the label")
    return str(wallet(store, wallet_id.strip())["id"])
