"""Every account's balance by kind, and their sum, which is zero."""

import msgspec

from persistence.connection import AnyConnection


class TrialBalanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts of one kind together: debits minus credits, in cents."""

    account_kind: str
    accounts: int
    balance_cents: int


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger in a few lines; `sum_cents` is zero or the ledger is broken."""

    lines: tuple[TrialBalanceLine, ...]
    sum_cents: int


async def trial_balance(connection: AnyConnection) -> TrialBalance:
    """The balances that the accounts carry, by owner kind and bucket; accounts that stand at zero are counted too."""
    rows = await connection.fetch(
        "SELECT owner_kind || ':' || bucket AS account_kind, count(*) AS accounts, sum(balance_cents)::bigint AS cents"
        " FROM account GROUP BY owner_kind, bucket ORDER BY owner_kind, bucket"
    )
    return TrialBalance(
        lines=tuple(
            TrialBalanceLine(account_kind=row["account_kind"], accounts=row["accounts"], balance_cents=row["cents"])
            for row in rows
        ),
        sum_cents=sum(row["cents"] for row in rows),
    )
