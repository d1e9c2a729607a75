"""Who stood behind a company's requests lately: counted, so that no figure tells of too few people."""

from datetime import datetime

from persistence.connection import Pool


async def borrowers_by_term(pool: Pool, company_id: str, *, since_at: datetime) -> dict[int, set[str]]:
    """The borrowers whose requests reached the company's book since an instant, by term in months."""
    rows = await pool.fetch(
        "SELECT months, array_agg(DISTINCT borrower_id) AS borrower_ids FROM credit_request"
        " WHERE company_id = $1 AND opened_at >= $2 GROUP BY months",
        company_id,
        since_at,
    )
    return {row["months"]: set(row["borrower_ids"]) for row in rows}
