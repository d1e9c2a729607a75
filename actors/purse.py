"""The lenders' purses: every movement of their money is decided here, once, by the store itself."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from actors.errors import FunctionFault, PurseRefused, PurseStepImpossible, PurseStepUnknown, PurseTermsDiffer
from actors.functions import function_call
from actors.instants import instant_text
from actors.redis_connection import Argument, Command, RedisConnection, Reply, checked
from actors.redis_keys import PurseShardKeys, purse_shard_keys
from actors.replies import as_int, as_list, as_text
from actors.shards import ShardMap
from marketplace.book.book_events import Standing
from marketplace.book.purse_calls import PurseAnswer, PurseCalls, ReleaseCall, TakeCall
from marketplace.ports import PurseInstruction, PurseOperation

FILLS_PER_CALL = 100
NOTHING_REPLACED = "-"

NO_LIMIT_KEYS = "-"

_KEPT_BY_REFERENCE: frozenset[PurseOperation] = frozenset(
    {"deposit", "limits", "free_use", "hold", "pay_out", "void_hold"}
)


class RedisPurses:
    """All purses, wherever they live. Implements `marketplace.ports.Purses`.

    Every call may be repeated: a purse answers a step it has already taken as it did the first time, and journals
    nothing. After `RedisUnreachable` the call is to be repeated, because it may have been carried out.
    """

    def __init__(self, connection: RedisConnection, shards: ShardMap) -> None:
        self._connection = connection
        self._shards = shards

    async def apply(self, instruction: PurseInstruction) -> None:
        """Take the step. Returns when it stands, done now or before; a refused `hold` stands as refused.

        For `post`, `refund`, `lend`, `pay_out` and `void_hold`, `cents` 0 means what the purse has recorded.
        Raises `PurseTermsDiffer`, `PurseStepUnknown` or `PurseStepImpossible` when it never will.
        """
        keys = self._keys_of(instruction.lender_id)
        record = keys.references if instruction.operation in _KEPT_BY_REFERENCE else keys.fills
        reply = await self._connection.call(
            *function_call(
                instruction.operation,
                [keys.state, keys.journal, record, keys.purse(instruction.lender_id)],
                *_step_arguments(instruction),
            )
        )
        match as_list(reply):
            case [b"OK" | b"ALREADY", *_]:
                return
            case [status, *state]:
                raise _refusal(as_text(status), f"{instruction.operation} {instruction.ref}", state)

    async def ask(self, calls: PurseCalls, *, book_shard: str, low_water: int, at: datetime) -> Sequence[PurseAnswer]:
        """Send a book's releases and takes, each purse shard's releases first, and return all answers in fill order.

        Every fill of `book_shard` named at or before `low_water` must have its decision recorded in the book.
        """
        head: list[Argument] = [book_shard, low_water, instant_text(at)]
        asked: list[tuple[Command, Sequence[ReleaseCall | TakeCall]]] = []
        # All releases before all takes: then each shard hears its own in that order, too.
        for name, fills in (("release", calls.releases), ("take", calls.takes)):
            for shard, batch in self._batches(fills):
                keys = purse_shard_keys(self._shards, shard)
                asked.append((_fill_command(name, keys, head, batch), batch))
        replies = await self._connection.pipeline([command for command, _ in asked])
        answers = [
            _answer(call, as_list(answer))
            for (command, batch), reply in zip(asked, replies, strict=True)
            for call, answer in zip(batch, as_list(checked(reply, command)), strict=True)
        ]
        return sorted(answers, key=lambda answer: fill_place(answer.fill_id))

    async def standings(self, lender_ids: Iterable[str]) -> Sequence[Standing]:
        """What each lender can spend now, in the order asked; a lender who never had any money is left out."""
        lenders = list(lender_ids)
        commands = [("HGETALL", self._keys_of(lender_id).purse(lender_id)) for lender_id in lenders]
        if not commands:
            return []
        replies = await self._connection.pipeline(commands)
        standings = []
        for lender_id, command, reply in zip(lenders, commands, replies, strict=True):
            flat = as_list(checked(reply, command))
            fields = {as_text(flat[i]): flat[i + 1] for i in range(0, len(flat), 2)}
            if "cash_since" in fields:
                standings.append(_standing(lender_id, fields))
        return standings

    def _keys_of(self, lender_id: str) -> PurseShardKeys:
        return purse_shard_keys(self._shards, self._shards.of_lender(lender_id))

    def _batches(self, calls: Sequence[ReleaseCall | TakeCall]) -> list[tuple[str, Sequence[ReleaseCall | TakeCall]]]:
        by_shard: dict[str, list[ReleaseCall | TakeCall]] = {}
        for call in calls:
            by_shard.setdefault(self._shards.of_lender(call.lender_id), []).append(call)
        return [
            (shard, here[i : i + FILLS_PER_CALL])
            for shard, here in sorted(by_shard.items())
            for i in range(0, len(here), FILLS_PER_CALL)
        ]


def fill_place(fill_id: str) -> tuple[str, int, int]:
    """The order of fills: book shard, sequence of the event that named it, place in that event."""
    shard, seq, place = fill_id.split(".")
    return shard, int(seq), int(place)


def _step_arguments(instruction: PurseInstruction) -> list[Argument]:
    ref, lender_id, at = instruction.ref, instruction.lender_id, instant_text(instruction.at)
    match instruction.operation:
        case "deposit":
            return [ref, lender_id, instruction.cents, instruction.reserved_cents, at]
        case "limits":
            return [ref, lender_id, instruction.reserve_cents, at, *_cents_by_key(instruction.strategy_limits)]
        case "free_use":
            return [ref, lender_id, at, *_cents_by_key(instruction.freed_cents)]
        case _:
            return [ref, lender_id, instruction.cents, at]


def _cents_by_key(cents: Mapping[str, int]) -> list[Argument]:
    return [len(cents), *(argument for pair in sorted(cents.items()) for argument in pair)]


def _fill_command(
    name: str, keys: PurseShardKeys, head: Sequence[Argument], batch: Sequence[ReleaseCall | TakeCall]
) -> Command:
    arguments: list[Argument] = [*head, len(batch)]
    for call in batch:
        match call:
            case ReleaseCall():
                arguments += [call.fill_id, call.cover_id, call.lender_id]
            case TakeCall():
                arguments += [call.fill_id, call.cover_id, call.lender_id, call.strategy_id]
                arguments += [call.cents, call.min_cents, call.replaces or NOTHING_REPLACED]
                arguments += [",".join(call.limit_keys) or NO_LIMIT_KEYS]
    purses = [keys.purse(call.lender_id) for call in batch]
    return function_call(name, [keys.state, keys.journal, keys.fills, keys.low_water, *purses], *arguments)


def _answer(call: ReleaseCall | TakeCall, answer: Sequence[Reply]) -> PurseAnswer:
    outcome = as_text(answer[0])
    expected = ("taken", "denied") if isinstance(call, TakeCall) else _RELEASE_OUTCOMES
    if outcome not in expected:
        raise _refusal(outcome, f"{type(call).__name__} {call.fill_id}", answer[1:])
    return msgspec.convert(
        {
            "fill_id": call.fill_id,
            "outcome": outcome,
            "cents": as_int(answer[1]),
            "ver": as_int(answer[2]),
            "free_cents": as_int(answer[3]),
        },
        PurseAnswer,
    )


_RELEASE_OUTCOMES = ("released", "void", "denied", "replaced", "gone")


def _standing(lender_id: str, fields: dict[str, Reply]) -> Standing:
    def cents(name: str) -> int:
        return as_int(fields[name])

    def instant(name: str) -> datetime:
        return msgspec.convert(as_text(fields[name]), datetime)

    rooms = {
        name[2:]: max(0, as_int(limit) - as_int(fields.get(f"u:{name[2:]}", 0)))
        for name, limit in sorted(fields.items())
        if name.startswith("l:")
    }
    return Standing(
        lender_id=lender_id,
        ver=cents("ver"),
        free_cents=max(0, cents("free") - cents("reserve") - cents("kept")),
        cash_since_at=instant("cash_since"),
        rooms=rooms,
        fresh_cents=cents("fresh"),
        fresh_at=instant("fresh_at") if "fresh_at" in fields else None,
    )


def _refusal(status: str, step: str, state: Sequence[Reply]) -> PurseRefused | FunctionFault:
    match status:
        case "MISMATCH":
            return PurseTermsDiffer(f"{step}: known with other terms")
        case "UNKNOWN":
            return PurseStepUnknown(f"{step}: not known to the purse")
        case "NOTUSED":
            return PurseStepImpossible(f"{step}: less than that is used of {as_text(state[0])}")
        case "WRONGSTATE" | "REFUSED":
            return PurseStepImpossible(f"{step}: it is {as_text(state[0])}")
        case "STALE":
            return FunctionFault(f"{step}: asked below the book's own low-water mark")
        case other:
            return PurseStepImpossible(f"{step}: it is {other}")
