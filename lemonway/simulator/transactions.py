"""How DirectKit shows transactions, one by one and in lists (docs/lemonway_facts.md §9)."""

import sqlite3

import msgspec

from lemonway.simulator.fields import Fields
from lemonway.simulator.movements import transaction
from lemonway.simulator.paging import Json, pages
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store
from lemonway.simulator.wallets import wallet

_MONEY_INS = "('wire', 'direct_debit', 'bounce')"
_WEEK_S = 7 * 86_400


def shown(store: Store, transaction_id: int) -> Json:
    """One transaction under the key `transaction`."""
    return {"transaction": transaction_json(transaction(store, transaction_id))}


def transaction_json(row: sqlite3.Row) -> Json:
    if row["kind"] == "p2p":
        return _p2p_json(row)
    if row["kind"] in ("money_out", "chargeback"):
        return _out_json(row)
    return _in_json(row)


def _shared_json(row: sqlite3.Row) -> Json:
    return {
        "id": row["id"],
        "method": row["method"],
        "methodDetails": 0,
        "date": row["initiated_at"],
        "executionDate": row["executed_at"],
        "commissionAmount": row["commission_cents"],
        "comment": row["comment"],
        "status": row["status"],
        "lemonWayCommission": {"idp2p": None, "amount": 0},
        "reference": row["reference"],
        "scheduledDate": row["scheduled_date"],
    }


def _in_json(row: sqlite3.Row) -> Json:
    return _shared_json(row) | {
        "receiverAccountId": row["receiver_id"],
        # Net of the partner's commission, as version 1 had it; SC's history shows the commission as a P2P.
        "creditAmount": row["amount_cents"] - row["commission_cents"],
        "scheduledNumber": None,
        "maskedLabel": row["label"],
        "PSP": None if row["psp_message"] is None else {"message": row["psp_message"]},
        "bankStatus": row["bank_status"],
        "refundAmount": 0.0,
        "bankReference": row["bank_reference"],
    }


def _out_json(row: sqlite3.Row) -> Json:
    return _shared_json(row) | {
        "senderAccountId": row["sender_id"],
        "debitAmount": row["amount_cents"],
        "IbanId": row["iban_id"],
        "maskedLabel": row["label"],
        "bankStatus": row["bank_status"],
        "PSP": None if row["psp_message"] is None else {"message": row["psp_message"]},
        "originId": row["origin_id"],
    }


def _p2p_json(row: sqlite3.Row) -> Json:
    private_data = [] if row["private_data"] is None else msgspec.json.decode(row["private_data"])
    return _shared_json(row) | {
        "senderAccountId": row["sender_id"],
        "receiverAccountId": row["receiver_id"],
        "debitAmount": row["amount_cents"],
        "creditAmount": row["amount_cents"],
        "privateData": {"value": private_data},
        "isFee": row["fee_of"] is not None,
        "feeReference": None if row["fee_of"] is None else str(row["fee_of"]),
    }


def _listed(store: Store, query: Fields, path: str, condition: str, *values: object) -> Json:
    page = pages(store, query, path, f"SELECT * FROM transactions WHERE {condition} ORDER BY id", *values)
    return {"transactions": {"value": [transaction_json(row) for row in page.rows]}, "_links": page.links}


def history(store: Store, wallet_id: str, query: Fields) -> Json:
    """A7. For SC both dates are needed and span a week at most."""
    start, end = query.optional_number("startDate"), query.optional_number("endDate")
    executed_from, executed_to = query.optional_number("executionDateStart"), query.optional_number("executionDateEnd")
    if wallet(store, wallet_id)["kind"] == "sc" and (start is None or end is None or end - start > _WEEK_S):
        raise Refused(234, "for this wallet startDate and endDate are needed, a week apart at most")
    page = pages(
        store,
        query,
        f"/v2/accounts/{wallet_id}/transactions",
        # A commission is part of the transaction it was taken from; only its receiver sees it as a line of its own.
        "SELECT * FROM transactions WHERE (receiver_id = ? OR (sender_id = ? AND fee_of IS NULL))"
        " AND initiated_at BETWEEN ? AND ? AND executed_at BETWEEN ? AND ? ORDER BY id",
        wallet_id,
        wallet_id,
        *_range(start, end),
        *_range(executed_from, executed_to),
    )
    keys = {"p2p": "transactionP2P", "money_out": "transactionOut", "chargeback": "transactionOut"}
    lines = [{keys.get(row["kind"], "transactionIn"): transaction_json(row)} for row in page.rows]
    return {"transactions": {"value": lines}, "_links": page.links}


def _range(start: int | None, end: int | None) -> tuple[int, int]:
    return (0 if start is None else start, 2**62 if end is None else end)


def find_transfers(store: Store, query: Fields) -> Json:
    """GET p2p by id, reference, comment or private data."""
    private_data = query.optional_text("privateData.value", longest=256)
    if private_data is not None:
        quoted = msgspec.json.encode(private_data).decode()
        return _listed(store, query, "/v2/p2p", "kind = 'p2p' AND instr(private_data, ?) > 0", quoted)
    return _listed(store, query, "/v2/p2p", *_criterion(query, "kind = 'p2p'", "reference"))


def find_payouts(store: Store, query: Fields) -> Json:
    return _listed(store, query, "/v2/moneyouts", *_criterion(query, "kind = 'money_out'", "reference"))


def find_money_ins(store: Store, query: Fields) -> Json:
    """Any money-in, by id, comment, our reference (`transactionMerchantToken`) or time of initiation."""
    start = query.optional_number("startDate")
    if start is not None:
        condition = f"kind IN {_MONEY_INS} AND initiated_at BETWEEN ? AND ?"
        return _listed(store, query, "/v2/moneyins", condition, *_range(start, query.optional_number("endDate")))
    criterion = _criterion(query, f"kind IN {_MONEY_INS}", "transactionMerchantToken")
    return _listed(store, query, "/v2/moneyins", *criterion)


def find_direct_debits(store: Store, query: Fields) -> Json:
    """Collections by reference, or those whose status changed in a window."""
    reference = query.optional_text("reference", longest=50)
    if reference is not None:
        return _listed(store, query, "/v2/moneyins/sdd", "kind = 'direct_debit' AND reference = ?", reference)
    return _listed(
        store, query, "/v2/moneyins/sdd", "kind = 'direct_debit' AND changed_at BETWEEN ? AND ?", *_window(query)
    )


def find_wires(store: Store, query: Fields) -> Json:
    """Wires received in a window."""
    condition = "kind = 'wire' AND initiated_at BETWEEN ? AND ?"
    return _listed(store, query, "/v2/moneyins/bankwire", condition, *_window(query))


def find_disputes(store: Store, query: Fields) -> Json:
    """Chargebacks changed since an instant."""
    condition = "kind = 'chargeback' AND changed_at BETWEEN ? AND ?"
    return _listed(store, query, "/v2/disputes", condition, *_window(query))


def _window(query: Fields) -> tuple[int, int]:
    return _range(query.number("updateDate"), query.optional_number("updateEndDate"))


def _criterion(query: Fields, kind: str, reference_name: str) -> tuple[str, object]:
    """The one criterion given; without any Lemonway answers 143."""
    transaction_id = query.optional_number("transactionId")
    if transaction_id is not None:
        return f"{kind} AND id = ?", transaction_id
    reference = query.optional_text(reference_name, longest=50)
    if reference is not None:
        return f"{kind} AND reference = ?", reference
    comment = query.optional_text("transactionComment", longest=140)
    if comment is not None:
        return f"{kind} AND comment = ?", comment
    raise Refused(143, "no search criterion")
