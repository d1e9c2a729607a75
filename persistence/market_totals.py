"""What the whole market has done so far, in figures that name nobody."""

import msgspec

from persistence.connection import Pool

PEOPLE_MIN = 5
"""No figure is told about fewer people than this."""


class MarketTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Books with terms in force, requests that wait in them, and requests that found all their money with the sum of
    their amounts. A figure about requests is None while fewer than five people are behind it."""

    company_count: int
    waiting_count: int | None
    covered_count: int | None
    covered_cents: int | None


async def market_totals(pool: Pool) -> MarketTotals:
    """The totals of this moment, as projected."""
    row = await pool.fetchrow(
        """
        SELECT (SELECT count(DISTINCT company_id) FROM company_terms WHERE in_force_at IS NOT NULL) AS companies,
            count(*) FILTER (WHERE state = 'open') AS waiting,
            count(DISTINCT borrower_id) FILTER (WHERE state = 'open') AS people_waiting,
            count(*) FILTER (WHERE state <> 'open') AS covered,
            coalesce(sum(covered_cents) FILTER (WHERE state <> 'open'), 0)::bigint AS covered_cents,
            count(DISTINCT borrower_id) FILTER (WHERE state <> 'open') AS people_covered
        FROM credit_request WHERE state IN ('open', 'covered', 'signed', 'funding', 'disbursed')
        """
    )
    assert row is not None
    tells_covered = row["people_covered"] >= PEOPLE_MIN
    return MarketTotals(
        company_count=row["companies"],
        waiting_count=row["waiting"] if row["people_waiting"] >= PEOPLE_MIN else None,
        covered_count=row["covered"] if tells_covered else None,
        covered_cents=row["covered_cents"] if tells_covered else None,
    )
