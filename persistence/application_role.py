"""What the role may do that the processes connect as, where it is not the one that owns the tables.

It reads everything and adds rows; it changes and removes only where the tables themselves allow it, and it can neither
alter a table nor switch off what guards it.
"""

from persistence.connection import AnyConnection

_ON_UPDATE, _ON_DELETE = 16, 8
"""Bits of `pg_trigger.tgtype`."""

_TABLES = f"""
    SELECT relname AS name, bit_or(coalesce(tgtype, 0)) & {_ON_UPDATE} = 0 AS may_update,
        bit_or(coalesce(tgtype, 0)) & {_ON_DELETE} = 0 AS may_delete
    FROM pg_class LEFT JOIN pg_trigger ON tgrelid = pg_class.oid AND tgfoid = 'refuse_rewriting'::regproc
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname <> 'migration'
    GROUP BY relname ORDER BY relname"""


class RoleUnusable(Exception):
    """The role cannot be the processes'; the message says what would change that."""


async def grant_application_rights(connection: AnyConnection, role: str) -> None:
    """Give `role` what the processes need on the tables as they are now, and take from it whatever else it had.

    Call it in a transaction, as the owner of the tables; a role that is missing is made when the caller may make roles.
    Raises RoleUnusable for a role that guards cannot hold back: a superuser, or the owner itself.
    """
    await _ensure_role(connection, role)
    schema = await connection.fetchval("SELECT quote_ident(current_schema())")
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        f"GRANT UPDATE (balance_cents) ON account TO {role}",
        f"REVOKE INSERT ON migration FROM {role}",
    ]
    for table in await connection.fetch(_TABLES):
        if table["may_delete"]:
            statements.append(f"GRANT DELETE ON {table['name']} TO {role}")
        # Postings move an account's balance, and whoever decides by it locks the row; nobody else changes an account.
        if table["may_update"] and table["name"] != "account":
            statements.append(f"GRANT UPDATE ON {table['name']} TO {role}")
    await connection.execute(";".join(statements))


async def _ensure_role(connection: AnyConnection, role: str) -> None:
    found = await connection.fetchrow(
        "SELECT rolsuper, pg_has_role(rolname, current_user, 'member') AS is_owner FROM pg_roles WHERE rolname = $1",
        role,
    )
    if found is None:
        may_create = await connection.fetchval(
            "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        if not may_create:
            raise RoleUnusable(f"there is no role {role}: create it with CREATE ROLE {role} LOGIN PASSWORD '…'")
        await connection.execute(f"CREATE ROLE {role} LOGIN")
    elif found["rolsuper"] or found["is_owner"]:
        raise RoleUnusable(f"{role} is a superuser or owns the tables: name a role that is neither")
