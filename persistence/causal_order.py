"""Which facts may be recorded now: never one before the fact it follows from.

Books and purses write journals of their own. A purse decides a fill that a book's event named; the book records the
decision. By recording only in that order PostgreSQL is at every commit a state that the market could have been in, so
Redis can be rebuilt from it.
"""

from collections.abc import Iterable, Mapping, Sequence, Set

from marketplace.book.book_events import LegDenied, LegReleased, LegTaken
from marketplace.book.purse_events import (
    FillDenied,
    FillLent,
    FillRefunded,
    FillReleased,
    FillSent,
    FillTaken,
    FillVoided,
)
from persistence.journal_facts import BookFact, Fact, JournalUnreadable, PurseFact

_ABOUT_A_FILL = (FillTaken, FillDenied, FillVoided, FillReleased, FillSent, FillRefunded, FillLent)


def fills_awaited(facts: Iterable[Fact]) -> set[str]:
    """The fills whose purse decision books have recorded in `facts`."""
    return {fill_id for fact in facts if isinstance(fact, BookFact) and (fill_id := _decided_fill(fact)) is not None}


def recordable(
    batches: Mapping[str, Sequence[Fact]], *, recorded: Mapping[str, int], decided_fills: Set[str]
) -> dict[str, int]:
    """How many facts of each shard's batch may be recorded together, counted from its first.

    `recorded` is the last recorded sequence of every shard, `decided_fills` those awaited fills whose purse decision is
    recorded. Facts of one transaction are recorded at once, so a cause within the same batches counts.
    """
    reached, decided = dict(recorded), set(decided_fills)
    counts = dict.fromkeys(batches, 0)
    is_moving = True
    while is_moving:
        is_moving = False
        for shard, facts in batches.items():
            while counts[shard] < len(facts) and _is_caused(facts[counts[shard]], reached, decided):
                fact = facts[counts[shard]]
                reached[shard] = fact.entry.seq
                if isinstance(fact, PurseFact) and isinstance(fact.event, _ABOUT_A_FILL):
                    decided.add(fact.event.ref)
                counts[shard] += 1
                is_moving = True
    return counts


def _is_caused(fact: Fact, reached: Mapping[str, int], decided: Set[str]) -> bool:
    if isinstance(fact, BookFact):
        fill_id = _decided_fill(fact)
        return fill_id is None or fill_id in decided
    if isinstance(fact.event, _ABOUT_A_FILL):
        shard, seq = _naming_event(fact)
        return reached.get(shard, 0) >= seq
    return True


def _decided_fill(fact: BookFact) -> str | None:
    match fact.record.event:
        case LegTaken(fill_id=fill_id) | LegDenied(fill_id=fill_id):
            return fill_id
        case LegReleased(fill_id=fill_id, answer=answer) if answer != "gone":
            return fill_id
        case _:
            return None


def _naming_event(fact: PurseFact) -> tuple[str, int]:
    """The book event that named a fill: a fill is called `<book shard>.<sequence>.<place>`."""
    shard, _, rest = fact.event.ref.partition(".")
    seq, _, place = rest.partition(".")
    if not (seq.isdigit() and place.isdigit()):
        raise JournalUnreadable(f"{fact.entry.shard}: entry {fact.entry.seq} is about no fill: {fact.event.ref!r}")
    return shard, int(seq)
