"""The answer to a PUT that creates: 201 the first time, 200 with `Idempotent-Replayed` for the same again."""

from typing import TypeVar

from litestar import Response

Receipt = TypeVar("Receipt")


def created(receipt: Receipt, *, is_new: bool) -> Response[Receipt]:
    """The receipt of what was created now or stood already as asked."""
    if is_new:
        return Response(receipt, status_code=201)
    return Response(receipt, status_code=200, headers={"Idempotent-Replayed": "true"})
