"""Journals to rows: every fact of books and purses, recorded once and in causal order.

One transaction records a batch: the entries themselves, the rows they change, the ledger, the payments and steps they
cause, and how far each shard has come. What is committed once is never done again, also when the answer to the commit
was lost, because the position is part of it. Any number of projectors may run: each takes the shards no other holds.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import asyncpg
import msgspec
import structlog

from marketplace.book.journal import GENESIS_HASH
from marketplace.ports import JournalHead, JournalSource
from persistence.causal_order import fills_awaited, recordable
from persistence.connection import AnyConnection, connect
from persistence.journal_facts import BookFact, Fact, JournalBroken, PurseFact, read_facts
from persistence.ledger import EntryIdReused
from persistence.projected_books import BookProjection
from persistence.projected_purses import PurseProjection
from persistence.projection_refused import ProjectionRefused
from persistence.reconnection import Backoff, keep_trying

_log = structlog.get_logger(__name__)

_BATCH = 2_000
_BATCH_OF_SHARD_MIN = 100
_WAIT_MS = 1_000
_CAUSE_ELSEWHERE_S = 0.01

_REFUSALS = (
    ProjectionRefused,
    EntryIdReused,
    asyncpg.IntegrityConstraintViolationError,  # the ledger's own guards
    asyncpg.DataError,
)


class ProjectorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What this projector has done since it started, and where it knows the shards to stand.

    `held_back` are the shards whose next fact followed, when last looked at, from one that was not recorded yet: usual
    for milliseconds; for longer it says that another shard does not get on.
    """

    facts_recorded: int
    transactions: int
    positions: dict[str, int]
    held_back: tuple[str, ...]
    halted: dict[str, str]


class Projector:
    """`outages` are the exceptions with which `journals` says that it cannot be reached."""

    def __init__(self, *, database_url: str, journals: JournalSource, outages: tuple[type[Exception], ...]) -> None:
        self._database_url = database_url
        self._journals = journals
        self._outages = outages
        self._backoff = Backoff()
        self._positions: dict[str, int] = {}
        self._held_back: set[str] = set()
        self._halted: dict[str, str] = {}
        self._facts_recorded = 0
        self._transactions = 0

    def status(self) -> ProjectorStatus:
        return ProjectorStatus(
            facts_recorded=self._facts_recorded,
            transactions=self._transactions,
            positions=dict(self._positions),
            held_back=tuple(sorted(self._held_back)),
            halted=dict(self._halted),
        )

    async def run(self) -> None:
        """Work until cancelled. A shard that cannot be recorded any further is halted, loudly; the others go on."""
        await keep_trying(self._work, name="projector", outages=self._outages, backoff=self._backoff)

    async def _work(self) -> None:
        connection = await connect(self._database_url)
        try:
            await self.take_up(connection)
            while True:
                if not self._positions:
                    await asyncio.sleep(_WAIT_MS / 1_000)  # every shard is halted: there is nothing to wait for
                    continue
                shards = await self._journals.wait(self._positions, timeout_ms=_WAIT_MS)
                if shards and not await self.project(connection, shards):
                    # What is there follows from facts that another shard, or another projector, has yet to record.
                    await asyncio.sleep(_CAUSE_ELSEWHERE_S)
                self._backoff.reset()
        finally:
            connection.terminate()

    async def take_up(self, connection: AnyConnection) -> None:
        """Find out where each shard stands, and tell the journals again what is recorded: the last word may be lost."""
        await connection.execute(
            "INSERT INTO projection_cursor (shard, seq, hash) SELECT shard, 0, $2 FROM unnest($1::text[]) AS s (shard)"
            " ON CONFLICT (shard) DO NOTHING",
            sorted(self._journals.shards()),
            GENESIS_HASH,
        )
        heads = await self._journals.heads()
        rows = await connection.fetch("SELECT shard, seq, hash, halted_why FROM projection_cursor ORDER BY shard")
        self._halted = {row["shard"]: row["halted_why"] for row in rows if row["halted_why"] is not None}
        self._positions = {row["shard"]: row["seq"] for row in rows if row["halted_why"] is None}
        for row in rows:
            shard, head = row["shard"], heads.get(row["shard"])
            if shard in self._halted or row["seq"] == 0:
                continue
            if head is None or head.seq < row["seq"]:
                why = f"{shard}: the journal ends at {head.seq if head else 0}, {row['seq']} is recorded"
                await self._halt(connection, shard, why)
            else:
                await self._acknowledge(connection, shard, JournalHead(row["seq"], row["hash"]))

    async def project(self, connection: AnyConnection, shards: Iterable[str]) -> int:
        """Record what there is in `shards`; the number of facts recorded.

        When something in it is refused, each shard is tried alone, and the one that is refused alone is halted.
        """
        wanted = sorted(set(shards) - self._halted.keys())
        if not wanted:
            return 0
        try:
            return await self._project_together(connection, wanted)
        except _REFUSALS as refusal:
            if len(wanted) == 1:
                await self._halt(connection, wanted[0], f"{type(refusal).__name__}: {refusal}")
                return 0
        recorded = 0
        for shard in wanted:
            recorded += await self.project(connection, [shard])
        return recorded

    async def _project_together(self, connection: AnyConnection, shards: Sequence[str]) -> int:
        async with connection.transaction():
            cursors = await _lock_cursors(connection, shards)
            batches, broken = await self._read(cursors)
            recorded = await _recordable(connection, batches)
            await _record(connection, recorded)
            heads = {shard: JournalHead(facts[-1].entry.seq, facts[-1].entry.hash) for shard, facts in recorded.items()}
            await _advance_cursors(connection, heads)
        self._positions |= {shard: cursor.seq for shard, cursor in cursors.items()}
        self._positions |= {shard: head.seq for shard, head in heads.items()}
        for shard, why in broken.items():
            await self._halt(connection, shard, why)
        for shard, head in heads.items():
            await self._acknowledge(connection, shard, head)
        self._held_back -= cursors.keys()
        self._held_back |= {shard for shard, facts in batches.items() if len(recorded.get(shard, ())) < len(facts)}
        count = sum(len(facts) for facts in recorded.values())
        self._facts_recorded += count
        self._transactions += 1
        return count

    async def _read(self, cursors: Mapping[str, JournalHead]) -> tuple[dict[str, list[Fact]], dict[str, str]]:
        """What follows each cursor, and why a journal cannot be recorded any further."""
        batches: dict[str, list[Fact]] = {}
        broken: dict[str, str] = {}
        limit = max(_BATCH_OF_SHARD_MIN, _BATCH // max(1, len(cursors)))
        for shard, cursor in cursors.items():
            entries = await self._journals.read(shard, after_seq=cursor.seq, limit=limit)
            try:
                facts = read_facts(shard, entries, after=cursor)
            except JournalBroken as error:
                broken[shard] = f"{type(error).__name__}: {error}"
                continue
            if facts:
                batches[shard] = facts
        return batches, broken

    async def _acknowledge(self, connection: AnyConnection, shard: str, head: JournalHead) -> None:
        answer = await self._journals.acknowledge(shard, seq=head.seq, hash=head.hash)
        if answer == "diverged":
            await self._halt(connection, shard, f"{shard}: the journal has another entry {head.seq} than is recorded")

    async def _halt(self, connection: AnyConnection, shard: str, why: str) -> None:
        _log.error("projection halted", shard=shard, why=why)
        await connection.execute(
            "UPDATE projection_cursor SET halted_why = $2, halted_at = now() WHERE shard = $1", shard, why
        )
        self._halted[shard] = why
        self._positions.pop(shard, None)


async def _lock_cursors(connection: AnyConnection, shards: Sequence[str]) -> dict[str, JournalHead]:
    """The positions of those shards that no other projector is working on."""
    rows = await connection.fetch(
        "SELECT shard, seq, hash FROM projection_cursor WHERE shard = ANY($1) AND halted_why IS NULL"
        " ORDER BY shard FOR UPDATE SKIP LOCKED",
        shards,
    )
    return {row["shard"]: JournalHead(row["seq"], row["hash"]) for row in rows}


async def _recordable(connection: AnyConnection, batches: Mapping[str, list[Fact]]) -> dict[str, list[Fact]]:
    """The part of each batch whose causes are recorded, or are recorded with it."""
    if not batches:
        return {}
    awaited = fills_awaited(fact for facts in batches.values() for fact in facts)
    decided = await connection.fetch(
        "SELECT fill_id FROM fill WHERE fill_id = ANY($1) AND purse_state IS NOT NULL", sorted(awaited)
    )
    positions = await connection.fetch("SELECT shard, seq FROM projection_cursor")
    counts = recordable(
        batches,
        recorded={row["shard"]: row["seq"] for row in positions},
        decided_fills={row["fill_id"] for row in decided},
    )
    return {shard: facts[: counts[shard]] for shard, facts in batches.items() if counts[shard]}


async def _record(connection: AnyConnection, recorded: Mapping[str, list[Fact]]) -> None:
    facts = [fact for shard_facts in recorded.values() for fact in shard_facts]
    if not facts:
        return
    await connection.copy_records_to_table(
        "journal_event",
        columns=("shard", "seq", "kind", "company_id", "lender_id", "cause_id", "payload", "hash"),
        records=(
            (
                fact.entry.shard,
                fact.entry.seq,
                fact.entry.kind,
                fact.entry.company_id,
                fact.entry.lender_id,
                fact.entry.cause_id,
                fact.entry.payload,
                fact.entry.hash,
            )
            for fact in facts
        ),
    )
    books = await BookProjection.load(connection, [fact for fact in facts if isinstance(fact, BookFact)])
    purses = PurseProjection()
    for fact in facts:
        if isinstance(fact, BookFact):
            books.fold(fact)
        elif isinstance(fact, PurseFact):
            purses.fold(fact)
    await books.write(connection)
    await purses.write(connection)


async def _advance_cursors(connection: AnyConnection, heads: Mapping[str, JournalHead]) -> None:
    shards = sorted(heads)
    await connection.execute(
        "UPDATE projection_cursor SET seq = head.seq, hash = head.hash, advanced_at = now()"
        " FROM unnest($1::text[], $2::bigint[], $3::text[]) AS head (shard, seq, hash)"
        " WHERE projection_cursor.shard = head.shard",
        shards,
        [heads[shard].seq for shard in shards],
        [heads[shard].hash for shard in shards],
    )
