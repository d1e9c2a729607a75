"""`match`: the allocation rule put to a book, one or many."""

import argparse
import sys
from pathlib import Path

from cli.cases import ANSWERED, REFUSED, Refusal, print_json, unreadable
from marketplace.book_file import BookFileProblem, BookFileRefusal, decode_book_file
from marketplace.book_planning import BookAnswer, encode_answer, plan_book


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
    parser.add_argument("--receipts", action="store_true", help="add to each answer the reasoning it was computed by")


def run(arguments: argparse.Namespace) -> int:
    """Answer on standard output, say on standard error what is wrong with a refused book; the exit status."""
    path: Path = arguments.file
    try:
        content = path.read_bytes()
    except OSError as error:
        return unreadable(path, error)
    if not arguments.jsonl:
        answer = _answer(content, with_receipts=arguments.receipts)
        return _print_answer(answer, where=str(path), line_number=None)
    status = ANSWERED
    for line_number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            answer = _answer(line, with_receipts=arguments.receipts)
            status = max(status, _print_answer(answer, where=f"{path}:{line_number}", line_number=line_number))
    return status


def _answer(encoded: bytes, *, with_receipts: bool) -> BookAnswer | BookFileRefusal:
    book = decode_book_file(encoded)
    return book if isinstance(book, BookFileRefusal) else plan_book(book, with_receipts=with_receipts)


def _print_answer(answer: BookAnswer | BookFileRefusal, *, where: str, line_number: int | None) -> int:
    """Print one answer; a refused line of many is known by its number."""
    if isinstance(answer, BookAnswer):
        print(encode_answer(answer).decode())
        return ANSWERED
    for problem in answer.problems:
        print(f"{where}: {problem.at}: {problem.given}; accepted: {problem.accepted}", file=sys.stderr)
    error = {"error": _refusal(answer.problems)}
    print_json(error if line_number is None else {"id": line_number, **error})
    return REFUSED


def _refusal(problems: tuple[BookFileProblem, ...]) -> Refusal:
    return Refusal(
        reason="; ".join(f"{problem.at}: {problem.given}" for problem in problems),
        would_pass="; ".join(f"{problem.at}: {problem.accepted}" for problem in problems),
    )
