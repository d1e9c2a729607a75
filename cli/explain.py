"""`explain`: a receipt in plain words, for one lender, for the borrower, or for operations."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from cli.cases import (
    ANSWERED,
    UNREADABLE_JSON,
    UNUSABLE,
    Refusal,
    answer_cases,
    print_json,
    refusal_of_book,
    refuse,
    unreadable,
    why_unreadable,
)
from cli.environment import DATABASE_URL, persistence_settings
from marketplace.allocation.book_file import BookFile, BookFileRefusal, decode_book_file
from marketplace.allocation.book_planning import BookAnswer, plan_book
from marketplace.allocation.receipt_arithmetic import differences
from marketplace.allocation.receipts import Receipt, decode_receipt, encode_receipt
from marketplace.book.book_events import PlannedCover
from marketplace.explanations.book_accounts import BookBefore, receipts_of
from marketplace.explanations.borrower_account import borrower_account
from marketplace.explanations.languages import Language
from marketplace.explanations.lender_account import lender_account
from marketplace.explanations.lender_outcomes import JudgedOffer, PlanStatus, lender_outcome
from marketplace.explanations.operations_account import operations_account
from marketplace.explanations.plan_accounts import account_of_plan
from marketplace.explanations.sentences import Sentence

READERS = "lender:ID, borrower or operations"
RECEIPT_ACCEPTED = (
    "the receipt of a plan as `match --receipts` writes it, the whole answer of `match --receipts`, or the id of a "
    "fill, a cover or a request that the database of DATABASE_URL holds"
)

LENDERS_NAMED = 20
"""How many lenders are named at most to whoever asks for one that is not there."""

_IMPOSSIBLE = (ArithmeticError, AssertionError, LookupError)
"""How the pure rule meets figures that it can never have written."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt in words: to whom, in which language, sentence by sentence."""

    request: str
    reader: str = msgspec.field(name="for")
    lang: Language
    sentences: tuple[Sentence, ...]


class ExplainCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a file of cases."""

    id: str | int
    receipt: Receipt
    reader: str = msgspec.field(name="for", default="operations")
    lang: Language = "it"


class Known(NamedTuple):
    """A receipt, with what its source tells beside it: the reader's own offers, and of a recorded plan the plan itself
    and what became of it."""

    receipt: Receipt
    offers: tuple[JudgedOffer, ...] = ()
    recorded: tuple[PlannedCover, PlanStatus] | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Tell in plain words what a plan means: to one lender (why it got what it got, or nothing), to the borrower "
        "(what was found, why this rate, what would help) or to operations (every step with its figures). The receipt "
        f"is {RECEIPT_ACCEPTED}. A lender that the receipt does not list gets its reason from its own offer: from "
        "--book, the file that `match` planned, or from the database's journal. The exit status is 1 when what is "
        "asked for is refused, 2 when the receipt cannot be read."
    )
    parser.add_argument("receipt", nargs="?", metavar="RECEIPT", help="a file, - for standard input, or an id")
    parser.add_argument("--for", dest="reader", default="operations", metavar="WHO", help=f"{READERS} (the default)")
    parser.add_argument("--lang", choices=("it", "en"), default="it", help="the language (default: it)")
    parser.add_argument("--request", metavar="ID", help="which request of an answer that holds several")
    parser.add_argument(
        "--book", type=Path, metavar="FILE", help="the book that the receipt is of, as `match` reads it"
    )
    parser.add_argument("--json", action="store_true", help="answer one JSON object, each sentence with its code")
    parser.add_argument(
        "--cases", type=Path, metavar="FILE", help="JSON Lines with id, receipt, for and lang, answered one a line"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation on standard output; the exit status."""
    if arguments.cases is not None:
        return answer_cases(arguments.cases, _explain_case)
    if arguments.receipt is None:
        print(f"explain: no receipt given; accepted: {RECEIPT_ACCEPTED}", file=sys.stderr)
        return UNUSABLE
    reader: str = arguments.reader
    if (wrong_reader := _wrong_reader(reader)) is not None:
        return refuse(wrong_reader, as_json=arguments.json)
    known: Known | Refusal | int
    if (text := _read(arguments.receipt)) is not None:
        known = text if isinstance(text, int) else _from_text(text, arguments)
    elif os.environ.get(DATABASE_URL):
        known = asyncio.run(_from_database(arguments.receipt, reader))
    else:
        print(f"{arguments.receipt}: no such file, and DATABASE_URL is not set to look an id up", file=sys.stderr)
        return UNUSABLE
    if isinstance(known, int):
        return known
    if isinstance(known, Refusal):
        return refuse(known, as_json=arguments.json)
    sentences = explained(known, reader, arguments.lang)
    if arguments.json:
        request_id = known.receipt.request.request_id
        print_json(Explanation(request=request_id, reader=reader, lang=arguments.lang, sentences=sentences))
    else:
        for sentence in sentences:
            print(sentence.text)
    return ANSWERED


def explained(known: Known, reader: str, language: Language) -> tuple[Sentence, ...]:
    """The receipt in the words of one reader: `lender:ID`, `borrower` or `operations`."""
    if known.recorded is not None:
        plan, status = known.recorded
        return account_of_plan(plan, reader, language, status=status, offers=known.offers)
    if reader == "borrower":
        return borrower_account(known.receipt, language)
    if reader == "operations":
        return operations_account(known.receipt, language)
    outcome = lender_outcome(known.receipt, reader.removeprefix("lender:"), known.offers)
    return lender_account(known.receipt, outcome, language)


def _unproven(receipt: Receipt) -> Refusal | None:
    """Why a receipt from outside is not to be believed: its figures do not lead to its result."""
    try:
        contradictions = differences(receipt)
        if not contradictions:
            _tell_everybody(receipt)
    except _IMPOSSIBLE as error:
        contradictions = (f"{type(error).__name__} {error}".rstrip(),)
    if not contradictions:
        return None
    return Refusal(
        reason=f"the receipt contradicts itself: {'; '.join(contradictions)}",
        would_pass="a receipt as the rule wrote it, whose figures lead to its result",
    )


def _tell_everybody(receipt: Receipt) -> None:
    """Go through every figure of a receipt. Raises one of _IMPOSSIBLE where the words have no meaning."""
    lender_ids = {candidate.lender_id for bucket in receipt.buckets for candidate in bucket.candidates}
    for reader in ("borrower", "operations", *sorted(f"lender:{lender_id}" for lender_id in lender_ids)):
        explained(Known(receipt), reader, "en")


def _wrong_reader(reader: str) -> Refusal | None:
    if reader in ("borrower", "operations") or (reader.startswith("lender:") and reader != "lender:"):
        return None
    return Refusal(reason=f"--for {reader}: nobody explains to that", would_pass=f"--for {READERS}")


def _no_such_lender(reader: str, lender_ids: Sequence[str]) -> Refusal:
    """The answer to whoever asks for a lender that had no offer in the book."""
    named = ", ".join(f"lender:{lender_id}" for lender_id in lender_ids[:LENDERS_NAMED])
    more = len(lender_ids) - LENDERS_NAMED
    would_pass = f"--for with one of {named}{f' and {more} more' if more > 0 else ''}" if named else "another book"
    return Refusal(reason=f"--for {reader}: no lender with that id has an offer in the book", would_pass=would_pass)


def _explain_case(line: bytes) -> msgspec.Struct | Refusal:
    try:
        case = msgspec.json.decode(line, type=ExplainCase)
    except UNREADABLE_JSON as error:
        return Refusal(
            reason=why_unreadable(error),
            would_pass=f"id, receipt (of `match --receipts`), for ({READERS}), lang it, en",
        )
    refusal = _wrong_reader(case.reader) or _unproven(case.receipt)
    if refusal is not None:
        return refusal
    sentences = explained(Known(case.receipt), case.reader, case.lang)
    return Explanation(request=case.receipt.request.request_id, reader=case.reader, lang=case.lang, sentences=sentences)


def _read(source: str) -> bytes | int | None:
    """What a file or standard input holds, the exit status when it cannot be read, None when it is no file's name."""
    if source == "-":
        return sys.stdin.buffer.read()
    path = Path(source)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return unreadable(path, error)


def _from_text(text: bytes, arguments: argparse.Namespace) -> Known | Refusal | int:
    receipt = _chosen(_receipts_in(text), arguments.request)
    if isinstance(receipt, Refusal):
        return receipt
    unproven = _unproven(receipt)
    if unproven is not None or arguments.book is None:
        return unproven or Known(receipt)
    try:
        book = decode_book_file(arguments.book.read_bytes())
    except OSError as error:
        return unreadable(arguments.book, error)
    if isinstance(book, BookFileRefusal):
        return refusal_of_book(book, source=arguments.book)
    return _from_book(receipt, book, arguments.reader)


def _from_book(receipt: Receipt, book: BookFile, reader: str) -> Known | Refusal:
    """The receipt with the reader's offers as the book had them when it was made."""
    before = BookBefore(book)
    for planned in receipts_of(plan_book(book, with_receipts=True)):
        if encode_receipt(planned) == encode_receipt(receipt):
            lender_id = reader.removeprefix("lender:")
            if reader == lender_id:
                return Known(receipt)
            if lender_id not in before.lender_ids():
                return _no_such_lender(reader, before.lender_ids())
            return Known(receipt, offers=before.judged(receipt, lender_id))
        if planned.outcome == "covered":
            before.take(planned)
    return Refusal(
        reason="the receipt is not what the rule gives for this book", would_pass="the book that `match` planned"
    )


def _receipts_in(text: bytes) -> list[Receipt] | Refusal:
    """The receipts of an answer of `match --receipts`, or the one receipt that `text` is."""
    try:
        is_answer = "covers" in msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        if is_answer:
            return receipts_of(msgspec.json.decode(text, type=BookAnswer))
        return [decode_receipt(text)]
    except UNREADABLE_JSON as error:
        return Refusal(reason=f"not a receipt: {why_unreadable(error)}", would_pass=RECEIPT_ACCEPTED)


def _chosen(receipts: list[Receipt] | Refusal, request_id: str | None) -> Receipt | Refusal:
    if isinstance(receipts, Refusal):
        return receipts
    if not receipts:
        return Refusal(reason="the answer holds no receipt", would_pass="an answer of `match --receipts`")
    found = [receipt for receipt in receipts if request_id in (None, receipt.request.request_id)]
    if len(found) == 1:
        return found[0]
    asked = "no request named" if request_id is None else f"--request {request_id}: not in the answer"
    ids = ", ".join(receipt.request.request_id for receipt in receipts)
    return Refusal(reason=f"{asked}, and it holds {len(receipts)}", would_pass=f"--request with one of {ids}")


async def _from_database(reference: str, reader: str) -> Known | Refusal:
    """The receipt that an id leads to, with the reader's offers as the journal had them before the plan."""
    # Imported only here: a receipt in a file is explained without a database's driver.
    from persistence.book_history import lenders_before, offers_before
    from persistence.connection import connect
    from persistence.receipts_desk import find_plan, is_hold_lifted, plan_status

    connection = await connect(persistence_settings(os.environ).database_url)
    try:
        plan = await find_plan(connection, reference)
        if plan is None:
            return Refusal(reason=f"{reference}: no file, and no plan of that id", would_pass=RECEIPT_ACCEPTED)
        lender_id = reader.removeprefix("lender:")
        offers: tuple[JudgedOffer, ...] = ()
        if reader != lender_id:
            offers = await offers_before(connection, plan, lender_id)
            if not offers and lender_id not in (there := await lenders_before(connection, plan)):
                return _no_such_lender(reader, there)
        status = await plan_status(connection, plan)
        is_part = any(leg.lender_id == lender_id for leg in plan.plan.legs)
        if is_part and await is_hold_lifted(connection, cover_id=plan.cover_id, lender_id=lender_id):
            status = "lifted"
        return Known(plan.plan.receipt, offers, recorded=(plan.plan, status))
    finally:
        await connection.close()
