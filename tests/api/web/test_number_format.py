"""Amounts and rates as people read them."""

from collections.abc import Callable
from typing import Any

import pytest

from marketplace.explanations.figures import format_bp, format_cbp, format_cents, format_count
from tests.api.web.number_vectors import VECTORS

FUNCTIONS: dict[str, Callable[..., str]] = {
    "formatCents": format_cents,
    "formatBp": format_bp,
    "formatCbp": format_cbp,
    "formatCount": format_count,
}


@pytest.mark.parametrize(("function", "value", "italian", "english"), VECTORS)
def test_a_figure_is_written_as_its_readers_write_it(function: str, value: Any, italian: str, english: str) -> None:
    assert (FUNCTIONS[function](value, "it"), FUNCTIONS[function](value, "en")) == (italian, english)
