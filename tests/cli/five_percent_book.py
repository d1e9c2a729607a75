"""A book with a posted rate of 5 %, company money first, and six lenders: one asks too much, one prefers others."""

import json
from pathlib import Path
from typing import Any

LENDERS = (
    # lender, asks, tier, has
    ("L1", 400, "A", 60_000),
    ("L2", 450, "A", 40_000),
    ("L3", 300, "B", 100_000),
    ("L4", 500, "B", 90_000),
    ("L5", 525, "A", 80_000),
    ("L6", 475, "C", 70_000),
)


def book(*amounts_cents: int) -> dict[str, Any]:
    """The book with a request of 24 months for each amount, R1, R2… of B1, B2…"""
    return {
        "now": "2026-11-23T09:00:00Z",
        "company": "ALFA",
        "sequence": 900,
        "terms": {
            "ticket_cents": 1_000,
            "max_lenders": 100,
            "max_share_bp": None,
            "bands": [{"months": 24, "floor_bp": 500, "cap_bp": 500}],
            "company_money": {"mode": "first", "budget_cents": 50_000, "share_bp": 0},
        },
        "lenders": [
            {"id": lender, "free_cents": cents, "cash_since": "2026-11-01T08:00:00Z", "last_rationed": 0}
            for lender, _, _, cents in LENDERS
        ],
        "offers": [
            {
                "id": f"O{number}",
                "lender": lender,
                "sequence": number,
                "ask_bp": ask_bp,
                "tier": tier,
                "months": [24],
                "min_ticket_cents": 1_000,
            }
            for number, (lender, ask_bp, tier, _) in enumerate(LENDERS, start=1)
        ],
        "requests": [
            {
                "id": f"R{number}",
                "borrower": f"B{number}",
                "amount_cents": amount_cents,
                "min_amount_cents": amount_cents,
                "months": 24,
                "max_rate_bp": 500,
                "accepts_shrink": False,
                "purpose_class": 1,
                "approval_sequence": number,
            }
            for number, amount_cents in enumerate(amounts_cents, start=1)
        ],
    }


def book_file(folder: Path, *amounts_cents: int) -> str:
    """The path of a file that holds the book."""
    path = folder / "book.json"
    path.write_text(json.dumps(book(*amounts_cents)), encoding="utf-8")
    return str(path)
