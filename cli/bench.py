"""`python3 main.py bench NAME`: a benchmark of tests/benchmarks, each in a module of its name."""

import argparse
import importlib


def run(arguments: argparse.Namespace) -> int:
    """Print the table on standard output; with `--json FILE` also write the figures there."""
    status: int = importlib.import_module(f"tests.benchmarks.{arguments.name}").run(arguments)
    return status
