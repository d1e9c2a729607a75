"""A lender's receipts in words. The page holds nobody's data: its script asks the API with the key its reader gives."""

from typing import Annotated

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromQuery, PathParameter

from api.dependencies import AskedLanguage
from api.guards import anybody
from api.web.pages import STATIC_VERSION, render
from api.web.texts import receipt_script_texts
from marketplace.explanations.languages import Language

_MODULES = ("number_format.js",)

FillId = Annotated[str, PathParameter(max_length=60, pattern=r"^bk\d+\.\d+\.\d+$")]


class ReceiptsPage(Controller):
    include_in_schema = False

    @get("/presta/ricevute", operation_id="ShowReceipts", opt=anybody())
    async def show_list(self, language: AskedLanguage, lang: FromQuery[Language | None] = None) -> Response[str]:
        """What the reader's money did, fill by fill."""
        return _page("/presta/ricevute", fill_id="", language=lang or language)

    @get("/presta/ricevuta/{fill_id:str}", operation_id="ShowReceipt", opt=anybody())
    async def show_receipt(
        self, fill_id: FillId, language: AskedLanguage, lang: FromQuery[Language | None] = None
    ) -> Response[str]:
        """Why one fill has its amount."""
        return _page(f"/presta/ricevuta/{fill_id}", fill_id=fill_id, language=lang or language)


def _page(path: str, *, fill_id: str, language: Language) -> Response[str]:
    return render(
        "receipts.html.j2",
        language,
        path=path,
        fill_id=fill_id,
        other_language="en" if language == "it" else "it",
        static=f"/static/{STATIC_VERSION}",
        modules=_MODULES,
        script_texts=msgspec.json.encode(receipt_script_texts(language)).decode(),
    )
