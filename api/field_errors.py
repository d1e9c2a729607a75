"""Everything that is wrong with settings, told at once by where it stands in the body."""

from collections.abc import Iterable

from api.problems import FieldError, Problem
from marketplace.company_terms import TermsProblem


def settings_refused(problems: Iterable[TermsProblem]) -> Problem:
    """The answer 422 that names every field with what is accepted there."""
    errors = [
        FieldError(
            pointer="/" + problem.field.replace("[", "/").replace("]", "").replace(".", "/"),
            rule="range",
            detail=f"{problem.given} is not accepted: {problem.accepted}",
        )
        for problem in problems
    ]
    return Problem("invalid-body", f"{errors[0].pointer}: {errors[0].detail}", errors=errors)
