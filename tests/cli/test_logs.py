"""What an unexpected failure leaves in a log: where it happened, never whose data it happened to."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

FAILING = """
import structlog
from cli.logs import configure_logs

def handle(tax_code):
    raise ValueError("cannot be handled")

configure_logs()
try:
    handle("CANARY" + "80A01A944X")
except ValueError as error:
    structlog.get_logger().error("request_failed", request_id="r-1", exc_info=error)
"""


def test_a_logged_failure_names_the_place_and_none_of_the_values_there() -> None:
    program = [sys.executable, "-c", FAILING]

    logged = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "request_failed" in logged
    assert "request_id=r-1" in logged
    assert "in handle" in logged
    assert "ValueError: cannot be handled" in logged
    assert "CANARY80A01A944X" not in logged
