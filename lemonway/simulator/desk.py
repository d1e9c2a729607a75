"""The front desk: admits a call, carries it out in one transaction, and words the answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import PathParameter

from lemonway.simulator.access import admit, issue_bearer, require_user_address
from lemonway.simulator.behaviour import behaviour
from lemonway.simulator.fields import Fields
from lemonway.simulator.notifications import NotificationSender
from lemonway.simulator.paging import Json
from lemonway.simulator.refusals import VALIDATION_CODES, Refused, RefusedByOnboarding
from lemonway.simulator.store import Store

AnyRequest = Request[Any, Any, Any]
Answer = Response[bytes]
JSON_MEDIA_TYPE = "application/json; charset=utf-8"
DELAYED_CALL = "lemonway_delayed_call"
"""Key of the ASGI scope under which a call carried out late has its number."""


def json_answer(content: object, status: int = 200) -> Answer:
    return Response(msgspec.json.encode(content), status_code=status, media_type=JSON_MEDIA_TYPE)


class Desk:
    """One per simulator; the routes ask it to serve them."""

    def __init__(self, store: Store, sender: NotificationSender, *, api_key: str) -> None:
        self.store = store
        self.sender = sender
        self._api_key = api_key

    async def bearer(self, request: AnyRequest) -> Answer:
        body = await request.body()
        with self.store.transaction():
            return json_answer(issue_bearer(self.store, request, body, api_key=self._api_key))

    def read(self, request: AnyRequest, operation: Callable[[Store, Fields], Json]) -> Answer:
        """A DirectKit call that changes nothing; the operation is given the query."""
        return self._directkit(request, lambda: operation(self.store, Fields(dict(request.query_params))))

    async def change(self, request: AnyRequest, operation: Callable[[Store, Fields], Json]) -> Answer:
        """A DirectKit call that changes something; the operation is given the body, and all of it or nothing stays."""
        body = await request.body()

        def in_transaction() -> Json:
            with self.transaction(request):
                return operation(self.store, Fields.of_body(body))

        return self._directkit(request, in_transaction)

    def _directkit(self, request: AnyRequest, operation: Callable[[], Json]) -> Answer:
        try:
            admit(self.store, request)
            require_user_address(request)
            return json_answer(operation())
        except HTTPException as turned_away:
            return json_answer({"message": turned_away.detail}, turned_away.status_code)
        except Refused as refusal:
            return self.refusal_answer(refusal)

    def refusal_answer(self, refusal: Refused) -> Answer:
        is_bad_request = refusal.code in VALIDATION_CODES or behaviour(self.store).error_mode == "http400"
        error = {"code": refusal.code, "message": str(refusal)}
        return json_answer({"error": error}, 400 if is_bad_request else 200)

    async def onboarding(
        self, request: AnyRequest, operation: Callable[[Store, Json], Json], *, status: int = 200
    ) -> Answer:
        """An Online Onboarding call; the operation is given the body, empty for a GET."""
        body = await request.body()
        try:
            admit(self.store, request)
            content = msgspec.json.decode(body, type=dict[str, Any]) if body else {}
            with self.transaction(request):
                return json_answer(operation(self.store, content), status)
        except HTTPException as turned_away:
            return json_answer({"message": turned_away.detail}, turned_away.status_code)
        except msgspec.MsgspecError as error:
            return json_answer({"statusCode": 400, "message": f"the body is not a JSON object: {error}"}, 400)
        except RefusedByOnboarding as refusal:
            return json_answer({"statusCode": refusal.status, "message": str(refusal)}, refusal.status)

    @contextmanager
    def transaction(self, request: AnyRequest) -> Iterator[None]:
        """The transaction of one call. One carried out late is struck off the waiting list by the same commit."""
        with self.store.transaction():
            delayed_call = request.scope.get(DELAYED_CALL)
            if delayed_call is not None:
                self.store.run("DELETE FROM delayed_calls WHERE id = ?", delayed_call)
            yield
        self.sender.wake_if_pending()


DeskDependency = NamedDependency[Desk]
"""How a route asks for the desk."""

NumberFromPath = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]
"""An int64 id in a path."""
