"""What every process of the market says of itself, gathered for operations in one place."""

import asyncio
from typing import Any

import httpx
import msgspec

PATIENCE_S = 2.0


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What another process answered at `/status`: its facts, or why there are none."""

    address: str
    facts: dict[str, Any] | None
    problem: str | None


def process_addresses(setting: str | None) -> dict[str, str]:
    """The addresses by name in `books=http://host:port,projector=http://host:port`."""
    return dict(part.split("=", 1) for part in setting.split(",")) if setting else {}


async def gather_statuses(addresses: dict[str, str]) -> dict[str, ProcessStatus]:
    """Ask all at once; one that does not answer within seconds is told as such."""
    if not addresses:
        return {}
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
        told = await asyncio.gather(*(_ask(client, address) for address in addresses.values()))
    return dict(zip(addresses, told, strict=True))


async def _ask(client: httpx.AsyncClient, address: str) -> ProcessStatus:
    try:
        answer = await client.get(f"{address}/status")
        answer.raise_for_status()
        facts = msgspec.json.decode(answer.content, type=dict[str, Any])
    except (httpx.HTTPError, msgspec.DecodeError) as failure:
        return ProcessStatus(address=address, facts=None, problem=str(failure) or type(failure).__name__)
    return ProcessStatus(address=address, facts=facts, problem=None)
