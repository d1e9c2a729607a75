"""`match`: the allocation rule put to a book, one or many."""

import argparse
import sys
from pathlib import Path

from cli.cases import ANSWERED, REFUSED, print_json, refusal_of_book, unreadable
from cli.match_views import as_table, in_words
from marketplace.allocation.book_file import BookFile, decode_book_file
from marketplace.allocation.book_planning import encode_answer, plan_book


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Plan every request of a company's book: which lenders fund it, with how much and at what rate, or why it "
        "waits. A cover takes its money before the next request is looked at. The book is one JSON object (terms, "
        "lenders, offers, requests; integer cents and basis points), the answer another on standard output; a field "
        "that is not part of the format is refused. The exit status is 1 when a book is refused, 2 when the file "
        "cannot be read."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the book, as JSON")
    parser.add_argument(
        "--jsonl", action="store_true", help="FILE holds one book a line; the answer is a line for each"
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--receipts", action="store_true", help="add to each answer the reasoning it was computed by")
    shown.add_argument("--table", action="store_true", help="show the covers as a table")
    shown.add_argument(
        "--explain", action="store_true", help="say in words what the plan means to every borrower and lender"
    )
    parser.add_argument("--lang", choices=("it", "en"), default="it", help="of --table and --explain (default: it)")


def run(arguments: argparse.Namespace) -> int:
    """Answer on standard output, say on standard error what is wrong with a refused book; the exit status."""
    path: Path = arguments.file
    try:
        content = path.read_bytes()
    except OSError as error:
        return unreadable(path, error)
    if not arguments.jsonl:
        return _answer(content, arguments, where=str(path), line_number=None)
    status = ANSWERED
    for line_number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            status = max(status, _answer(line, arguments, where=f"{path}:{line_number}", line_number=line_number))
    return status


def _answer(encoded: bytes, arguments: argparse.Namespace, *, where: str, line_number: int | None) -> int:
    """Plan one book and print its answer; a refused line of many is known by its number."""
    book = decode_book_file(encoded)
    if isinstance(book, BookFile):
        print(_shown(book, arguments))
        return ANSWERED
    for problem in book.problems:
        print(f"{where}: {problem.at}: {problem.given}; accepted: {problem.accepted}", file=sys.stderr)
    if not (arguments.table or arguments.explain):
        error = {"error": refusal_of_book(book)}
        print_json(error if line_number is None else {"id": line_number, **error})
    return REFUSED


def _shown(book: BookFile, arguments: argparse.Namespace) -> str:
    answer = plan_book(book, with_receipts=arguments.receipts or arguments.explain)
    if arguments.table:
        return as_table(answer, arguments.lang)
    return in_words(book, answer, arguments.lang) if arguments.explain else encode_answer(answer).decode()
