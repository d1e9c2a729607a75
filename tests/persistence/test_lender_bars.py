"""Which lenders a company's book is told to keep out, and why: worked out from the record, told once."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from marketplace.book.commands import BarLender, Envelope, UnbarLender
from persistence.connection import Connection, Pool, connect
from persistence.identity_checks import note_kyc
from persistence.lender_bars import InConflict, LendingStopped, order_stop, settle_bars, take_back_stop, what_stops
from tests.persistence.journaled_market import id_of

AT = datetime(2026, 1, 7, 9, tzinfo=UTC)
ADA = {"first_name": "Ada", "last_name": "Rossi", "birth_date": "1980-05-17"}
PAOLA = {"first_name": "Paola", "last_name": "Bianchi", "birth_date": "1970-01-31"}


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """Ada has offers with alfa and beta, which Paola represents; she works at neither."""
    opened = await connect(database_url)
    await a_party(opened, "ada", "lender_person", ADA)
    for name in ("alfa", "beta"):
        await a_party(opened, name, "company", PAOLA, {"registration_number": f"0{len(name)}-{name}"})
        await opened.execute("INSERT INTO company (id, name) VALUES ($1, $2)", id_of(name), name)
        await an_offer(opened, "ada", name)
    yield opened
    await opened.close()


async def a_party(
    connection: Connection, name: str, kind: str, person: dict[str, str], entity: dict[str, str] | None = None
) -> None:
    profile = msgspec.json.encode({"person": person, "entity": entity}).decode()
    await connection.execute(
        "INSERT INTO party (id, kind, name, profile, wallet_id, kyc_state) VALUES ($1, $2, $3, $4, $5, 'accepted')",
        id_of(name),
        kind,
        name,
        profile,
        f"w-{name}",
    )


async def an_offer(connection: Connection, lender: str, company: str) -> None:
    await connection.execute(
        "INSERT INTO offer_version (id, version, company_id, lender_id, strategy_id, wish, command_id, at)"
        " VALUES ($1, 1, $2, $3, $3, '{}', $1, $4)",
        id_of(f"offer of {lender} with {company}"),
        id_of(company),
        id_of(lender),
        AT,
    )


async def works_at(connection: Connection, company: str, person: dict[str, str], **changes: Any) -> None:
    """A row of the company's list."""
    row = {"birth_date": date.fromisoformat(person["birth_date"]), "left_on": None} | changes
    await connection.execute(
        "INSERT INTO employee (id, company_id, staff_number, tax_code, first_name, last_name, birth_date,"
        " contract_type, hired_on, net_monthly_cents, left_on)"
        " VALUES (gen_random_uuid(), $1, '7', 'X', $2, $3, $4, 'permanent', $5, 1, $6)",
        id_of(company),
        person["first_name"],
        person["last_name"],
        row["birth_date"],
        AT.date(),
        row["left_on"],
    )


def told(envelopes: list[Envelope]) -> list[tuple[str, str, str]]:
    """Which book is told what: company, `bar` or `unbar`, and why."""
    names = {id_of(name): name for name in ("alfa", "beta")}
    commands = [(names[envelope.company_id], envelope.command) for envelope in envelopes]
    kinds = {BarLender: "bar", UnbarLender: "unbar"}
    return sorted(
        (company, kinds[type(command)], command.bar)
        for company, command in commands
        if isinstance(command, BarLender | UnbarLender)
    )


async def settled(connection: Connection, **which: str) -> list[tuple[str, str, str]]:
    return told(await settle_bars(connection, at=AT, **which))


async def test_nobody_is_kept_out_without_a_reason(connection: Connection) -> None:
    assert await settled(connection) == []
    assert await what_stops(connection, lender_id=id_of("ada"), company_id=id_of("alfa")) is None


async def test_what_books_were_told_is_not_told_again(connection: Connection) -> None:
    await works_at(connection, "alfa", ADA)

    assert await settled(connection) == [("alfa", "bar", "conflict")]
    assert await settled(connection) == []
    assert await connection.fetchval("SELECT count(*) FROM command WHERE kind = 'bar_lender'") == 1


@pytest.mark.parametrize(
    ("person", "changes", "is_barred"),
    [
        pytest.param({"first_name": "ADA", "last_name": "rossi"}, {}, True, id="names as others write them"),
        pytest.param({"birth_date": "1980-05-18"}, {}, False, id="a namesake"),
        pytest.param({}, {"birth_date": None}, False, id="a list without days of birth tells nobody apart"),
        pytest.param({}, {"left_on": date(2025, 12, 31)}, False, id="who has left"),
    ],
)
async def test_staff_is_known_by_name_and_day_of_birth(
    connection: Connection, person: dict[str, str], changes: dict[str, Any], is_barred: bool
) -> None:
    await works_at(connection, "alfa", ADA | person, **changes)

    assert await settled(connection) == ([("alfa", "bar", "conflict")] if is_barred else [])


async def test_a_lender_who_borrows_as_an_employee_is_known_by_that(connection: Connection) -> None:
    await a_party(connection, "ada-at-work", "borrower", ADA)
    await connection.execute(
        "INSERT INTO employment (id, party_id, company_id, state) VALUES ($1, $1, $2, 'confirmed')",
        id_of("ada-at-work"),
        id_of("beta"),
    )

    assert await settled(connection) == [("beta", "bar", "conflict")]


async def test_who_represents_a_company_is_in_conflict_with_it_alone(connection: Connection) -> None:
    await a_party(connection, "gamma", "company", ADA)
    await connection.execute("INSERT INTO company (id, name) VALUES ($1, 'gamma')", id_of("gamma"))

    assert await what_stops(connection, lender_id=id_of("ada"), company_id=id_of("gamma")) == InConflict()
    assert await what_stops(connection, lender_id=id_of("ada"), company_id=id_of("alfa")) is None


async def test_a_company_that_lends_is_kept_out_of_its_own_book(connection: Connection) -> None:
    await a_party(connection, "alfa-lends", "lender_legal", ADA, {"registration_number": "04-alfa"})
    await an_offer(connection, "alfa-lends", "alfa")
    await an_offer(connection, "alfa-lends", "beta")

    assert await settled(connection) == [("alfa", "bar", "conflict")]


async def test_an_identity_check_that_falls_back_bars_in_every_book(connection: Connection, pool: Pool) -> None:
    await note_kyc(pool, id_of("ada"), "refused", at=AT, reason="denied")
    refused = await connection.fetch("SELECT company_id, body ->> 'bar' AS bar FROM command ORDER BY company_id")
    await note_kyc(pool, id_of("ada"), "accepted", at=AT)

    assert sorted(row["company_id"] for row in refused) == sorted([id_of("alfa"), id_of("beta")])
    assert {row["bar"] for row in refused} == {"identity"}
    assert await connection.fetchval("SELECT count(*) FROM command WHERE kind = 'unbar_lender'") == 2
    assert await settled(connection) == []


async def test_orders_of_lender_and_operations_stand_side_by_side(connection: Connection) -> None:
    async def order(change: Any, ordered_by: str, company_id: str | None = None) -> list[tuple[str, str, str]]:
        return told(
            await change(
                connection,
                lender_id=id_of("ada"),
                company_id=company_id,
                bar="paused",
                ordered_by=ordered_by,
                at=AT,
            )
        )

    everywhere = [("alfa", "bar", "paused"), ("beta", "bar", "paused")]
    assert await order(order_stop, "operations", id_of("alfa")) == [("alfa", "bar", "paused")]
    assert await order(order_stop, "lender") == everywhere[1:]
    assert await what_stops(connection, lender_id=id_of("ada"), company_id=id_of("beta")) == LendingStopped()
    assert await order(order_stop, "operations") == []
    assert await order(take_back_stop, "lender") == []
    assert await order(take_back_stop, "operations") == [("beta", "unbar", "paused")]
    assert await order(take_back_stop, "operations", id_of("alfa")) == [("alfa", "unbar", "paused")]


async def test_settling_one_lender_or_one_company_leaves_the_others(connection: Connection) -> None:
    await works_at(connection, "alfa", ADA)
    await works_at(connection, "beta", ADA)

    assert await settled(connection, company_id=id_of("beta")) == [("beta", "bar", "conflict")]
    assert await settled(connection, lender_id=id_of("alfa")) == []
    assert await settled(connection, lender_id=id_of("ada")) == [("alfa", "bar", "conflict")]
