"""What an answer means: the body first, the HTTP status only when the body says nothing."""

import msgspec
import pytest

from lemonway.answers import Answer, decode, read_answer
from lemonway.errors import (
    Duplicate,
    InsufficientFunds,
    InvalidRequest,
    LemonwayAccessDenied,
    LemonwayAnswerUnreadable,
    LemonwayError,
    LemonwayRefusal,
    LemonwayThrottled,
    LemonwayUnreachable,
    MandateNotUsable,
    NotFound,
    WalletNotUsable,
)
from lemonway.messages import Account, BankAccount, TransactionIn, TransactionOut


def an_answer(status: int, body: object) -> Answer:
    return Answer(http_status=status, body=body if isinstance(body, bytes) else msgspec.json.encode(body))


@pytest.mark.parametrize("http_status", [200, 400, 500])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (110, InsufficientFunds),
        (147, NotFound),
        (167, WalletNotUsable),
        (245, MandateNotUsable),
        (152, Duplicate),
        (234, InvalidRequest),
        (120, LemonwayAccessDenied),
        (1, LemonwayUnreachable),
        (297, LemonwayUnreachable),
        (999, LemonwayRefusal),
    ],
)
def test_lemonways_code_decides_whatever_the_http_status(
    http_status: int, code: int, error: type[LemonwayError]
) -> None:
    answer = an_answer(http_status, {"error": {"code": code, "message": "why"}})

    with pytest.raises(LemonwayError) as raised:
        read_answer(answer, reference="r-1")

    assert type(raised.value) is error


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"Error": {"Code": "110", "Message": "no money"}}, id="capitals and a code as text"),
        pytest.param({"code": 110, "message": "no money"}, id="code and message at the top"),
        pytest.param(
            {"error": {"code": 110, "message": "no money", "psp": {"message": "x"}}, "transaction": None},
            id="beside a null result",
        ),
    ],
)
def test_every_documented_shape_of_an_error_is_read(body: object) -> None:
    with pytest.raises(InsufficientFunds) as refused:
        read_answer(an_answer(200, body), reference="r-1")

    assert (refused.value.code, refused.value.message, refused.value.reference) == (110, "no money", "r-1")


@pytest.mark.parametrize(
    ("http_status", "error"),
    [
        (400, InvalidRequest),
        (401, LemonwayAccessDenied),
        (403, LemonwayAccessDenied),
        (404, InvalidRequest),
        (409, Duplicate),
        (410, InvalidRequest),
        (500, LemonwayUnreachable),
        (503, LemonwayUnreachable),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>oops</html>", b'{"message":"no code here"}'])
def test_without_a_code_the_http_status_decides(http_status: int, error: type[LemonwayError], body: bytes) -> None:
    with pytest.raises(LemonwayError) as raised:
        read_answer(an_answer(http_status, body))

    assert type(raised.value) is error


def test_a_wrong_path_is_not_taken_for_an_object_that_is_absent() -> None:
    """Absence makes us send money again, so a 404 of a wrong address must never look like it."""
    with pytest.raises(LemonwayError) as raised:
        read_answer(an_answer(404, b"not here"))

    assert not isinstance(raised.value, NotFound)


@pytest.mark.parametrize(
    ("answer", "cause", "code"),
    [
        pytest.param(an_answer(200, {"error": {"code": 110, "message": "Rossi"}}), "InsufficientFunds", 110, id="no"),
        pytest.param(an_answer(400, b"Rossi IT60X"), "InvalidRequest", 400, id="no code"),
        pytest.param(an_answer(502, b"Rossi IT60X"), "LemonwayUnreachable", None, id="no answer"),
        pytest.param(an_answer(200, b"Rossi IT60X"), "LemonwayAnswerUnreadable", None, id="unreadable"),
    ],
)
def test_what_lemonway_wrote_about_people_is_kept_for_the_record_and_not_for_the_log(
    answer: Answer, cause: str, code: int | None
) -> None:
    with pytest.raises(LemonwayError) as raised:
        read_answer(msgspec.structs.replace(answer, trace="ray-7"))

    assert raised.value.for_log() == {"cause": cause, "code": code, "trace": "ray-7"}
    assert raised.value.for_record().endswith(answer.body.decode())


def test_throttling_says_how_long_to_wait() -> None:
    with pytest.raises(LemonwayThrottled) as raised:
        read_answer(Answer(http_status=429, body=b"", retry_after_s=7))

    assert raised.value.retry_after_s == 7


def test_a_null_error_is_no_error() -> None:
    assert read_answer(an_answer(200, {"error": None, "Balance": 5})) == {"error": None, "balance": 5}


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"", b'"a text"', b"5"])
def test_a_success_that_cannot_be_read_keeps_its_body_and_leaves_the_outcome_unknown(body: bytes) -> None:
    with pytest.raises(LemonwayAnswerUnreadable) as raised:
        read_answer(an_answer(200, body), reference="r-1")

    assert (raised.value.body, raised.value.reference) == (body, "r-1")
    assert isinstance(raised.value, LemonwayUnreachable)


def test_an_answer_with_a_field_of_another_type_keeps_its_body() -> None:
    answer = an_answer(200, {"transaction": {"id": "many", "status": 0}})

    with pytest.raises(LemonwayAnswerUnreadable, match="TransactionIn") as raised:
        decode(read_answer(answer)["transaction"], TransactionIn, answer)

    assert b"many" in raised.value.body


def test_both_spellings_numbers_as_text_and_unknown_fields_are_read() -> None:
    answer = an_answer(200, {})

    out = decode({"id": "7", "status": 3, "ibanid": 4, "debitamount": 1500, "new": [1]}, TransactionOut, answer)
    account = decode({"id": "ada", "status": 6, "isblocked": True, "adresse": {"postcode": "20121"}}, Account, answer)
    iban = decode({"id": 1, "status": 5, "swift": None}, BankAccount, answer)

    assert (out.id, out.iban_id, out.debit_amount_cents) == (7, 4, 1500)
    assert account.is_blocked
    assert account.address is not None
    assert account.address.post_code == "20121"
    assert iban.swift is None


def test_keys_are_folded_at_every_depth_and_values_are_not() -> None:
    folded = read_answer(an_answer(200, {"SSDMandate": {"IBAN": "IT60X", "List": [{"UniqueMandateReference": "BLU"}]}}))

    assert folded == {"ssdmandate": {"iban": "IT60X", "list": [{"uniquemandatereference": "BLU"}]}}


def test_an_amount_typed_as_double_is_read_as_whole_cents() -> None:
    answer = an_answer(200, b'{"transaction":{"id":1,"status":0,"refundAmount":1500.0}}')

    transaction = decode(read_answer(answer)["transaction"], TransactionIn, answer)

    assert transaction.refund_amount_cents == 1500
