"""The same number means different things on different objects."""

import pytest

from lemonway.statuses import (
    NotificationCategory,
    Outcome,
    mandate_can_be_debited,
    money_in_outcome,
    money_out_outcome,
    p2p_outcome,
    refund_outcome,
    wallet_can_move_money,
)
from persistence.inbox import DIRECT_DEBIT_CATEGORIES, RETURN_CATEGORIES

TABLE = """
    status  money-in           p2p        money-out          refund
    0       succeeded          pending    succeeded          succeeded
    3       failed             succeeded  succeeded          unknown
    4       pending            failed     pending            pending
    6       failed             unknown    failed             failed
    7       cancelled          unknown    cancelled          unknown
    12      unknown            cancelled  unknown            unknown
    16      awaiting_approval  unknown    awaiting_approval  unknown
    99      unknown            unknown    unknown            unknown
"""


@pytest.mark.parametrize("row", TABLE.strip().splitlines()[1:], ids=str.strip)
def test_a_status_is_decoded_by_the_kind_of_object(row: str) -> None:
    number, *outcomes = row.split()
    status = int(number)

    decoded = [money_in_outcome(status), p2p_outcome(status), money_out_outcome(status), refund_outcome(status)]

    assert [outcome.value for outcome in decoded] == outcomes


def test_a_payout_with_a_message_of_the_bank_has_failed_whatever_its_number() -> None:
    assert money_out_outcome(0, psp_message="account closed") is Outcome.FAILED
    assert money_out_outcome(0, psp_message="") is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "can"),
    [(-1, True), (2, False), (5, False), (6, True), (7, True), (8, False), (10, False), (12, False), (16, True)],
)
def test_only_a_verified_wallet_that_is_not_blocked_moves_money(status: int, can: bool) -> None:
    assert wallet_can_move_money(status, is_blocked=False) is can
    assert not wallet_can_move_money(status, is_blocked=True)


def test_a_mandate_is_debited_only_once_signed() -> None:
    assert [status for status in range(10) if mandate_can_be_debited(status)] == [5, 6]


def test_the_record_knows_the_same_categories_by_number() -> None:
    assert DIRECT_DEBIT_CATEGORIES == (NotificationCategory.DIRECT_DEBIT, NotificationCategory.DIRECT_DEBIT_CANCELLED)
    assert RETURN_CATEGORIES == (NotificationCategory.CHARGEBACK, NotificationCategory.MONEY_OUT_CANCELLED)
