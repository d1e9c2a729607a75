"""The rules of the house that a reader could forget: who may import whom, what the pure core may not touch, what never
goes into the repository. Each failure says what to do instead."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "marketplace": set(),
    "actors": {"marketplace"},
    "persistence": {"marketplace"},
    "lemonway": {"marketplace", "persistence"},
    "api": {"marketplace", "actors", "persistence", "lemonway"},
    "cli": {"marketplace", "actors", "persistence", "lemonway", "api", "tests", "bootstrap"},
}
"""Imports point inwards; `cli` is the composition root behind `main.py` and nobody imports it."""

MARKETPLACE_ORDER = ("loans", "strategies", "allocation", "book", "forecasts", "explanations")
"""Inside `marketplace` each package may import those before it: a loan knows no book, the rule no journal. The files
beside them (terms, calendars, rounding, ledger) import none of them, but for the ports."""

LAUNCHERS = ("main.py", "bootstrap.py", "child_process.py")
"""They run before, or without, the packages: `main.py` may import any, the other two none of ours."""
MAY_START_CHILDREN = {"actors", "persistence", "cli"}
"""The packages that may import `child_process`: their servers and processes are its children."""

OURS = {*MAY_IMPORT, "main", "bootstrap", "child_process", "tests"}

LEMONWAY_THAT_MOVES_MONEY = ("lemonway/jobs/", "lemonway/reconciliation.py")
"""The only places of `lemonway` that may touch `persistence`."""

DOORS = "marketplace/ports.py"
"""Protocols that the asynchronous packages implement; nothing in it decides."""

PURE_MAY_IMPORT_FROM_OUTSIDE = {"msgspec"}
FORBIDDEN_IN_PURE = {
    "time": "take the instant as an argument",
    "random": "take the choice as an argument",
    "secrets": "take the value as an argument",
    "uuid": "take the id as an argument",
    "os": "the pure core does no I/O",
    "socket": "the pure core does no I/O",
    "asyncio": "the pure core is synchronous",
    "logging": "return what is worth telling",
    "threading": "the pure core is synchronous",
    "subprocess": "the pure core does no I/O",
    "pathlib": "the pure core does no I/O",
}
SYSTEM_CLOCK = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.time_ns"}
FORBIDDEN_CALLS_IN_PURE = {"now", "utcnow", "today", "uuid4", "open", "print", "round", "hash"}

MAY_DIVIDE = {"marketplace/loans/apr.py", "marketplace/loans/schedules.py"}
"""Here `/` stands between decimals and fractions. Between integers it makes a float."""

READS_THE_SYSTEM_CLOCK = {
    "actors/clock.py": "it is the clock of books that follow the system's time",
    "persistence/business_clock.py": "it is the market's clock, which may follow the system's",
    "lemonway/simulator/clock.py": "it is Lemonway's clock, which may follow the system's",
    "cli/run.py": "a market with a clock of its own begins now",
    "cli/api.py": "a market with a clock of its own begins now",
    "cli/store_differences.py": "a market without a clock of its own is checked up to now",
    "cli/process_status.py": "since when a process runs",
    "api/feeds/hub.py": "since when the feed runs",
    "api/feeds/socket.py": "how long a session lasts is real time",
    "api/live_feed.py": "how long a ticket lasts is real time",
    "api/web/live_books_page.py": "when a page was made is real time",
}
"""Whoever else needs an instant is given a `marketplace.ports.Clock`, or the instant."""

OFFERED_TO_OTHER_PROGRAMS = {"api.feeds.client"}
"""What nothing here imports, because programs of others do."""
FOUND_BY_NAME = "persistence.migrations."

DRAWERS = {"utils.py", "helpers.py", "common.py", "misc.py", "base.py", "types.py"}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, f"line {node.lineno}: import by full name, not relatively"
            yield node.lineno, node.module


ALL_SOURCES = [*(path for package in MAY_IMPORT for path in sources(package)), *(ROOT / name for name in LAUNCHERS)]


def may_import(package: str) -> set[str]:
    """The packages and launchers of ours that a package, or a launcher by its file name, may import."""
    if package in LAUNCHERS:
        return {*MAY_IMPORT, "bootstrap"} if package == "main.py" else set()
    return MAY_IMPORT[package] | {package} | ({"child_process"} if package in MAY_START_CHILDREN else set())


@pytest.mark.parametrize("path", ALL_SOURCES, ids=relative)
def test_imports_point_inwards(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    allowed = may_import(package)
    if package == "lemonway" and not relative(path).startswith(LEMONWAY_THAT_MOVES_MONEY):
        allowed = allowed - {"persistence"}

    wrong = [
        f"line {line}: {module}"
        for line, module in imported_modules(ast.parse(path.read_text(encoding="utf-8")))
        if (top := module.split(".")[0]) in {*MAY_IMPORT, "main", "bootstrap", "child_process", "tests"}
        and top not in allowed
    ]

    assert not wrong, f"{relative(path)} may import only {sorted(allowed)}: move the code or pass a port of ports.py"


@pytest.mark.parametrize("path", [path for path in sources("marketplace") if relative(path) != DOORS], ids=relative)
def test_the_marketplace_is_pure(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wrong = [
        f"line {line}: import {module}: {FORBIDDEN_IN_PURE[module.split('.')[0]]}"
        for line, module in imported_modules(tree)
        if module.split(".")[0] in FORBIDDEN_IN_PURE
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            wrong.append(f"line {node.lineno}: async: the pure core is synchronous")
        elif isinstance(node, ast.Name) and node.id == "float":
            wrong.append(f"line {node.lineno}: float: use integers, Fraction or Decimal")
        elif isinstance(node, ast.Constant) and isinstance(node.value, float):
            wrong.append(f"line {node.lineno}: {node.value}: use integers, Fraction or Decimal")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and relative(path) not in MAY_DIVIDE:
            wrong.append(f"line {node.lineno}: /: integers are divided by // or rounded_quotient")
        elif isinstance(node, ast.Call) and called_name(node) in FORBIDDEN_CALLS_IN_PURE:
            wrong.append(f"line {node.lineno}: {called_name(node)}(): time, ids and rounding come in as arguments")

    assert not wrong


@pytest.mark.parametrize("path", [path for path in sources("marketplace") if relative(path) != DOORS], ids=relative)
def test_the_packages_of_the_marketplace_import_only_those_before_them(path: Path) -> None:
    package = path.relative_to(ROOT).parts[1]
    place = MARKETPLACE_ORDER.index(package) if package in MARKETPLACE_ORDER else -1
    later = set(MARKETPLACE_ORDER[place + 1 :])

    wrong = [
        f"line {line}: {module}"
        for line, module in imported_modules(ast.parse(path.read_text(encoding="utf-8")))
        if module.startswith("marketplace.") and module.split(".")[1] in later
    ]

    assert not wrong, f"{relative(path)} may not import {sorted(later)}"


@pytest.mark.parametrize("path", sources("marketplace"), ids=relative)
def test_the_marketplace_depends_on_the_standard_library_and_msgspec_alone(path: Path) -> None:
    outside = {
        module.split(".")[0]
        for _, module in imported_modules(ast.parse(path.read_text(encoding="utf-8")))
        if module.split(".")[0] not in sys.stdlib_module_names and module.split(".")[0] != "marketplace"
    }

    assert outside <= PURE_MAY_IMPORT_FROM_OUTSIDE


def test_only_clocks_and_what_lives_in_real_time_read_the_system_clock() -> None:
    reading = {
        relative(path)
        for path in ALL_SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in SYSTEM_CLOCK
    }

    assert reading == set(READS_THE_SYSTEM_CLOCK), "take the instant, or a clock, as an argument"


def called_name(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:  # a copy of the tree without its history
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_lock_file_holds_an_address() -> None:
    with_address = [path.name for path in tracked_files() if path.suffix == ".lock" and "://" in path.read_text()]

    assert not with_address, "write the locks with --no-header and without index addresses"


def test_every_lock_file_pins_by_hash() -> None:
    locks = [path for path in tracked_files() if path.suffix == ".lock"]

    assert {path.name for path in locks} >= {"requirements.lock", "requirements-test.lock", "installer.lock"}
    for lock in locks:
        pinned = re.findall(r"^[a-z0-9].*==", lock.read_text(), flags=re.MULTILINE)
        assert len(pinned) <= lock.read_text().count("--hash=sha256:"), lock.name


def test_no_file_is_a_drawer() -> None:
    assert not [relative(path) for path in tracked_files() if path.name in DRAWERS], "name the file after what it holds"


def test_every_python_file_says_what_it_holds() -> None:
    silent = [
        relative(path)
        for path in ALL_SOURCES
        if path.read_text(encoding="utf-8").strip()
        and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]

    assert not silent, "open the file with a docstring that says what one finds in it"


def test_every_module_is_used_by_the_program_itself() -> None:
    used: set[str] = set()
    for path in ALL_SOURCES:
        text = path.read_text(encoding="utf-8")
        for _, module in imported_modules(ast.parse(text)):
            used.add(module)
        used.update(re.findall(r"""["'](?:python -m )?([a-z_]+(?:\.[a-z_0-9]+)+)["':]""", text))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                used.update(f"{node.module}.{alias.name}" for alias in node.names)
    modules = {
        relative(path).removesuffix(".py").replace("/", ".")
        for path in ALL_SOURCES
        if path.name not in ("__init__.py", "main.py")
    }

    orphans = {module for module in modules - used if not module.startswith(FOUND_BY_NAME)}

    assert orphans == OFFERED_TO_OTHER_PROGRAMS, "delete it, or import it where it is needed; tests do not count"
