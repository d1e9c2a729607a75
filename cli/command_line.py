"""The command line: which subcommands there are, what each accepts, and where each is carried out.

A subcommand's module is imported only when it is asked for, so that help and a wrong argument answer at once.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from cli.command_failed import CommandFailed
from cli.start_gate import wait_for_gate

ROOT = Path(__file__).resolve().parent.parent

Parser = argparse.ArgumentParser


def _no_arguments(parser: Parser) -> None:
    """For a command that takes its settings from the environment alone."""


def _run_arguments(parser: Parser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=_port, help="port of the page and the API (default: the first free from 8000)")
    parser.add_argument("--data", type=Path, default=ROOT / ".data", metavar="FOLDER", help="for data and logs")
    parser.add_argument("--quiet-market", action="store_true", help="no simulated traffic: nothing happens by itself")


def _process_arguments(parser: Parser) -> None:
    parser.add_argument("--host", metavar="HOST", help="address to listen on (BLULEND_HOST)")
    parser.add_argument("--port", type=_port, metavar="PORT", help="port to listen on (BLULEND_PORT)")


def _demo_arguments(parser: Parser) -> None:
    parser.add_argument("--market", type=Path, metavar="FILE", help="a market of your own, TOML or JSON")
    parser.add_argument("--seed", type=int, default=1, help="what the built-in market is made from (default: 1)")
    parser.add_argument("--scale", type=_positive, default=1, metavar="N", help="N times as many parties and requests")
    parser.add_argument("--months", type=_positive, metavar="N", help="stop after N months (default: all repaid)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result to FILE")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="keep data and logs there (default: keep nothing)")


def _test_arguments(parser: Parser) -> None:
    parser.add_argument("--long", action="store_true", help="also the campaigns that take minutes")


def _bench_arguments(parser: Parser) -> None:
    parser.add_argument("name", choices=["start"], help="start: from a fresh copy and no cache to the first answer")
    parser.add_argument("--runs", type=_positive, default=5, metavar="N", help="warm runs (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")


class Command(NamedTuple):
    """One subcommand. `add_arguments` is None where its module brings a function of that name."""

    module: str
    summary: str
    add_arguments: Callable[[Parser], None] | None = None


NEEDS = "Needs DATABASE_URL, BOOK_REDIS_URL and JOBS_REDIS_URL as far as it uses them; `migrate` has been run."
COMMANDS = {
    "api": Command("cli.api", "the gateway: page, HTTP API and live feeds", _process_arguments),
    "books": Command("cli.books", "a host of order books: takes shards and runs their turns", _process_arguments),
    "projector": Command("cli.projector", "copies the journals into PostgreSQL", _process_arguments),
    "payments": Command("cli.payments", "carries out payment instructions at Lemonway", _process_arguments),
    "servicing": Command("cli.servicing", "the daily close and the monthly collections", _process_arguments),
    "lemonway-simulator": Command("cli.lemonway_simulator", "a Lemonway of this machine's own", _process_arguments),
    "migrate": Command("cli.migrate", "bring the database's tables up to date", _no_arguments),
    "demo": Command("cli.demo", "run a whole market to its end and check the invariants", _demo_arguments),
    "verify": Command("cli.verify", "check the invariants of a live market", _no_arguments),
    "test": Command("cli.test", "run the tests; other arguments are pytest's", _test_arguments),
    "lint": Command("cli.lint", "check format, lint rules and types", _no_arguments),
    "bench": Command("cli.bench", "measure, beside the limit measured in the same run", _bench_arguments),
    "schedule": Command("cli.schedule", "an instalment plan, to check by hand"),
    "match": Command("cli.match", "which lenders fund a book's requests, to check by hand"),
    "apr": Command("cli.apr", "the annual percentage rate (TAEG) of cash flows, to check by hand"),
}
EVERYTHING = Command("cli.run", "everything at once, on servers of its own", _run_arguments)


def main() -> int:
    """Carry out the command of `sys.argv` and return its exit status: 0 done, 1 failed, 2 wrongly asked for."""
    asked = next((word for word in sys.argv[1:] if word in COMMANDS), None)
    try:
        parser = _parser(asked)
        arguments, rest = parser.parse_known_args()
        if arguments.command is not None and sys.argv[1] != arguments.command:
            parser.error(f"options come after the command: main.py {arguments.command} {sys.argv[1]} …")
        if rest and arguments.command != "test":
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        arguments.pytest_arguments = rest
        command = COMMANDS.get(arguments.command, EVERYTHING)
        if command.add_arguments is _process_arguments:
            _give_to_settings(arguments)
        module = _module(command)
        wait_for_gate(os.environ)
        status: int = module.run(arguments)
    except CommandFailed as failure:
        print(f"main.py: {failure}", file=sys.stderr)
        return 1
    return status


def _parser(asked: str | None) -> Parser:
    parser = Parser(
        prog="main.py",
        description="BluLend: a lending marketplace for welfare credit. Without a command it runs everything at once: "
        "embedded PostgreSQL and Valkey where no address is given, every process, and a page whose address it prints.",
        epilog="Settings come from environment variables, listed in the README; each command has its own --help.",
    )
    _run_arguments(parser)
    subparsers = parser.add_subparsers(metavar="COMMAND", title="commands", dest="command")
    for name, command in COMMANDS.items():
        description = f"{command.summary[0].upper()}{command.summary[1:]}."
        if command.add_arguments is _process_arguments:
            description = f"{description} {NEEDS}"
        subparser = subparsers.add_parser(name, help=command.summary, description=description, allow_abbrev=False)
        if command.add_arguments is not None:
            command.add_arguments(subparser)
        elif name == asked:
            _module(command).add_arguments(subparser)
    return parser


def _module(command: Command) -> ModuleType:
    return importlib.import_module(command.module)


def _give_to_settings(arguments: argparse.Namespace) -> None:
    """An option given on the command line is its variable, and beats the one of the environment."""
    for variable, value in (("BLULEND_HOST", arguments.host), ("BLULEND_PORT", arguments.port)):
        if value is not None:
            os.environ[variable] = str(value)


def _port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number, 1 to 65535")
    return int(text)


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
