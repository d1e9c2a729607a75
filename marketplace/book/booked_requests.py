"""A request as its book keeps it: where it stands and what was tried for it."""

import enum
from datetime import datetime

import msgspec

from marketplace.allocation.orders import CreditRequest


class RequestState(enum.StrEnum):
    """Where a request stands in its book. `open` waits for a cover, and stays so while one is being gathered."""

    OPEN = "open"
    COVERED = "covered"
    SIGNED = "signed"
    CLOSED = "closed"


class BookedRequest(msgspec.Struct, kw_only=True):
    """A request in the book. `failures` counts covers the purses could not promise; `not_before_at` delays the next.

    `is_holding`: it waited beyond the company's patience, so its fills are held as they come.
    `lifted_lender_ids` are the lenders who took their hold back. Of what lenders lent in the end, `lent_cents`,
    `repaid_cents` of principal came back.
    """

    request: CreditRequest
    opened_at: datetime
    expires_at: datetime
    state: RequestState = RequestState.OPEN
    cover_id: str | None = None
    is_holding: bool = False
    failures: int = 0
    not_before_at: datetime | None = None
    lifted_lender_ids: tuple[str, ...] = ()
    lent_cents: int = 0
    repaid_cents: int = 0
