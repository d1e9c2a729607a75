"""Companies as everybody may see them: name, sector, and the rates of the terms in force."""

import msgspec

from marketplace.company_terms import CompanyTerms, RateBand
from persistence.companies import Company
from persistence.connection import Pool
from persistence.table_queries import fetch_value

_SELECT = """
    SELECT company.id, company.name, company.sector, terms.version, terms.terms
    FROM company
    LEFT JOIN LATERAL (
        SELECT version, terms FROM company_terms
        WHERE company_id = company.id AND in_force_at IS NOT NULL ORDER BY version DESC LIMIT 1
    ) AS terms ON true
"""


class CompanyCard(msgspec.Struct, frozen=True, kw_only=True):
    """A company with its terms in force; no bands and no version before it has published any."""

    company_id: str
    name: str
    sector: str | None
    terms_version: int | None
    bands: tuple[RateBand, ...]


async def company_cards(pool: Pool, *, limit: int, offset: int = 0) -> list[CompanyCard]:
    """Companies by name, `limit` at most."""
    rows = await pool.fetch(f"{_SELECT} ORDER BY lower(company.name), company.id LIMIT $1 OFFSET $2", limit, offset)
    return [_card(*row) for row in rows]


async def company_card(pool: Pool, company_id: str) -> CompanyCard | None:
    """One company, None when there is none of that id."""
    row = await pool.fetchrow(f"{_SELECT} WHERE company.id = $1", company_id)
    return None if row is None else _card(*row)


async def count_companies(pool: Pool) -> int:
    """How many companies there are."""
    count: int = await fetch_value(pool, Company.count())
    return count


def _card(company_id: str, name: str, sector: str | None, version: int | None, terms: str | None) -> CompanyCard:
    bands = msgspec.json.decode(terms, type=CompanyTerms).bands if terms else ()
    return CompanyCard(company_id=company_id, name=name, sector=sector, terms_version=version, bands=bands)


async def company_exists(pool: Pool, company_id: str) -> bool:
    """Whether there is a company of that id."""
    return bool(await fetch_value(pool, Company.exists().where(Company.id == company_id)))
