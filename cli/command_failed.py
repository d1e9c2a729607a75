"""How a command says that it cannot go on."""

from collections.abc import Iterator
from typing import ClassVar


class CommandFailed(Exception):
    """The command ends with status 1 and this message, one line or a few, on standard error: no traceback.

    For what the person who started it can mend; a bug of ours keeps its traceback.
    """

    exit_status: ClassVar[int] = 1


class WronglyAskedFor(CommandFailed):
    """The same with status 2: what was asked for, or a setting, is wrong, and trying again changes nothing."""

    exit_status: ClassVar[int] = 2


def leaves(failure: BaseException) -> Iterator[BaseException]:
    """The failure itself, or every one of a group, however deep."""
    if isinstance(failure, BaseExceptionGroup):
        for inner in failure.exceptions:
            yield from leaves(inner)
    else:
        yield failure
