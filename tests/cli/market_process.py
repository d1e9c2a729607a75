"""What the supervisor's tests start in place of the market's processes: `market_process.py NAME`.

It answers /health on the socket it is handed once PostgreSQL and both Valkeys take connections. With TEST_FAILS=NAME
the process of that name ends at once, with a last word; with TEST_WRONGLY_ASKED=NAME it says that a setting is wrong.
"""

import asyncio
import os
import socket
import sys
from urllib.parse import parse_qs, urlsplit

from cli.start_gate import wait_for_gate

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def connect_to_servers() -> None:
    database = parse_qs(urlsplit(os.environ["DATABASE_URL"]).query)
    sockets = [f"{database['host'][0]}/.s.PGSQL.{database['port'][0]}"]
    sockets += [urlsplit(os.environ[variable]).path for variable in ("BOOK_REDIS_URL", "JOBS_REDIS_URL")]
    for path in sockets:
        _, writer = await asyncio.open_unix_connection(path)
        writer.close()


async def main(name: str) -> None:
    if name != "migrate":
        wait_for_gate(os.environ)
    if os.environ.get("TEST_FAILS") == name:
        sys.exit(f"{name} cannot do it")
    if os.environ.get("TEST_WRONGLY_ASKED") == name:
        print(f"main.py: {name}: a setting is wrong", file=sys.stderr)
        sys.exit(2)
    await connect_to_servers()
    if name == "migrate":
        return
    handed = socket.socket(fileno=int(os.environ["BLULEND_LISTEN_FD"]))
    server = await asyncio.start_server(answer, sock=handed)
    await server.serve_forever()


asyncio.run(main(sys.argv[1]))
