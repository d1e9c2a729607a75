"""`python3 main.py test`: the tests, by pytest, as pyproject.toml sets it up."""

import argparse
import os
import sys
from typing import NoReturn

from cli.command_line import ROOT


def run(arguments: argparse.Namespace) -> NoReturn:
    """Become pytest, in the project's folder, with the arguments that are not ours."""
    # An empty expression deselects nothing; pyproject.toml deselects `long`.
    selection = ["-m", ""] if arguments.long else []
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *selection, *arguments.pytest_arguments])
