"""The double-entry ledger's tables. They are written by `ledger.record_entries` alone."""

from piccolo.columns import BigInt, Boolean, Bytea, SmallInt, Text, Timestamptz
from piccolo.table import Table


class Account(Table):
    """An account: `<owner kind>:<owner id>:<bucket>`. Balance is debits minus credits, in cents."""

    id = Text(primary_key=True)
    owner_kind = Text()
    owner_id = Text()
    bucket = Text()
    normal_side = SmallInt()
    is_guarded = Boolean()
    balance_cents = BigInt()


class JournalEntry(Table):
    """The head of an entry; its id is the natural key of the fact that caused it."""

    id = Text(primary_key=True)
    kind = Text()
    at = Timestamptz()
    posting_count = SmallInt()
    digest = Bytea()
    recorded_at = Timestamptz()


class Posting(Table):
    """One line of an entry: debit positive, credit negative, in cents.

    The key is (entry_id, line). Piccolo knows no composite key: rows are only read through it.
    """

    entry_id = Text(primary_key=True)
    line = SmallInt()
    account_id = Text()
    cents = BigInt()
