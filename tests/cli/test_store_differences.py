"""What is on its way between two stores is no difference; what never arrives is one."""

import json
from collections.abc import Sequence

from cli.store_differences import Difference, Recorded, journal_differences
from cli.verify import lasting_differences
from marketplace.book.journal import JournalEntry
from marketplace.ports import JournalHead


def entry(seq: int, digest: str) -> JournalEntry:
    return JournalEntry(
        shard="bk09",
        seq=seq,
        kind="x",
        company_id=None,
        lender_id=None,
        cause_id="c",
        payload=json.dumps({}).encode(),
        hash=digest,
    )


def texts(head: JournalHead, own: Recorded, entries: Sequence[JournalEntry]) -> list[str]:
    return [difference.text for difference in journal_differences(head, own, entries)]


def test_journals_agree_on_the_entries_that_both_have() -> None:
    own = Recorded(shard="bk09", seq=2, hash="h2")

    assert texts(JournalHead(seq=2, hash="h2"), own, [entry(2, "h2")]) == []
    assert texts(JournalHead(seq=0, hash="genesis"), Recorded(shard="bk09", seq=0, hash=""), []) == []
    assert texts(JournalHead(seq=5, hash="h5"), own, [entry(2, "other")]) == [
        "5 journal bk09 has another entry 2 in Redis than in PostgreSQL"
    ]
    assert texts(JournalHead(seq=1, hash="h1"), own, []) == [
        "5 journal bk09 ends at 1 in Redis and at 2 in PostgreSQL, which copies it"
    ]


def test_a_copy_that_is_behind_has_another_subject_with_every_step_it_takes() -> None:
    subjects = [
        next(journal_differences(JournalHead(seq=9, hash="h9"), Recorded(shard="bk09", seq=seq, hash="h"), [])).subject
        for seq in (3, 4)
    ]

    assert subjects == [("journal", "bk09", 3), ("journal", "bk09", 4)]


async def test_only_what_differs_at_every_look_is_told_with_its_last_figures() -> None:
    looks = iter(
        [
            [difference("lender", "1 cent"), difference("journal", "behind")],
            [difference("lender", "2 cents"), difference("wallet", "on its way")],
        ]
    )
    last: list[Difference] = []

    async def look() -> Sequence[Difference]:
        last[:] = next(looks, last)
        return list(last)

    told = await lasting_differences(look, patience_s=0.05, pause_s=0.02)

    assert [one.text for one in told] == ["2 cents"]


async def test_stores_that_agree_are_looked_at_once() -> None:
    count = 0

    async def look() -> Sequence[Difference]:
        nonlocal count
        count += 1
        return []

    assert await lasting_differences(look) == []
    assert count == 1


def difference(subject: str, text: str) -> Difference:
    return Difference(subject=(subject,), text=text)
