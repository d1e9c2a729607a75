"""Tables of a file turned into structs with every error found at once: where, what is wrong, what is accepted.

msgspec stops at the first error of a message; a person who writes a market by hand wants to know all of them.
"""

import enum
import types
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import inspect

T = TypeVar("T", bound=msgspec.Struct)

Report = Callable[[str, str, str], None]
"""Takes an error: where it is, what is wrong there, what is accepted."""

_SHOWN = 60
"""Characters of a wrong value that are worth repeating."""


def read_table(raw: object, kind: type[T], where: str, report: Report) -> T | None:
    """`raw` as a `kind`, or None after every error in it has been reported under the path `where`."""
    errors = _Counted(report)
    fields = _read_fields(raw, kind, where, errors)
    return None if errors.count else msgspec.convert(fields, kind)


class _Counted:
    """Passes errors on and counts them."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.count = 0

    def __call__(self, where: str, wrong: str, accepted: str) -> None:
        self.count += 1
        self._report(where, wrong, accepted)


def _read_fields(raw: object, kind: type[msgspec.Struct], where: str, report: Report) -> dict[str, object]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    tag_field, tag = kind.__struct_config__.tag_field, kind.__struct_config__.tag
    names = [*([tag_field] if tag_field else []), *fields]
    if not isinstance(raw, dict):
        report(where or "file", given(raw), f"a table with {', '.join(names)}")
        return {}
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, object] = {}
    for name in raw.keys() - set(names):
        report(_inside(where, name), "no such field", ", ".join(names))
    if tag_field:
        if raw.get(tag_field) != tag:
            report(_inside(where, tag_field), given(raw.get(tag_field)), repr(tag))
        values[tag_field] = tag
    for name, field in fields.items():
        if name in raw:
            values[name] = _read_value(raw[name], hints[field.name], _inside(where, name), report)
        elif field.required:
            report(_inside(where, name), "missing", accepted_by(hints[field.name]))
    return values


def _read_value(raw: object, kind: Any, where: str, report: Report) -> object:
    struct, is_list, is_optional = _struct_in(kind)
    if struct is None:
        return _read_plain(raw, kind, where, report)
    if raw is None and is_optional:
        return None
    if not is_list:
        return _read_fields(raw, struct, where, report)
    if isinstance(raw, list):
        return [_read_fields(item, struct, f"{where}[{place}]", report) for place, item in enumerate(raw)]
    report(where, given(raw), "a list of tables")
    return raw


def _struct_in(kind: Any) -> tuple[type[msgspec.Struct] | None, bool, bool]:
    """The struct that a type holds, whether in a list, and whether null may stand instead."""
    if get_origin(kind) in (Union, types.UnionType):
        inner = [arm for arm in get_args(kind) if arm is not type(None)]
        if len(inner) == 1:
            struct, is_list, _ = _struct_in(inner[0])
            return struct, is_list, True
        return None, False, False
    if get_origin(kind) is tuple and len(get_args(kind)) == 2:
        struct, _, _ = _struct_in(get_args(kind)[0])
        return struct, True, False
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return (kind if is_struct else None), False, False


def _read_plain(raw: object, kind: Any, where: str, report: Report) -> object:
    try:
        return msgspec.convert(raw, kind, strict=True)
    except msgspec.ValidationError as error:
        inner = str(error).partition(" - at `$")[2].rstrip("`")
        report(where + inner, given(raw), accepted_by(kind))
        return None


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def given(value: object) -> str:
    """A wrong value as its author wrote it, shortened where it is long."""
    text = str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def accepted_by(kind: Any) -> str:
    """What a type accepts, in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin in (Union, types.UnionType):
        inner = " or ".join(accepted_by(arm) for arm in arguments if arm is not type(None))
        return f"{inner}, or nothing" if type(None) in arguments else inner
    if origin is tuple:
        return f"a list, each {accepted_by(arguments[0])}"
    if origin is Annotated and (description := _described(arguments[1:])) is not None:
        return description
    bare = arguments[0] if origin is Annotated else kind
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        return " or ".join(repr(member.value) for member in bare)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return "a table with " + ", ".join(field.encode_name for field in msgspec.structs.fields(bare))
    return _accepted_by_info(inspect.type_info(kind))


def _described(metas: tuple[Any, ...]) -> str | None:
    return next((meta.description for meta in metas if isinstance(meta, msgspec.Meta) and meta.description), None)


def _accepted_by_info(info: inspect.Type) -> str:
    match info:
        case inspect.IntType():
            low = info.ge if info.ge is not None else None if info.gt is None else info.gt + 1
            return "a whole number" + _between(low, info.le)
        case inspect.StrType():
            length = "" if info.max_length is None else f" of {info.min_length or 0} to {info.max_length} characters"
            return f"text{length}" + ("" if info.pattern is None else f" that matches {info.pattern}")
        case inspect.DateType():
            return "a day such as 2026-01-07"
        case inspect.BoolType():
            return "true or false"
        case _:
            return type(info).__name__.removesuffix("Type").lower()


def _between(low: int | None, high: int | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f", at least {low}"
    return "" if high is None else f", at most {high}"
