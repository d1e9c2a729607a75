"""A request is closed once: the first of signature, cancellation and lapse wins, and the book is told."""

from datetime import datetime, timedelta

import pytest

from marketplace.book.commands import CancelRequest, LapseRequest, SignRequest
from persistence.request_closings import (
    ClosedOtherwise,
    ClosingKind,
    ClosingOutcome,
    CoverIsAnother,
    NotClosable,
    RequestClosed,
    TooLateToSign,
    close_request,
    lapsed_requests,
)
from tests.persistence.signed_market import START, SignedMarket, id_of

COVER = "bk00:first"
IN_TIME = START + timedelta(hours=48)
TOO_LATE = IN_TIME + timedelta(seconds=1)


@pytest.fixture
async def covered(market: SignedMarket) -> SignedMarket:
    """Elena's request is covered and may be signed for 48 hours."""
    await market.add_company()
    await market.add_borrower("elena")
    async with market.pool.acquire() as connection:
        await market.record_request(connection, "first", "elena")
    return market


async def close(market: SignedMarket, kind: ClosingKind, *, at: datetime = IN_TIME) -> ClosingOutcome | None:
    cover_id = COVER if kind == "sign" else None
    async with market.pool.acquire() as connection, connection.transaction():
        return await close_request(connection, request_id=id_of("first"), kind=kind, at=at, cover_id=cover_id)


async def test_a_signature_is_a_command_to_the_book(covered: SignedMarket) -> None:
    outcome = await close(covered, "sign")

    assert isinstance(outcome, RequestClosed)
    assert outcome.envelope.command == SignRequest(request_id=id_of("first"), cover_id=COVER)
    stored = await covered.row("SELECT id, kind, state FROM command")
    assert tuple(stored) == (outcome.envelope.command_id, "sign_request", "received")


async def test_signing_again_is_the_same_command(covered: SignedMarket) -> None:
    first, again = await close(covered, "sign"), await close(covered, "sign", at=TOO_LATE)

    assert first == again
    assert await covered.pool.fetchval("SELECT count(*) FROM command") == 1


@pytest.mark.parametrize("other", ["cancel", "lapse"])
async def test_a_signed_request_can_be_neither_cancelled_nor_lapse(covered: SignedMarket, other: ClosingKind) -> None:
    await close(covered, "sign")

    assert await close(covered, other) == ClosedOtherwise(kind="sign")


async def test_a_request_that_lapsed_cannot_be_signed(covered: SignedMarket) -> None:
    lapsed = await close(covered, "lapse", at=TOO_LATE)

    assert isinstance(lapsed, RequestClosed)
    assert lapsed.envelope.command == LapseRequest(request_id=id_of("first"), cover_id=COVER)
    assert await close(covered, "sign") == ClosedOtherwise(kind="lapse")


async def test_after_the_deadline_nothing_can_be_signed(covered: SignedMarket) -> None:
    assert await close(covered, "sign", at=TOO_LATE) == TooLateToSign(accept_until_at=IN_TIME)


async def test_only_the_confirmed_cover_can_be_signed(covered: SignedMarket) -> None:
    await covered.pool.execute("UPDATE credit_request SET cover_id = 'bk00:77'")

    assert await close(covered, "sign") == CoverIsAnother(cover_id="bk00:77")


async def test_a_request_without_a_cover_can_be_cancelled_but_not_signed(covered: SignedMarket) -> None:
    await covered.pool.execute("UPDATE credit_request SET state = 'open'")

    assert await close(covered, "sign") == NotClosable(state="open", allowed=("covered",))
    cancelled = await close(covered, "cancel")
    assert isinstance(cancelled, RequestClosed)
    assert cancelled.envelope.command == CancelRequest(request_id=id_of("first"))


async def test_a_closing_that_the_book_refused_can_be_asked_for_anew(covered: SignedMarket) -> None:
    """The projector takes the refused closing back; the next is a command of its own."""
    first = await close(covered, "cancel")
    await covered.pool.execute("DELETE FROM request_closing")

    second = await close(covered, "cancel")

    assert isinstance(first, RequestClosed)
    assert isinstance(second, RequestClosed)
    assert first.envelope.command_id != second.envelope.command_id


async def test_an_unknown_request_is_not_closed(market: SignedMarket) -> None:
    assert await close(market, "cancel") is None


async def test_a_request_lapses_only_after_its_deadline_and_once(covered: SignedMarket) -> None:
    async with covered.pool.acquire() as connection:
        assert await lapsed_requests(connection, IN_TIME) == []
        assert await lapsed_requests(connection, TOO_LATE) == [id_of("first")]
        await close(covered, "lapse", at=TOO_LATE)
        assert await lapsed_requests(connection, TOO_LATE) == []
