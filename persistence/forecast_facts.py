"""What forecasts need of the record: whose a strategy is, where it stands, and how long payments took."""

from datetime import datetime, timedelta

import msgspec

from persistence.connection import Pool

PAYMENTS_LOOKED_AT = 200
FEWEST_OF_A_COMPANY = 20


class StrategyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy's lender, the companies in whose books that lender has offers, and what is free in its wallet.

    `paces` are what its strategies may newly lend in a month (cents), those without such a limit left out.
    """

    lender_id: str
    company_ids: tuple[str, ...]
    wallet_free_cents: int
    paces: dict[str, int]


async def strategy_facts(pool: Pool, strategy_id: str, *, lender_id: str | None) -> StrategyFacts | None:
    """The facts of a strategy of `lender_id` (None: of anybody); None when there is none of that id."""
    owner_id = await pool.fetchval("SELECT lender_id FROM strategy WHERE id = $1 LIMIT 1", strategy_id)
    if owner_id is None or lender_id not in (None, owner_id):
        return None
    companies = await pool.fetch(
        "SELECT DISTINCT company_id FROM offer WHERE lender_id = $1 AND state = 'standing' ORDER BY company_id",
        owner_id,
    )
    free_cents = await pool.fetchval(
        "SELECT balance_cents * normal_side FROM account WHERE owner_kind = 'lender' AND owner_id = $1"
        " AND bucket = 'free'",
        owner_id,
    )
    paces = await pool.fetch(
        "SELECT DISTINCT ON (id) id, (settings ->> 'pace_cents')::bigint AS cents FROM strategy WHERE lender_id = $1"
        " ORDER BY id, version DESC",
        owner_id,
    )
    return StrategyFacts(
        lender_id=owner_id,
        company_ids=tuple(row["company_id"] for row in companies),
        wallet_free_cents=free_cents or 0,
        paces={row["id"]: row["cents"] for row in paces if row["cents"] is not None},
    )


async def is_employee_of(pool: Pool, borrower_id: str, company_id: str) -> bool:
    """Whether the borrower belongs to the company, or claims so and was not refused."""
    found = await pool.fetchval(
        "SELECT true FROM employment WHERE party_id = $1 AND company_id = $2 AND state NOT IN ('refused', 'ended')"
        " LIMIT 1",
        borrower_id,
        company_id,
    )
    return bool(found)


async def pay_waits(pool: Pool, company_id: str, *, since_at: datetime) -> list[timedelta]:
    """How long the latest loans took from the signature to the payment, oldest first: those of the company where they
    are enough, else all."""
    for only_company in (company_id, None):
        rows = await pool.fetch(
            "SELECT disbursed_at - signed_at AS waited FROM credit_request"
            " WHERE disbursed_at >= $1 AND signed_at IS NOT NULL AND ($2::uuid IS NULL OR company_id = $2)"
            " ORDER BY disbursed_at DESC LIMIT $3",
            since_at,
            only_company,
            PAYMENTS_LOOKED_AT,
        )
        if len(rows) >= FEWEST_OF_A_COMPANY:
            break
    return [row["waited"] for row in reversed(rows)]
