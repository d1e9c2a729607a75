"""Pages of a list: `page` from 1, `limit` 20 by default, both left out for everything (docs/lemonway_facts.md §11)."""

import sqlite3
from typing import Any, NamedTuple

from lemonway.simulator.fields import Fields
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store

Json = dict[str, Any]

_LIMIT_BY_DEFAULT = 20


class Page(NamedTuple):
    rows: list[sqlite3.Row]
    links: Json


def pages(store: Store, query: Fields, path: str, select: str, *values: object) -> Page:
    """The rows of the page asked for, and the links to its neighbours."""
    if not query.has("page") and not query.has("limit"):
        return Page(store.all(select, *values), {"self": {"href": path}})
    page = query.optional_number("page") or 1
    limit = query.optional_number("limit") or _LIMIT_BY_DEFAULT
    if page < 1 or limit < 1:
        raise Refused(234, "page and limit start at 1")
    # One row more than asked for tells whether there is a next page.
    rows = store.all(f"{select} LIMIT ? OFFSET ?", *values, limit + 1, (page - 1) * limit)
    links = {"self": _link(path, page, limit), "first": _link(path, 1, limit)}
    if page > 1:
        links["previous"] = _link(path, page - 1, limit)
    if len(rows) > limit:
        links["next"] = _link(path, page + 1, limit)
    return Page(rows[:limit], links)


def _link(path: str, page: int, limit: int) -> Json:
    return {"href": f"{path}?page={page}&limit={limit}"}
