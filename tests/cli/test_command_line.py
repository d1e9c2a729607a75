"""The command line itself: help, wrong use, and how an error reaches the person."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.command_line import COMMANDS, ROOT
from cli.environment import REQUIRED


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command line as `main.py` starts it, in the environment that runs the tests."""
    program = "import sys; from cli.command_line import main; raise SystemExit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_explains_every_command_at_once() -> None:
    started_s = time.monotonic()
    answered = run("--help")

    assert time.monotonic() - started_s < 1.5
    assert answered.returncode == 0
    for name, command in COMMANDS.items():
        assert name in answered.stdout
        assert command.summary.split(",")[0].split(":")[0][:30] in " ".join(answered.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_of_its_own(name: str) -> None:
    answered = run(name, "--help")

    assert answered.returncode == 0
    assert f"usage: main.py {name}" in answered.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dance"], "invalid choice: 'dance'"),
        (["--port", "0"], "'0' is not a port number, 1 to 65535"),
        (["demo", "--scale", "0"], "'0' is not a whole number of at least 1"),
        (["lint", "--quickly"], "unrecognized arguments: --quickly"),
        (
            ["--port", "8001", "api"],
            "options come after the command: main.py api --port …, if `main.py api --help` lists it",
        ),
        (
            ["--data", "/nowhere", "verify"],
            "options come after the command: main.py verify --data …, if `main.py verify --help` lists it",
        ),
    ],
)
def test_wrong_use_is_said_in_a_line_and_ends_with_status_2(arguments: list[str], message: str) -> None:
    answered = run(*arguments)

    assert answered.returncode == 2
    assert message in answered.stderr.splitlines()[-1]
    assert answered.stdout == ""


def test_what_the_person_can_mend_is_one_line_without_a_traceback(server_folder: Path) -> None:
    answered = run("--data", str(server_folder / "data"), BLULEND_VALKEY_SERVER=sys.executable)

    assert answered.returncode == 2
    assert answered.stderr == (
        f"main.py: BLULEND_VALKEY_SERVER is '{sys.executable}' ({sys.executable} is not a Valkey or Redis server): "
        "expected the path of a Valkey or Redis server, of version 7.0 or newer\n"
    )


@pytest.mark.parametrize("name", REQUIRED)
def test_the_help_of_a_command_names_the_variables_that_it_needs(name: str) -> None:
    told = " ".join(run(name, "--help").stdout.split())

    assert f"Needs {', '.join(REQUIRED[name])};" in told


def test_an_empty_name_is_no_data_folder() -> None:
    answered = run("--data", "")

    assert answered.returncode == 2
    assert answered.stderr.splitlines()[-1].endswith("argument --data: '' is not the path of a folder")


def test_arguments_of_test_go_to_pytest() -> None:
    answered = run("test", "-n", "0", "--collect-only", "-q", "tests/cli/test_command_line.py", "-k", "wrong_use")

    assert answered.returncode == 0
    assert "test_wrong_use" in answered.stdout
    assert "test_help" not in answered.stdout
