"""What stops or steers a book: pauses, settings and barred lenders as its journal tells them, and who ordered what."""

from piccolo.columns import JSONB, UUID, Integer, Text, Timestamptz
from piccolo.table import Table


class BookPause(Table):
    """A pause that stands. The key is (company_id, paused_by). Piccolo knows no composite key: rows are only read."""

    company_id = UUID(primary_key=True, default=None)
    paused_by = Text()
    trip = JSONB(null=True, default=None)
    since_at = Timestamptz()


class BookSettings(Table):
    """A book's alarms, its staging of new cash, and the arrears it was told of; null where never set."""

    company_id = UUID(primary_key=True, default=None)
    breakers = JSONB(null=True, default=None)
    staging_tick_ms = Integer(null=True, default=None)
    arrears_bp = Integer(null=True, default=None)
    changed_at = Timestamptz()


class LenderBar(Table):
    """A reason why a lender may not lend in a book. The key is (company_id, lender_id, bar); rows are only read."""

    company_id = UUID(primary_key=True, default=None)
    lender_id = UUID(default=None)
    bar = Text()
    since_at = Timestamptz()


class LendingStop(Table):
    """A bar that somebody ordered, for one book or for all. Without a key of one column: rows are only read."""

    lender_id = UUID(primary_key=True, default=None)
    company_id = UUID(null=True, default=None)
    bar = Text()
    ordered_by = Text()
    since_at = Timestamptz()


class LenderBarAsked(Table):
    """A bar that a book was told of. The key is (company_id, lender_id, bar); rows are only read."""

    company_id = UUID(primary_key=True, default=None)
    lender_id = UUID(default=None)
    bar = Text()
