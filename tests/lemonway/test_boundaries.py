"""Who may know whom within the package."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "lemonway"


def imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def test_the_simulator_shares_no_code_with_the_client() -> None:
    """A mistake made in one must not be repeated in the other, or no test could find it."""
    shared = {
        (path.name, module)
        for path in (PACKAGE / "simulator").rglob("*.py")
        for module in imported_by(path)
        if module.startswith("lemonway") and not module.startswith("lemonway.simulator")
    }

    assert shared == set()


def test_the_client_knows_its_http_library_in_two_modules() -> None:
    knowing = {path.name for path in PACKAGE.glob("*.py") if "httpx" in imported_by(path)}

    assert knowing == {"transport.py", "authentication.py"}
