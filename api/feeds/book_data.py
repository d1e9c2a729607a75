"""A book's view as a client holds it: taken from a snapshot, moved on by deltas, checked by checksum."""

import msgspec

from api.feeds.checksums import OfferRow, RequestRow, Totals, book_checksum
from api.feeds.messages import Op, Position

LastCover = tuple[int, int, str]
"""Term in months, rate of the loan in hundredths of a basis point, minute of the cover (UTC)."""
LAST_COVERS_SHOWN = 10


class BookData(msgspec.Struct, kw_only=True):
    """The `data` of a `book:` snapshot. Rows are kept by key, so that a delta's absolute values replace them."""

    phase: str
    terms_version: int
    o: list[OfferRow]
    r: list[RequestRow]
    tot: Totals
    last: list[LastCover]


class BookMirror:
    """The view of one book on the client's side."""

    def __init__(self, company_id: str, position: Position, data: BookData) -> None:
        self.company_id = company_id
        self.position = position
        self.phase = data.phase
        self.terms_version = data.terms_version
        self.offers = {row[:3]: row for row in data.o}
        self.requests = {row[0]: row for row in data.r}
        self.totals = data.tot
        self.last = list(data.last)

    def apply(self, s: int, ops: tuple[Op, ...]) -> None:
        """Move on to sequence `s`. Ops and fields this client does not know are left alone."""
        for op in ops:
            match list(op):
                case ["o", months, price_bp, tier, 0, _]:
                    self.offers.pop((months, price_bp, tier), None)
                case ["o", months, price_bp, tier, cents, lenders]:
                    self.offers[months, price_bp, tier] = (months, price_bp, tier, cents, lenders)
                case ["r", months, 0, _]:
                    self.requests.pop(months, None)
                case ["r", months, cents, count]:
                    self.requests[months] = (months, cents, count)
                case ["tot", offer_cents, need_cents, count]:
                    self.totals = (offer_cents, need_cents, count)
                case ["k", "phase", phase]:
                    self.phase = phase
                case ["k", "terms_version", version]:
                    self.terms_version = version
                case ["k", "last", last]:
                    self.last = [(months, rate_cbp, minute_at) for months, rate_cbp, minute_at in last]
                case _:
                    continue
        self.position = Position(inc=self.position.inc, s=s)

    def checksum(self) -> int:
        """The checksum of what this mirror holds, to be compared with the server's."""
        return book_checksum(
            self.company_id,
            inc=self.position.inc,
            s=self.position.s,
            terms_version=self.terms_version,
            phase=self.phase,
            o=self.offers.values(),
            r=self.requests.values(),
            tot=self.totals,
        )
