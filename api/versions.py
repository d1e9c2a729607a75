"""Edits of what has versions: `If-Match` names the one that was seen, `ETag` the one that stands."""

import re
from typing import Annotated

from litestar.params import HeaderParameter

from api.problems import Problem

IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", required=False, description='The version that is changed, quoted: "7".'),
]

_ETAG = re.compile(r'"([1-9][0-9]{0,8})"')


def etag_headers(version: int) -> dict[str, str]:
    """The header by which an answer says which version it shows."""
    return {"ETag": f'"{version}"'}


def seen_version(if_match: str | None) -> int:
    """The version that the caller changes. Raises Problem 428 when none is named, 400 for what is no version."""
    if if_match is None:
        raise Problem("precondition-required", "Name the version that you change in If-Match.")
    named = _ETAG.fullmatch(if_match)
    if named is None:
        raise Problem("malformed-request", 'If-Match is one version in quotes, such as "7".')
    return int(named[1])


def version_is_another(present_version: int) -> Problem:
    """The answer to a change of a version that is no longer the present one."""
    headers = etag_headers(present_version)
    return Problem(
        "precondition-failed", "It was changed meanwhile. Look again.", headers=headers, current_etag=headers["ETag"]
    )
