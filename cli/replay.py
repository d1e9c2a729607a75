"""`replay`: a book's journal run again through the rule, and compared with what is recorded, byte for byte."""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import UUID

import msgspec

from cli.cases import ANSWERED, REFUSED, UNUSABLE, print_json, unreadable
from cli.environment import persistence_settings
from marketplace.book.book_replay import ReplayedBook
from marketplace.book.journal_file import JournalLineWrong, replay_journal_file
from persistence.connection import connect
from persistence.replayed_books import journal_file_lines

SHOWN = 10
"""How many differences of a book are printed."""

STANDARD_STREAM = "-"

_FORMAT = """\
The journal file is JSON Lines, one object a line, commands before the entries they caused:
  {"command": {"command_id": "…", "company_id": "…", "at": "2026-01-07T09:00:00Z", "command": {"type": "…", …}}}
  {"shard": "bk00", "seq": 1, "previous_seq": 0, "previous_hash": "…", "hash": "…",
   "record": {"company_id": "…", "cause_id": "…", "at": "…", "event": {"type": "…", …}}}
previous_seq (the book's entry before, 0: none) and the two hashes may be left out; given, they are checked: hash is the
SHA-1 of "<previous_hash>.<seq>.<record>". `record` is compared as it stands, byte for byte: amounts are integer cents,
rates basis points, instants UTC. A turn is every entry of one cause_id: a command's id, tick:… (a tick of the host's
own clock), step:… (what the book did of itself), answers:… (what purses answered), setting:… (of the platform). Each
turn is decided again on the book as it then was.

The exit status is 0 when every turn is decided as recorded, 1 when one is not or its command is missing (the first are
named, each with what is recorded and what is decided), 2 when the file cannot be read.
"""


class ReplayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one book. `fingerprint` is the SHA-256 of its whole state after the last entry."""

    company: str
    shard: str
    last_seq: int
    turns_decided: int
    turns_without_command: int
    fingerprint: str
    agrees: bool
    differences: list[str]
    limits_passed: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run a book's journal again through the pure rule and compare every decision, receipts included, with what is "
        "recorded."
    )
    parser.epilog = _FORMAT
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("journal", nargs="?", metavar="JOURNAL", help="the journal file; - for standard input")
    source.add_argument(
        "--company", type=_uuid, metavar="ID", help="read this company's book from DATABASE_URL instead"
    )
    parser.add_argument(
        "--export", metavar="FILE", help="with --company: write its journal file too; - prints it alone"
    )
    parser.add_argument("--json", action="store_true", help="answer one JSON object a book")


def run(arguments: argparse.Namespace) -> int:
    """Answer on standard output, name what differs on standard error; the exit status."""
    if arguments.company is not None:
        return _replay_company(arguments.company, arguments.export, os.environ, as_json=arguments.json)
    if arguments.export is not None:
        print("--export goes with --company", file=sys.stderr)
        return UNUSABLE
    try:
        with _opened(arguments.journal) as lines:
            return _answer(replay_journal_file(lines), where=arguments.journal, as_json=arguments.json)
    except OSError as error:
        return unreadable(Path(arguments.journal), error)


def _replay_company(company_id: str, export: str | None, environment: Mapping[str, str], *, as_json: bool) -> int:
    lines = asyncio.run(_recorded_lines(persistence_settings(environment).database_url, company_id))
    if not lines:
        print(f"no journal of company {company_id} is recorded", file=sys.stderr)
        return UNUSABLE
    if export == STANDARD_STREAM:
        sys.stdout.buffer.writelines(line + b"\n" for line in lines)
    elif export is not None:
        try:
            Path(export).write_bytes(b"".join(line + b"\n" for line in lines))
        except OSError as error:
            return unreadable(Path(export), error)
    replayed = replay_journal_file(lines)
    if export == STANDARD_STREAM:
        return _status(replayed)
    return _answer(replayed, where=f"company {company_id}", as_json=as_json)


async def _recorded_lines(database_url: str, company_id: str) -> list[bytes]:
    connection = await connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return [line async for line in journal_file_lines(connection, company_id)]
    finally:
        await connection.close()


def _answer(replayed: tuple[ReplayedBook, ...] | JournalLineWrong, *, where: str, as_json: bool) -> int:
    if isinstance(replayed, JournalLineWrong):
        print(f"{where}:{replayed.line}: {replayed.reason}; accepted: {replayed.would_pass}", file=sys.stderr)
        return UNUSABLE
    if not replayed:
        print(f"{where}: no entry to replay", file=sys.stderr)
        return UNUSABLE
    for book in replayed:
        answer = _replay_answer(book)
        if as_json:
            print_json(answer)
        else:
            _print_words(answer)
    return _status(replayed)


def _status(replayed: tuple[ReplayedBook, ...] | JournalLineWrong) -> int:
    if isinstance(replayed, JournalLineWrong):
        return UNUSABLE
    return ANSWERED if all(_agrees(book) for book in replayed) else REFUSED


def _agrees(book: ReplayedBook) -> bool:
    return not (book.differences or book.limits_passed or book.turns_without_command)


def _replay_answer(book: ReplayedBook) -> ReplayAnswer:
    return ReplayAnswer(
        company=book.book.company_id,
        shard=book.book.shard,
        last_seq=book.book.sequence,
        turns_decided=book.turns_decided,
        turns_without_command=book.turns_without_command,
        fingerprint=book.book.fingerprint(),
        agrees=_agrees(book),
        differences=book.differences,
        limits_passed=book.limits_passed,
    )


def _print_words(answer: ReplayAnswer) -> None:
    verdict = "every turn decided as recorded" if answer.agrees else "DIFFERS"
    print(
        f"book {answer.company} ({answer.shard}, up to {answer.last_seq}): {answer.turns_decided} turns decided again, "
        f"{verdict}; fingerprint {answer.fingerprint}"
    )
    if answer.turns_without_command:
        print(f"{answer.turns_without_command} turns were not decided again: their command is missing", file=sys.stderr)
    found = [*answer.differences, *answer.limits_passed]
    for what in found[:SHOWN]:
        print(what, file=sys.stderr)
    if len(found) > SHOWN:
        print(f"and {len(found) - SHOWN} more", file=sys.stderr)


@contextlib.contextmanager
def _opened(journal: str) -> Iterator[Iterator[bytes]]:
    if journal == STANDARD_STREAM:
        yield iter(sys.stdin.buffer)
        return
    with Path(journal).open("rb") as lines:
        yield iter(lines)


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a company's id, a UUID") from None
