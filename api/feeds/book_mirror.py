"""A book's view on the client's side: taken from a snapshot, moved on by deltas, checked by checksum."""

import msgspec

from api.feeds.messages import Op, Position
from marketplace.book.book_view import BookView, CoverRow, book_view_checksum

_LAST = tuple[CoverRow, ...]


class BookMirror:
    """The view of one book. Rows are kept by key, so that a delta's absolute values replace them."""

    def __init__(self, company_id: str, position: Position, view: BookView) -> None:
        self.company_id = company_id
        self.position = position
        self._phase, self._terms_version = view.phase, view.terms_version
        self._offers = {row[:3]: row for row in view.o}
        self._requests = {row[0]: row for row in view.r}
        self._totals, self._last = view.tot, view.last

    @property
    def view(self) -> BookView:
        """The whole view, in the order in which a snapshot gives it."""
        return BookView(
            phase=self._phase,
            terms_version=self._terms_version,
            o=tuple(sorted(self._offers.values())),
            r=tuple(sorted(self._requests.values())),
            tot=self._totals,
            last=self._last,
        )

    def apply(self, s: int, ops: tuple[Op, ...]) -> None:
        """Move on to sequence `s`. Ops and fields this client does not know are left alone: there may be new ones."""
        for op in ops:
            match list(op):
                case ["o", months, price_bp, tier, 0, _]:
                    self._offers.pop((months, price_bp, tier), None)
                case ["o", months, price_bp, tier, cents, lenders]:
                    self._offers[months, price_bp, tier] = (months, price_bp, tier, cents, lenders)
                case ["r", months, 0, _]:
                    self._requests.pop(months, None)
                case ["r", months, cents, count]:
                    self._requests[months] = (months, cents, count)
                case ["tot", offer_cents, need_cents, count]:
                    self._totals = (offer_cents, need_cents, count)
                case ["k", "phase", phase]:
                    self._phase = phase
                case ["k", "terms_version", version]:
                    self._terms_version = version
                case ["k", "last", last]:
                    self._last = msgspec.convert(last, _LAST)
                case _:
                    continue
        self.position = Position(inc=self.position.inc, s=s)

    def checksum(self) -> int:
        """The checksum of what this mirror holds, to be compared with the server's."""
        return book_view_checksum(self.company_id, self.position.inc, self.position.s, self.view)
