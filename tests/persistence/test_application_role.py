"""The role that the processes connect as does their work, and cannot get around what guards the record."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from marketplace.postings import lender_wire_received
from persistence.application_role import RoleUnusable, grant_application_rights
from persistence.business_clock import use_virtual_time
from persistence.connection import Connection, connect
from persistence.ledger import balance_cents, record_entry
from persistence.migration import migrate
from persistence.registrations import NewParty, register_party
from persistence.schema_version import known_migrations, schema_state

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Connection]:
    connection = await connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def application(database_url: str, owner: Connection) -> AsyncIterator[Connection]:
    """A connection of the role that `migrate` has prepared for the processes."""
    role = f"app_{uuid4().hex}"
    await migrate(database_url, application_role=role)
    place = urlsplit(database_url)
    connection = await connect(urlunsplit(place._replace(netloc=f"{role}@")))
    yield connection
    await connection.close()
    await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


async def test_it_registers_books_and_moves_the_clock(application: Connection) -> None:
    party = NewParty(
        party_id=str(uuid4()), kind="lender_person", name="Ada", profile="{}", key_id="k", secret_hash=bytes(32)
    )
    wire = lender_wire_received(money_in_id="1", at=AT, wallet_id="L-ada", lender_id="ada", cents=50_000)

    assert await register_party(application, party) == "new"
    assert await record_entry(application, wire)
    assert (await use_virtual_time(application, AT)).mode == "virtual"

    assert await balance_cents(application, "lender:ada:free") == 50_000
    assert await schema_state(application) == "current"


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE posting DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TABLE posting",
        "CREATE TABLE mine (a int)",
        "CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
        "TRUNCATE posting",
        "UPDATE posting SET cents = 1",
        "DELETE FROM journal_entry",
        "DELETE FROM journal_event",
        "UPDATE account SET is_guarded = false",
        "INSERT INTO migration (name) VALUES ('9999')",
        "DELETE FROM migration",
    ],
)
async def test_it_cannot_get_around_the_guards(application: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await application.execute(statement)


async def test_it_cannot_set_a_balance(application: Connection) -> None:
    await test_it_registers_books_and_moves_the_clock(application)

    with pytest.raises(asyncpg.RestrictViolationError, match="only a posting changes an account"):
        await application.execute("UPDATE account SET balance_cents = 0")


async def test_neither_the_owner_nor_a_superuser_can_be_that_role(owner: Connection) -> None:
    myself = await owner.fetchval("SELECT current_user")

    with pytest.raises(RoleUnusable, match="superuser or owns the tables"):
        await grant_application_rights(owner, myself)


async def test_a_database_is_known_to_be_behind_current_or_newer(owner: Connection) -> None:
    assert known_migrations() == {row["name"] for row in await owner.fetch("SELECT name FROM migration")}
    assert await schema_state(owner) == "current"

    await owner.execute("INSERT INTO migration (name, app_name, ran_on) VALUES ('9999', 'blulend', now())")
    assert await schema_state(owner) == "newer"
    await owner.execute("DELETE FROM migration WHERE name > '0001'")
    assert await schema_state(owner) == "behind"
    await owner.execute("DROP TABLE migration")
    assert await schema_state(owner) == "behind"
