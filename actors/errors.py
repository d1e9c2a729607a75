"""What can go wrong between an actor and its store; the class says what to do next.

ActorError
├── RedisUnreachable        no usable answer: what was asked may have happened, so look before asking again
├── RedisRefused            the server answered with an error of its own (memory full, function missing): try later
├── FunctionFault           one of our functions refused its arguments or a broken invariant: a bug, nothing written
├── FunctionsDiffer         the server runs another version of our functions: load ours, or start the newer program
├── OwnershipLost           another host writes this shard now: drop what is in memory
├── TurnConflict            the journal is not where memory believes: read it again
├── JournalBroken           a journal has a gap or its hashes do not chain: stop, and call a person
├── BookFault               our own code failed on one company's book: set that company aside, go on with the others
└── PurseRefused            the purse said no, and will say no again
    ├── PurseTermsDiffer    the reference is known with other terms
    ├── PurseStepUnknown    the purse has never heard of the fill or payout
    └── PurseStepImpossible the purse is not in the state this step starts from
"""


class ActorError(Exception):
    """Base of every failure this package raises."""


class RedisUnreachable(ActorError):
    """No answer, or half of one: the connection is closed, and what was asked may or may not have happened."""


class RedisRefused(ActorError):
    """The server answered with an error that is not ours: nothing happened; it may pass later."""


class FunctionFault(ActorError):
    """A function found arguments it cannot take, or would have left a purse unsound: our bug, and nothing happened."""


class FunctionsDiffer(ActorError):
    """The functions in the server are not those of this program."""


class OwnershipLost(ActorError):
    """Another host has taken the shard: whatever this one holds of it in memory is out of date."""


class TurnConflict(ActorError):
    """The journal's head or the mailbox's position is not the expected one: memory and store disagree."""


class JournalBroken(ActorError):
    """A journal is not one unbroken chain: nothing may be written on top of it."""

    def __init__(self, shard: str, seq: int, why: str) -> None:
        super().__init__(f"journal {shard} at {seq}: {why}")


class BookFault(ActorError):
    """Deciding or applying raised on one company's book; the cause is the exception's own."""

    def __init__(self, company_id: str, step: str) -> None:
        super().__init__(f"book of {company_id} failed to {step}")
        self.company_id = company_id


class PurseRefused(ActorError):
    """The purse refused the step for good: repeating it changes nothing."""


class PurseTermsDiffer(PurseRefused):
    """The same reference was used before with another lender or other amounts."""


class PurseStepUnknown(PurseRefused):
    """The step names a fill or payout that this purse does not have."""


class PurseStepImpossible(PurseRefused):
    """The fill or payout is in another state than the step starts from, or less is used than is to be freed."""
