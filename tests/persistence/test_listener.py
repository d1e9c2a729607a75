"""Nothing announced is missed: neither between reading and waiting, nor while the connection was away."""

import asyncio

from persistence.connection import Pool
from persistence.listener import Listener


async def test_everybody_who_waits_is_woken(database_url: str, pool: Pool) -> None:
    async with Listener(database_url, "news") as listener:
        position = listener.position
        waiting = [asyncio.create_task(listener.wait_beyond(position, timeout_s=5)) for _ in range(3)]
        await pool.execute("NOTIFY news")

        assert await asyncio.gather(*waiting) == [True, True, True]


async def test_an_announcement_between_reading_and_waiting_is_not_missed(database_url: str, pool: Pool) -> None:
    async with Listener(database_url, "news", "other_news") as listener:
        position = listener.position
        await pool.execute("NOTIFY other_news")
        while listener.position == position:
            await asyncio.sleep(0.005)

        assert await listener.wait_beyond(position, timeout_s=0) is True


async def test_silence_ends_with_the_time_out(database_url: str) -> None:
    async with Listener(database_url, "news") as listener:
        assert await listener.wait_beyond(listener.position, timeout_s=0.01) is False


async def test_a_lost_connection_is_opened_again_and_counts_as_news(database_url: str, pool: Pool) -> None:
    async with Listener(database_url, "news") as listener:
        position = listener.position
        await pool.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        assert await listener.wait_beyond(position, timeout_s=5) is True

        position = listener.position
        await pool.execute("NOTIFY news")
        assert await listener.wait_beyond(position, timeout_s=5) is True


async def test_inserted_rows_are_announced(database_url: str, pool: Pool) -> None:
    async with Listener(database_url, "purse_instruction") as listener:
        position = listener.position
        await pool.execute(
            "INSERT INTO purse_instruction (id, lender_id, operation, ref, at)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'deposit', '9001', now())"
        )

        assert await listener.wait_beyond(position, timeout_s=5) is True
