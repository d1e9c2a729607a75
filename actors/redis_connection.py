"""One connection to Redis, used by one owner, whose calls are never cut off midway."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TypeAlias

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from actors.errors import FunctionFault, RedisRefused, RedisUnreachable

Argument: TypeAlias = str | bytes | int
Command: TypeAlias = Sequence[Argument]
Reply: TypeAlias = "bytes | int | list[Reply] | ResponseError | None"

ANSWER_TIMEOUT_S = 5.0


class RedisConnection:
    """A connection that opens when first used and again after it broke.

    A call runs to its end even when whoever waits for it is cancelled: the answer that nobody reads would otherwise be
    taken for the next call's. It is never repeated here: after `RedisUnreachable` it may have happened, and only the
    caller knows how to find out.
    """

    def __init__(self, url: str, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        pool = ConnectionPool.from_url(
            url,
            protocol=2,
            socket_timeout=answer_timeout_s,
            socket_connect_timeout=ANSWER_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._connection: AbstractConnection = pool.connection_class(**pool.connection_kwargs)
        self._in_use = asyncio.Lock()
        self._is_closed = False
        self._awaits_answer = False

    async def call(self, *command: Argument) -> Reply:
        """The answer to one command. Raises `RedisUnreachable`, `RedisRefused` or `FunctionFault`."""
        (reply,) = await self.pipeline([command])
        return checked(reply, command)

    async def pipeline(self, commands: Sequence[Command]) -> list[Reply]:
        """The answers to several commands sent at once, in order; an error answer stands in its place.

        Raises `RedisUnreachable` when the answers did not all come: any of the commands may have been carried out.
        """
        # Whoever waits may be cancelled, the call itself goes on. It returns its failure, as a task that raises with
        # nobody waiting would be reported as a fault of the program.
        outcome = await asyncio.shield(asyncio.ensure_future(self._run(commands)))
        if isinstance(outcome, RedisUnreachable):
            raise outcome
        return outcome

    async def disconnect(self) -> None:
        """Close the connection, which opens again when it is next used. Only between calls."""
        with contextlib.suppress(RedisError):
            await self._connection.disconnect(nowait=True)

    async def close(self) -> None:
        """Close the connection for good: a call under way and all later ones end with `RedisUnreachable`."""
        self._is_closed = True
        # A connection that is just being made cannot be closed safely; the call that makes it will find it closed.
        if self._awaits_answer or not self._in_use.locked():
            await self.disconnect()

    async def _run(self, commands: Sequence[Command]) -> list[Reply] | RedisUnreachable:
        async with self._in_use:
            try:
                self._check_open()
                packed = self._connection.pack_commands(commands)
                await self._connection.send_packed_command(packed, check_health=False)
                self._check_open()
                self._awaits_answer = True
                return [await self._read() for _ in commands]
            except (RedisError, OSError, EOFError) as failure:
                await self.disconnect()
                unreachable = RedisUnreachable(f"{_named(commands[0])}: {failure}")
                unreachable.__cause__ = failure
                return unreachable
            finally:
                self._awaits_answer = False

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConnectionError("closed by its owner")

    async def _read(self) -> Reply:
        try:
            reply: Reply = await self._connection.read_response(disconnect_on_error=True)
        except ResponseError as error:
            return error
        return reply


def checked(reply: Reply, command: Command) -> Reply:
    """The reply, unless it is an error. Raises `FunctionFault` for our functions' own errors, else `RedisRefused`."""
    if isinstance(reply, ResponseError):
        is_ours = str(reply).startswith(("BADARG", "BROKEN"))
        raise (FunctionFault if is_ours else RedisRefused)(f"{_named(command)}: {reply}") from reply
    return reply


def _named(command: Command) -> str:
    return " ".join(str(argument) for argument in command[:2])
