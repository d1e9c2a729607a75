"""`python3 main.py lint`: format, lint rules and types of everything."""

import argparse
import subprocess
import sys

from cli.command_line import ROOT

CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy", "--strict", "."),
)


def run(arguments: argparse.Namespace) -> int:
    """Run every check, also after one has failed, and return 1 if any did."""
    failed = []
    for check in CHECKS:
        print(f"$ {' '.join(check)}", file=sys.stderr, flush=True)
        if subprocess.run([sys.executable, "-m", *check], cwd=ROOT, check=False).returncode != 0:
            failed.append(" ".join(check[:2]))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0
