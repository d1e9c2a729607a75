"""What Lemonway tells us: notifications, each stored once, and the wires found by following them."""

from piccolo.columns import JSONB, UUID, BigInt, Integer, Text, Timestamptz
from piccolo.table import Table


class LemonwayNotification(Table):
    """A notification as received: a hint to read the object again, never believed."""

    key = Text(primary_key=True)
    category = Integer()
    object_id = Text(null=True, default=None)
    body = JSONB()
    state = Text(default="received")
    received_at = Timestamptz()
    processed_at = Timestamptz(null=True, default=None)
    last_error = Text(null=True, default=None)


class Wire(Table):
    """A wire read at Lemonway. Unmatched: nobody has the wallet it was credited to; a person looks into it."""

    id = Text(primary_key=True)
    wallet_id = Text()
    party_id = UUID(null=True, default=None)
    cents = BigInt()
    state = Text()
    executed_at = Timestamptz()
    notification_key = Text(null=True, default=None)
    created_at = Timestamptz()
