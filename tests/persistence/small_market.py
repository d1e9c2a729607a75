"""A small market that has seen every kind of turn: what the checked-in journal was exported from."""

import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from marketplace.book.circuit_breakers import BreakerLimits
from marketplace.book.commands import (
    BarLender,
    GrantCompanyBudget,
    LiftHold,
    PublishTerms,
    RecordRepayments,
    RepaidPrincipal,
    ResumeBook,
    SetBreakers,
    Tick,
    UnbarLender,
    WithdrawOffer,
    YieldHold,
)
from marketplace.company_terms import CompanyMoney, CompanyTerms, GuaranteeTerms, RateBand
from persistence.connection import close_pool, open_pool
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.migration import migrate
from persistence.postgres_binaries import find_postgres_binaries
from persistence.replayed_books import journal_file_lines
from tests.persistence.journaled_market import JournaledMarket, id_of


async def live_through_a_small_market(market: JournaledMarket) -> None:
    """Terms twice, a company tranche, a guarantee, rationing, a purse that falls short, holds that are lifted, yielded
    and offered at expiry, a breaker that trips, a barred lender, a signature, a repayment, and refusals."""
    await market.add_company(
        budget_cents=50_000,
        money=CompanyMoney(mode="share", share_bp=2_000, budget_cents=50_000, rate_bp=100),
        guarantee=GuaranteeTerms(rate_bp=1_000, limit_cents=100_000),
    )
    market.stage_new_cash(tick_ms=0)
    for name, cents in (("ada", 90_000), ("anne", 60_000), ("carl", 30_000)):
        await market.add_lender(name, cents=cents)
    await market.send(GrantCompanyBudget(cents=0))

    await market.open_request("r1", cents=100_000)
    await market.project()
    await market.sign("r1")
    market.before_asking = lambda: market.hold_for_payout("anne", 20_000)
    await market.open_request("r2", cents=40_000)
    await market.cancel("r2")

    await market.open_request("r3", cents=200_000, min_cents=30_000)
    await market.send(Tick(), after=timedelta(hours=24))
    await market.send(LiftHold(request_id=id_of("r3"), lender_id=id_of("carl")))
    await market.send(YieldHold(request_id=id_of("r3")))
    await market.send(Tick(), after=timedelta(seconds=30))
    repaid = RepaidPrincipal(request_id=id_of("r1"), lender_id=id_of("ada"), cents=5_000)
    await market.send(RecordRepayments(repaid=(repaid,)))
    await market.send(Tick(), after=timedelta(hours=48))

    await market.send(SetBreakers(limits=BreakerLimits(most_covers=1)))
    await market.open_request("r4", cents=20_000)
    await market.open_request("r5", cents=12_000)
    await market.send(BarLender(lender_id=id_of("carl"), bar="conflict"))
    await market.send(ResumeBook(by="breaker"))
    bands = (RateBand(months=12, floor_bp=450, cap_bp=500),)
    await market.send(PublishTerms(terms=CompanyTerms(version=2, bands=bands, max_share_bp=None)))
    guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=80_000)
    await market.send(PublishTerms(terms=CompanyTerms(version=2, bands=bands, max_share_bp=None, guarantee=guarantee)))
    await market.send(UnbarLender(lender_id=id_of("carl"), bar="conflict"))
    await market.send(WithdrawOffer(offer_id=id_of("offer of anne")))
    await market.project()


async def journal_of_a_small_market(database_url: str) -> bytes:
    """The journal file of the market's book, lived through on a migrated, empty database."""
    pool = await open_pool(database_url)
    try:
        await live_through_a_small_market(JournaledMarket(database_url, pool))
        async with pool.acquire() as connection, connection.transaction():
            return b"".join([line + b"\n" async for line in journal_file_lines(connection, id_of("alfa"))])
    finally:
        await close_pool(pool)


def main() -> None:
    """`python3 -m tests.persistence.small_market FILE` writes the journal anew, where a change of it is meant."""
    with tempfile.TemporaryDirectory(prefix="blulend-") as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL runs as `nobody` and has to pass through
        server = EmbeddedPostgres(
            binaries=find_postgres_binaries(None),
            data_folder=Path(folder) / "postgres",
            socket_folder=Path(folder),
            durable=False,
        )
        server.start()
        try:
            asyncio.run(migrate(server.url))
            Path(sys.argv[1]).write_bytes(asyncio.run(journal_of_a_small_market(server.url)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
