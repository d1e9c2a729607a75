"""The `Idempotency-Key` header: the id a client gives to an effect whose address holds none."""

from typing import Annotated
from uuid import UUID

from litestar.params import HeaderParameter

IdempotencyKey = Annotated[
    UUID | None,
    HeaderParameter(
        name="Idempotency-Key", required=False, description="A UUID; the same key asks for the same effect."
    ),
]
