"""Commands for a book, valid and boring by default, and the writer of a shard to commit turns with."""

from datetime import UTC, datetime

from actors.lease import LeaseGranted, acquire_lease
from actors.mailbox import WaitingCommand, read_mailbox
from actors.redis_connection import RedisConnection
from actors.redis_keys import book_shard_keys
from actors.shard_writer import CommandDecision, ShardWriter, read_position
from actors.shards import ShardMap
from marketplace.allocation.orders import CreditRequest
from marketplace.book.book_events import AnyBookEvent, CompanyBudgetGranted
from marketplace.book.commands import (
    AnyBookCommand,
    Envelope,
    GrantCompanyBudget,
    OpenRequest,
    PlaceOffer,
    PublishTerms,
)
from marketplace.book.journal import BookRecord
from marketplace.company_terms import CompanyTerms, RateBand
from marketplace.strategies.offer_terms import OfferTerms

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
ALFA = "alfa"


class SetClock:
    """A clock that stands where a test sets it."""

    def __init__(self, now_at: datetime = MONDAY) -> None:
        self.now_at = now_at

    def now(self) -> datetime:
        return self.now_at


def an_envelope(
    command: AnyBookCommand | None = None,
    *,
    command_id: str = "command-1",
    company_id: str = ALFA,
    at: datetime = MONDAY,
    deadline_at: datetime | None = None,
) -> Envelope:
    return Envelope(
        command_id=command_id,
        company_id=company_id,
        at=at,
        command=command or GrantCompanyBudget(cents=100),
        deadline_at=deadline_at,
    )


def terms(*, version: int = 1, floor_bp: int = 500, cap_bp: int = 500, months: tuple[int, ...] = (24,)) -> PublishTerms:
    """A posted rate, tickets of 10.00, no cap on one lender's share."""
    bands = tuple(RateBand(months=term, floor_bp=floor_bp, cap_bp=cap_bp) for term in months)
    return PublishTerms(terms=CompanyTerms(version=version, bands=bands, max_share_bp=None))


def an_offer(
    lender_id: str, *, offer_id: str | None = None, strategy_id: str | None = None, ask_bp: int = 400
) -> PlaceOffer:
    return PlaceOffer(
        offer=OfferTerms(
            offer_id=offer_id or f"offer-{lender_id}",
            lender_id=lender_id,
            strategy_id=strategy_id or f"strategy-{lender_id}",
            ask_bp=ask_bp,
            tier="A",
            months=(24,),
            min_ticket_cents=1_000,
        )
    )


def a_request(request_id: str, cents: int, *, borrower_id: str | None = None, months: int = 24) -> OpenRequest:
    return OpenRequest(
        request=CreditRequest(
            request_id=request_id,
            borrower_id=borrower_id or f"borrower-of-{request_id}",
            amount_cents=cents,
            min_amount_cents=cents,
            months=months,
            max_rate_bp=500,
        )
    )


def a_record(event: AnyBookEvent | None = None, *, company_id: str = ALFA, cause_id: str = "command-1") -> BookRecord:
    return BookRecord(
        company_id=company_id, cause_id=cause_id, at=MONDAY, event=event or CompanyBudgetGranted(cents=100)
    )


async def own(
    connection: RedisConnection, shards: ShardMap, shard: str, *, owner_id: str = "host-1", lease_ms: int = 3_000
) -> ShardWriter:
    """The writer of a shard whose lease has just been taken."""
    keys = book_shard_keys(shards, shard)
    granted = await acquire_lease(connection, keys.lease, owner_id=owner_id, lease_ms=lease_ms)
    assert isinstance(granted, LeaseGranted)
    return ShardWriter(connection, keys, epoch=granted.epoch, position=await read_position(connection, keys))


async def waiting_commands(connection: RedisConnection, shards: ShardMap, shard: str) -> list[WaitingCommand]:
    mailbox = book_shard_keys(shards, shard).mailbox
    return await read_mailbox(connection, mailbox, after_entry="0-0", limit=100, block_ms=1)


def accepted(command: WaitingCommand) -> CommandDecision:
    return CommandDecision(command=command, outcome="ok")
