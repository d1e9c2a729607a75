"""The payments that a signed cover causes: each fill, and the company's tranche, to the borrower's wallet."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from marketplace.book.book_events import RequestSigned
from persistence.connection import AnyConnection
from persistence.instructions import NewInstruction, insert_instructions
from persistence.projection_refused import ProjectionRefused


class SignedCover(msgspec.Struct, frozen=True):
    """A signature as the book recorded it, and its instant."""

    event: RequestSigned
    at: datetime


class _Wallets(msgspec.Struct, frozen=True):
    """The wallets of a request's borrower and company."""

    id: str
    company_id: str
    borrower_wallet: str
    company_wallet: str


_WALLETS_OF_REQUESTS = """
    SELECT r.id, r.company_id, borrower.wallet_id AS borrower_wallet, company.wallet_id AS company_wallet
    FROM credit_request r
    JOIN party borrower ON borrower.id = r.borrower_id
    JOIN party company ON company.id = r.company_id
    WHERE r.id = ANY($1)
"""


async def ask_for_payments(connection: AnyConnection, signed: Sequence[SignedCover]) -> None:
    """Insert the payment instructions of signed covers, in the transaction that records the signatures.

    Raises ProjectionRefused when a request or a lender has no row: nobody would know from where to where to pay.
    """
    if not signed:
        return
    request_ids = [cover.event.request_id for cover in signed]
    lender_ids = sorted({fill.lender_id for cover in signed for fill in cover.event.fills})
    requests = {
        row["id"]: _Wallets(**dict(row.items())) for row in await connection.fetch(_WALLETS_OF_REQUESTS, request_ids)
    }
    lender_wallets: dict[str, str] = {
        row["id"]: row["wallet_id"]
        for row in await connection.fetch("SELECT id, wallet_id FROM party WHERE id = ANY($1)", lender_ids)
    }
    unknown = [*set(request_ids).difference(requests), *set(lender_ids).difference(lender_wallets)]
    if unknown:
        raise ProjectionRefused(f"signed, but request or lender is not recorded: {', '.join(sorted(unknown))}")
    await insert_instructions(
        connection,
        [
            instruction
            for cover in signed
            for instruction in _instructions(cover, requests[cover.event.request_id], lender_wallets)
        ],
    )


def _instructions(cover: SignedCover, wallets: _Wallets, lender_wallets: dict[str, str]) -> list[NewInstruction]:
    fills = [
        NewInstruction(
            kind="fund",
            natural_key=(fill.fill_id,),
            cents=fill.cents,
            at=cover.at,
            debit_wallet=lender_wallets[fill.lender_id],
            credit_wallet=wallets.borrower_wallet,
            participant_kind="lender",
            participant_id=fill.lender_id,
            request_id=wallets.id,
            fill_id=fill.fill_id,
        )
        for fill in cover.event.fills
    ]
    if not cover.event.company_cents:
        return fills
    tranche = NewInstruction(
        kind="fund",
        natural_key=(wallets.id, "company"),
        cents=cover.event.company_cents,
        at=cover.at,
        debit_wallet=wallets.company_wallet,
        credit_wallet=wallets.borrower_wallet,
        participant_kind="company",
        participant_id=wallets.company_id,
        request_id=wallets.id,
    )
    return [*fills, tranche]
