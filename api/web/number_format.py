"""Amounts and rates on pages: written exactly as in explanations and by `static/number_format.js`."""

from marketplace.explanations.figures import format_bp, format_cbp, format_cents, format_count

__all__ = ["format_bp", "format_cbp", "format_cents", "format_count"]
