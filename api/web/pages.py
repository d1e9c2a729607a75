"""Templates and static files: read once at start, served with addresses that change when they change."""

import hashlib
from importlib import resources
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response, get
from litestar.params import FromPath

from api.guards import anybody
from api.problems import not_found
from api.web.texts import text
from marketplace.explanations.languages import Language

_MEDIA_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_A_YEAR_S = 365 * 24 * 3_600


class StaticFile(msgspec.Struct, frozen=True):
    """A file as it is sent."""

    content: bytes
    media_type: str


def _read_static_files() -> dict[str, StaticFile]:
    folder = resources.files("api.web") / "static"
    files = sorted((entry for entry in folder.iterdir() if entry.is_file()), key=lambda entry: entry.name)
    return {entry.name: StaticFile(entry.read_bytes(), _MEDIA_TYPES[entry.name.rpartition(".")[2]]) for entry in files}


STATIC_FILES = _read_static_files()
STATIC_VERSION = hashlib.sha256(b"".join(file.content for file in STATIC_FILES.values())).hexdigest()[:12]
"""Changes with any file, so that a browser keeps them for a year and still has the newest."""

_environment = Environment(
    loader=PackageLoader("api.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, language: Language, **values: Any) -> Response[str]:
    """The page as an answer. Within a template `t(key, …)` is a text in the page's language."""

    def t(key: str, **named: object) -> str:
        return text(key, language, **named)

    body = _environment.get_template(template).render(t=t, language=language, **values)
    return Response(body, media_type="text/html", headers={"Content-Language": language})


@get("/static/{version:str}/{name:str}", operation_id="GetStaticFile", include_in_schema=False, opt=anybody())
async def serve_static_file(version: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A script or style sheet. Only the present version may be kept by browsers."""
    file = STATIC_FILES.get(name)
    if file is None:
        not_found("file")
    is_present = version == STATIC_VERSION
    caching = f"public, max-age={_A_YEAR_S}, immutable" if is_present else "no-cache"
    return Response(file.content, media_type=file.media_type, headers={"Cache-Control": caching})
