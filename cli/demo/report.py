"""The table a demonstration ends with, for people; programs read the file of `--json`."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.demo.market import Market

WIDTH = 118


def print_report(market: Market, result: Mapping[str, Any]) -> None:
    """Requests, loans, lenders and the trial balance on standard output, amounts in euro with two decimals."""
    console = Console(width=WIDTH, highlight=False)
    console.print(_requests_table(market, result))
    console.print(_lenders_table(market, result))
    console.print(_trial_balance_table(result["trial_balance"]))


def _requests_table(market: Market, result: Mapping[str, Any]) -> Table:
    loans = {loan["request_id"]: loan for loan in result["loans"]}
    requests = {request["request_id"]: request for request in result["requests"]}
    table = _table("Requests and loans", ["request", "status"], ["asked", "covered", "rate %", "lenders", "collected"])
    for asked in market.requests:
        request = requests.get(market.id_of("request", asked.key))
        if request is None:
            continue
        loan = loans.get(request["request_id"])
        table.add_row(
            asked.key,
            request["status"] if loan is None else loan["status"],
            euro(request["amount_cents"]),
            euro(request["covered_cents"]),
            percent(request["loan_rate_cbp"]),
            str(len(request["fills"])) if request["fills"] else "–",
            euro(loan["collected_cents"]) if loan else "–",
        )
    return table


def _lenders_table(market: Market, result: Mapping[str, Any]) -> Table:
    lenders = {lender["lender_id"]: lender for lender in result["lenders"]}
    columns = ("wired", "lent", "principal_received", "interest_received", "paid_out", "free")
    table = _table("Lenders", ["lender"], [column.replace("_", " ") for column in columns])
    for declared in market.lenders:
        lender = lenders[market.id_of("lender", declared.key)]
        table.add_row(declared.key, *(euro(lender[f"{column}_cents"]) for column in columns))
    return table


def _trial_balance_table(balance: Mapping[str, Any]) -> Table:
    table = _table("Trial balance", ["accounts"], ["number", "debit", "credit"])
    for line in balance["lines"]:
        table.add_row(
            line["account_kind"].replace(":", " "),
            str(line["accounts"]),
            euro(max(0, line["balance_cents"])),
            euro(max(0, -line["balance_cents"])),
        )
    return table


def _table(title: str, texts: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in texts:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def euro(cents: int | None) -> str:
    """`1,234.50`; a dash for an amount that does not exist."""
    if cents is None:
        return "–"
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def percent(cbp: int | None) -> str:
    """`4.5000` from hundredths of a basis point."""
    return "–" if cbp is None else f"{cbp // 10_000}.{cbp % 10_000:04d}"
