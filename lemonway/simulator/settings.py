"""What a simulator is started with, and the behaviours that may be changed while it runs."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

Cents = Annotated[int, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Lemonway's behaviour is uncertain or depends on the contract. Kept in the store, changed at will.

    `error_mode`: HTTP status of a functional refusal, 200 (as the specification has it) or 400 (as newer pages say);
    malformed data is 400 in both. `money_out_family`: `specification` answers 0 then 3, `dashboard` 4 then 0.
    `iban_validation`: a payout IBAN is activated at once, or waits (status 4) for the control plane.
    The limits are those of a verified crowdlending wallet over 24 hours (docs/lemonway_facts.md §3), off by default.
    """

    error_mode: Literal["http200", "http400"] = "http200"
    reject_duplicate_references: bool = False
    money_out_family: Literal["specification", "dashboard"] = "specification"
    iban_validation: Literal["immediate", "manual"] = "immediate"
    limits_enabled: bool = False
    p2p_sent_count: Count = 1_000
    p2p_sent_cents: Cents = 100_000_000
    p2p_received_count: Count = 1_000
    p2p_received_cents: Cents = 100_000_000
    money_out_count: Count = 10
    money_out_cents: Cents = 25_000_000
    money_in_count: Count = 50
    money_in_cents: Cents = 25_000_000


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`start_at` and `behaviour` count only when the store is new; afterwards the store remembers.

    `start_at` is a fixed instant (time then moves only through the control plane) or `"system"`, which follows real
    time until the clock is set for the first time. Without `webhook_url` notifications are recorded and not sent.
    """

    store_path: Path
    api_key: str
    webhook_url: str | None = None
    start_at: datetime | Literal["system"] = "system"
    sc_wallet_id: str = "SC"
    technical_wallet_ids: tuple[str, ...] = ()
    behaviour: Behaviour = Behaviour()
