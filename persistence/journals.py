"""The journals of books and purses, and how far each has been projected."""

from piccolo.columns import UUID, BigInt, Bytea, Text, Timestamptz
from piccolo.table import Table


class JournalEvent(Table):
    """One entry of a shard's journal, byte for byte as its store holds it.

    The key is (shard, seq). Piccolo knows no composite key: rows are only read through it.
    """

    shard = Text(primary_key=True)
    seq = BigInt()
    kind = Text()
    company_id = UUID(null=True, default=None)
    lender_id = UUID(null=True, default=None)
    cause_id = Text()
    payload = Bytea()
    hash = Text()
    projected_at = Timestamptz()


class ProjectionCursor(Table):
    """The last projected entry of a shard; `halted_why` says why a shard goes no further."""

    shard = Text(primary_key=True)
    seq = BigInt()
    hash = Text()
    halted_why = Text(null=True, default=None)
    halted_at = Timestamptz(null=True, default=None)
    advanced_at = Timestamptz()
