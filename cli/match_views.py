"""A planned book for people: as a table of covers and resting requests, or in words for everybody it concerns."""

from collections.abc import Iterator, Sequence

from marketplace.allocation.book_file import BookFile
from marketplace.allocation.book_planning import BookAnswer
from marketplace.explanations.book_accounts import book_accounts
from marketplace.explanations.figures import format_bp, format_cents
from marketplace.explanations.languages import Language
from marketplace.explanations.sentences import Sentence, Text

TITLES = {
    "request": Text("richiesta", "request"),
    "who": Text("chi", "who"),
    "offer": Text("offerta", "offer"),
    "amount": Text("importo", "amount"),
    "rate": Text("tasso", "rate"),
    "company": Text("azienda", "company"),
    "together": Text("in tutto", "together"),
    "uncovered": Text("non coperta", "uncovered"),
    "guarantee": Text("attende garanzia", "awaiting guarantee"),
    "borrower": Text("Chi chiede il prestito", "Borrower"),
    "lender": Text("Finanziatore", "Lender"),
    "operations": Text("Operazioni", "Operations"),
}


def as_table(answer: BookAnswer, language: Language) -> str:
    """A line for each fill and for the company's money of each cover, then one for each request that rests."""
    title = {key: text.of(language) for key, text in TITLES.items()}
    rows = [tuple(title[key] for key in ("request", "who", "offer", "amount", "rate"))]
    for cover in answer.covers:
        rate = format_bp(cover.rate_bp, language)
        if cover.company_cents:
            rows.append((cover.request, title["company"], "", format_cents(cover.company_cents, language), rate))
        for fill in cover.fills:
            rows.append((cover.request, fill.lender, fill.offer, format_cents(fill.amount_cents, language), rate))
        rows.append((cover.request, title["together"], "", format_cents(cover.amount_cents, language), rate))
    for resting in answer.resting:
        cents = format_cents(resting.coverable_cents, language)
        rows.append((resting.request, title[resting.reason], "", cents, ""))
    return _aligned(rows)


def in_words(book: BookFile, answer: BookAnswer, language: Language) -> str:
    """For every request, in book order: its borrower, every lender with an offer, and operations. The answer was
    computed with receipts."""
    title = {key: text.of(language) for key, text in TITLES.items()}
    lines: list[str] = []
    for account in book_accounts(book, answer, language):
        request = account.receipt.request
        lines += _paragraph(f"{request.request_id} · {title['borrower']} {request.borrower_id}", account.borrower)
        for lender in account.lenders:
            lines += _paragraph(f"{request.request_id} · {title['lender']} {lender.lender_id}", lender.sentences)
        lines += _paragraph(f"{request.request_id} · {title['operations']}", account.operations)
    return "\n".join(lines).rstrip("\n")


def _paragraph(heading: str, sentences: Sequence[Sentence]) -> Iterator[str]:
    yield heading
    yield from (f"  {sentence.text}" for sentence in sentences)
    yield ""


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(
            # Amounts and rates end under each other, names begin so.
            cell.rjust(width) if column >= 3 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
