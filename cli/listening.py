"""The TCP sockets that a market's processes answer on.

The supervisor opens them and hands each process its own. So no other program can take a port between choosing
and using it, and whoever connects while a process is being started again waits for it instead of being refused.
"""

import errno
import socket
from collections.abc import Mapping

from cli.command_failed import CommandFailed

DESCRIPTOR = "BLULEND_LISTEN_FD"
FIRST_PORT = 8000
PORTS_TRIED = 100
BACKLOG = 2048


def listening_socket(environment: Mapping[str, str], *, host: str, port: int) -> socket.socket:
    """What a process is to answer on: the socket that the supervisor handed to it, else one that it opens itself.

    Raises CommandFailed when that port is in use or `host` is not of this machine.
    """
    handed = environment.get(DESCRIPTOR)
    if handed is None:
        return listen(host, port)
    listening = socket.socket(fileno=int(handed))
    listening.set_inheritable(False)
    return listening


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on this port, or on any free one for port 0; raises CommandFailed as above."""
    listening = _try_to_listen(host, port)
    if listening is None:
        raise CommandFailed(f"port {port} of {host} is in use: stop what listens there, or choose another port")
    return listening


def listen_on_first_free_port(host: str) -> socket.socket:
    """The same on the first free port from 8000 on."""
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        listening = _try_to_listen(host, port)
        if listening is not None:
            return listening
    raise CommandFailed(f"no free port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} of {host}: choose one")


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def _try_to_listen(host: str, port: int) -> socket.socket | None:
    """None when the port is in use."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
    except OSError as failure:
        raise CommandFailed(f"{host} is not an address to listen on: {failure.strerror}") from failure
    try:
        # Without it, connections that have just ended would count as use.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Every connection accepted inherits it. An answer's head and body are written apart, and without this the
        # second waits 40 ms for the client's acknowledgement; asyncio sets it only where a protocol is spelled out.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as failure:
        listening.close()
        if failure.errno == errno.EADDRINUSE:
            return None
        raise CommandFailed(f"cannot listen on port {port} of {host}: {failure.strerror}") from failure
    return listening
