"""The command line: which subcommands there are, what each accepts, and where each is carried out.

A subcommand's module is imported only when it is asked for, so that help and a wrong argument answer at once.
"""

import argparse
import errno
import importlib
import os
import select
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
    parser.add_argument("--data", type=_folder, default=ROOT / ".data", metavar="FOLDER", help="for data and logs")
    parser.add_argument("--quiet-market", action="store_true", help="no simulated traffic: nothing happens by itself")


def _process_arguments(parser: Parser) -> None:
    parser.add_argument("--host", metavar="HOST", help="address to listen on (BLULEND_HOST)")
    parser.add_argument("--port", type=_port, metavar="PORT", help="port to listen on (BLULEND_PORT)")


def _demo_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--market", type=Path, metavar="FILE", help="a market of your own, TOML or JSON: docs/market_file.md"
    )
    parser.add_argument("--seed", type=int, default=1, help="what the built-in market is made from (default: 1)")
    parser.add_argument("--scale", type=_positive, default=1, metavar="N", help="N times as many parties and requests")
    parser.add_argument("--months", type=_positive, metavar="N", help="stop after N months (default: all repaid)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result to FILE; - for standard output")
    parser.add_argument(
        "--data", type=_folder, metavar="FOLDER", help="keep data and logs there (default: keep nothing)"
    )


def _verify_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--data",
        type=_folder,
        default=ROOT / ".data",
        metavar="FOLDER",
        help="check the market that runs on this folder, where no address is set (default: the one of `main.py`)",
    )


def _test_arguments(parser: Parser) -> None:
    parser.add_argument("--long", action="store_true", help="also the campaigns that take minutes")


def _bench_arguments(parser: Parser) -> None:
    parser.add_argument(
        "name",
        choices=["start", "matching"],
        help="start: from a fresh copy and no cache to the first answer; matching: the allocation rule beside other "
        "order books, and as the book grows",
    )
    parser.add_argument("--runs", type=_positive, default=5, metavar="N", help="runs after a warm-up (default: 5)")
    parser.add_argument("--quick", action="store_true", help="matching: fewer orders and no book over 10,000 offers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")


class Command(NamedTuple):
    """One subcommand. `add_arguments` is None where its module brings a function of that name."""

    module: str
    summary: str
    add_arguments: Callable[[Parser], None] | None = None


WHAT_IT_DOES = {
    "api": "Serves the page, the HTTP API and the live feeds on BLULEND_HOST and BLULEND_PORT (8000).",
    "books": "Decides what happens in the order books. Any number may run: they share the books out among themselves.",
    "projector": "Any number may run: one copies a journal at a time.",
    "payments": "Sends each payment once, looks up those whose outcome is unknown, and reads what Lemonway reports.",
    "servicing": "Closes business days, collects instalments and shares them out; days missed are caught up with.",
    "lemonway-simulator": "Answers as Lemonway does and keeps what it knows in one file; it needs no other server.",
    "migrate": "Applies the migrations that the database has not had yet, all or none, as the tables' owner. "
    "With BLULEND_DATABASE_ROLE it then gives that role, which the processes connect as, the rights they need and no "
    "others. Several at once are safe.",
    "demo": "Runs a market on servers and under a time of its own, from its first day to its last repaid cent, then "
    "checks every invariant. A market of your own is described in a TOML or JSON file: docs/market_file.md lists its "
    "fields. Needs no variable, and keeps nothing unless --data says where.",
    "verify": "Compares PostgreSQL, Redis and Lemonway with each other and prints a line for every difference; the "
    "market may be running. Without any address set it checks the market that runs on the data folder.",
}
"""What there is to know beyond the summary before running a command."""

COMMANDS = {
    "api": Command("cli.api", "the gateway: page, HTTP API and live feeds", _process_arguments),
    "books": Command("cli.books", "a host of order books: takes shards and runs their turns", _process_arguments),
    "projector": Command("cli.projector", "copies the journals into PostgreSQL", _process_arguments),
    "payments": Command("cli.payments", "carries out payment instructions at Lemonway", _process_arguments),
    "servicing": Command("cli.servicing", "the daily close and the monthly collections", _process_arguments),
    "lemonway-simulator": Command("cli.lemonway_simulator", "a Lemonway of this machine's own", _process_arguments),
    "migrate": Command("cli.migrate", "bring the database's tables up to date", _no_arguments),
    "demo": Command("cli.demo", "run a whole market to its end and check the invariants", _demo_arguments),
    "verify": Command("cli.verify", "check the invariants of a live market", _verify_arguments),
    "test": Command("cli.test", "run the tests; other arguments are pytest's", _test_arguments),
    "lint": Command("cli.lint", "check format, lint rules and types", _no_arguments),
    "bench": Command("cli.bench", "measure, beside the limit measured in the same run", _bench_arguments),
    "schedule": Command("cli.schedule", "an instalment plan, to check by hand"),
    "match": Command("cli.match", "which lenders fund a book's requests, to check by hand"),
    "explain": Command("cli.explain", "a receipt in plain words, to check by hand"),
    "replay": Command("cli.replay", "run a book's journal again and compare every decision"),
    "apr": Command("cli.apr", "the annual percentage rate (TAEG) of cash flows, to check by hand"),
}
EVERYTHING = Command("cli.run", "everything at once, on servers of its own", _run_arguments)


def main() -> int:
    """Carry out the command of `sys.argv` and return its exit status: 0 done, 1 failed, 2 wrongly asked for."""
    _open_closed_streams()
    asked = next((word for word in sys.argv[1:] if word in COMMANDS), None)
    try:
        parser = _parser(asked)
        arguments, rest = parser.parse_known_args()
        if arguments.command is not None and sys.argv[1] != arguments.command:
            called = f"main.py {arguments.command}"
            parser.error(f"options come after the command: {called} {sys.argv[1]} …, if `{called} --help` lists it")
        if rest and arguments.command != "test":
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        arguments.pytest_arguments = rest
        command = COMMANDS.get(arguments.command, EVERYTHING)
        if command.add_arguments is _process_arguments:
            _give_to_settings(arguments)
        module = _module(command)
        wait_for_gate(os.environ)
        status: int = module.run(arguments)
        sys.stdout.flush()
    except CommandFailed as failure:
        print(f"main.py: {failure}", file=sys.stderr)
        return failure.exit_status
    except OSError as failure:
        if failure.errno == errno.ENOSPC:
            print(f"main.py: not everything could be written: {failure.strerror}", file=sys.stderr)
        elif not (isinstance(failure, BrokenPipeError) and _nobody_reads_the_answer()):
            raise
        # The interpreter would try once more to write what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _open_closed_streams() -> None:
    """Whoever closed a standard stream wants nothing of it; without this, a file opened later would take its place."""
    for name, descriptor, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)
            stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115  # as long as the process
            setattr(sys, name, stream)


def _nobody_reads_the_answer() -> bool:
    """Whether standard output is a pipe whose other end is closed: whoever read there has had enough of it."""
    output = select.poll()
    output.register(sys.stdout.fileno(), select.POLLOUT)
    return any(events & select.POLLERR for _, events in output.poll(0))


def _parser(asked: str | None) -> Parser:
    parser = Parser(
        prog="main.py",
        description="BluLend: a lending marketplace for welfare credit. Without a command it runs everything at once: "
        "embedded PostgreSQL and Valkey where no address is given, every process, and a page whose address it prints.",
        epilog="Settings come from environment variables, listed in docs/settings.md; each command has its own --help.",
    )
    _run_arguments(parser)
    subparsers = parser.add_subparsers(metavar="COMMAND", title="commands", dest="command")
    for name, command in COMMANDS.items():
        description = _description(name, command) if name == asked else None
        subparser = subparsers.add_parser(name, help=command.summary, description=description, allow_abbrev=False)
        if command.add_arguments is not None:
            command.add_arguments(subparser)
        elif name == asked:
            _module(command).add_arguments(subparser)
    return parser


def _description(name: str, command: Command) -> str:
    # Imported only here: most commands are not asked for their help.
    from cli.environment import DATABASE_URL, REQUIRED

    parts = [f"{command.summary[0].upper()}{command.summary[1:]}.", WHAT_IT_DOES.get(name, "")]
    if name in REQUIRED:
        parts.append(f"Needs {', '.join(REQUIRED[name])}; docs/settings.md lists what else may be set.")
    if DATABASE_URL in REQUIRED.get(name, ()) and name not in ("migrate", "verify"):
        parts.append("The database must have been prepared with `main.py migrate`.")
    return " ".join(part for part in parts if part)


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


def _folder(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not the path of a folder")
    return Path(text)


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
