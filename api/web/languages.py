"""Which of our two languages a visitor reads: Italian first, English second."""

from marketplace.explanations.languages import Language

DEFAULT: Language = "it"


def preferred_language(accept_language: str | None, *, chosen: Language | None = None) -> Language:
    """The language to answer in: the one chosen, else the better rated of ours in `Accept-Language`, else Italian."""
    if chosen is not None:
        return chosen
    ratings = {"it": 0, "en": 0}
    for part in (accept_language or "").split(","):
        name, _, parameters = part.strip().partition(";")
        language = name.strip().lower().split("-")[0]
        if language in ratings:
            ratings[language] = max(ratings[language], _rating_thousandths(parameters))
    return "en" if ratings["en"] > ratings["it"] else DEFAULT


def _rating_thousandths(parameters: str) -> int:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1_000
    whole, _, decimals = value.strip().partition(".")
    digits = whole[:1] + decimals[:3].ljust(3, "0")
    return min(int(digits), 1_000) if digits.isascii() and digits.isdecimal() else 0
