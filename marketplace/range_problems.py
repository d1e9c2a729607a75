"""What is wrong with a figure somebody set: where it stands, what was given, what is accepted there."""

from collections.abc import Iterator

from marketplace.company_terms import TermsProblem


def outside(field: str, given: int | None, least: int, most: int | None = None) -> Iterator[TermsProblem]:
    """The problem of a figure outside `least` to `most` (None: no upper limit), none when it is within or is None."""
    if given is None or (least <= given and (most is None or given <= most)):
        return
    yield problem(field, given, f"{least} or more" if most is None else f"{least} to {most}")


def problem(field: str, given: object, accepted: str) -> TermsProblem:
    """The problem of `field`, a dotted path, with the value in words."""
    return TermsProblem(field=field, given=str(given), accepted=accepted)
