"""What README and docs say of the program, as far as a test can tell whether it is so."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.environment import (
    ACTOR_VARIABLES,
    API_VARIABLES,
    EMBEDDED_SERVER_VARIABLES,
    JOBS_VARIABLES,
    LEMONWAY_VARIABLES,
    LISTEN_VARIABLES,
    PERSISTENCE_VARIABLES,
    SIMULATOR_VARIABLES,
)

ROOT = Path(__file__).parent.parent
PACKAGES = ("actors", "api", "cli", "lemonway", "marketplace", "persistence", "tests")
SOURCES = sorted(
    path
    for pattern in (*(f"{package}/**/*" for package in PACKAGES), "*.py")
    for path in ROOT.glob(pattern)
    if path.suffix in (".py", ".lua", ".sql", ".js", ".cjs")
)
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

A_VARIABLE = re.compile(r"\b(?:BLULEND_[A-Z0-9_]*[A-Z0-9]|DATABASE_URL|BOOK_REDIS_URL|JOBS_REDIS_URL)\b")
A_CITATION = re.compile(r"\b(docs/[\w/]+\.md)((?:,? §\d+)*)")
A_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)\)")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def variables_of_the_program() -> set[str]:
    """Those that settings are read from, and those that the launchers name themselves."""
    tables = (
        ACTOR_VARIABLES,
        API_VARIABLES,
        EMBEDDED_SERVER_VARIABLES,
        JOBS_VARIABLES,
        LEMONWAY_VARIABLES,
        LISTEN_VARIABLES,
        PERSISTENCE_VARIABLES,
        SIMULATOR_VARIABLES,
    )
    named = {name for table in tables for name in table.values()}
    for path in SOURCES:
        if path.parts[len(ROOT.parts)] != "tests":
            named.update(A_VARIABLE.findall(path.read_text(encoding="utf-8")))
    return named


def citations() -> Iterator[tuple[str, str, str]]:
    """Where a page of docs is cited, which one, and each section that is named."""
    for path in SOURCES:
        for page, sections in A_CITATION.findall(path.read_text(encoding="utf-8")):
            yield relative(path), page, ""
            yield from ((relative(path), page, number) for number in re.findall(r"\d+", sections))


def test_every_variable_is_in_the_table_of_settings_and_the_table_names_no_other() -> None:
    listed = set(A_VARIABLE.findall((ROOT / "docs" / "settings.md").read_text(encoding="utf-8")))

    assert listed == variables_of_the_program()


def test_every_variable_has_one_row() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert len(rows) > 20
    assert sorted(rows) == sorted(set(rows))


def test_the_readme_links_every_page_of_docs() -> None:
    linked = set(A_LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))

    assert {relative(page) for page in (ROOT / "docs").glob("*.md")} <= linked


def test_the_readme_names_no_variable_that_nothing_reads() -> None:
    named = set(A_VARIABLE.findall((ROOT / "README.md").read_text(encoding="utf-8")))

    assert named <= variables_of_the_program()


def test_every_page_and_section_that_the_code_cites_is_there() -> None:
    found = list(citations())

    assert len(found) > 20
    missing = []
    for source, page, number in found:
        path = ROOT / page
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if not text or (number and not re.search(rf"^## {number}\.? ", text, re.MULTILINE)):
            missing.append(f"{source}: {page} §{number}" if number else f"{source}: {page}")
    assert not missing, "write what the code rests on into docs/, or cite what is there"


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = [link for link in A_LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]

    assert not broken
