"""Sentences as data: a step names one sentence of a catalogue and gives its figures; a language writes it.

Whole sentences are translated, never parts of them, so that none has to fit another's grammar. Where a noun follows a
count, the sentence has a form of its own for one.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from marketplace.explanations.figures import Count, Figure, write_figure
from marketplace.explanations.languages import Language


class Text(NamedTuple):
    """One sentence in both languages; `{name}` stands for the figure of that name."""

    it: str
    en: str

    def of(self, language: Language) -> str:
        return self.it if language == "it" else self.en


class CountedText(NamedTuple):
    """A sentence whose nouns follow the figure `count`: for one, and for any other number."""

    one: Text
    many: Text


Catalogue = Mapping[str, Text | CountedText]


class Step(msgspec.Struct, frozen=True):
    """One sentence to say: its code in a catalogue, and its figures by name."""

    code: str
    figures: Mapping[str, Figure]


class Sentence(msgspec.Struct, frozen=True):
    """A step in words. Programs tell sentences apart by `code`."""

    code: str
    text: str


def step(code: str, **figures: Figure) -> Step:
    """The sentence of `code` with its figures."""
    return Step(code, figures)


def say(steps: Iterable[Step], catalogue: Catalogue, language: Language) -> tuple[Sentence, ...]:
    """The steps in words of `language`. Every step's code must be in the catalogue, with all figures it asks for."""
    return tuple(Sentence(step.code, _text(step, catalogue[step.code], language)) for step in steps)


def _text(step: Step, text: Text | CountedText, language: Language) -> str:
    if isinstance(text, CountedText):
        count = step.figures["count"]
        assert isinstance(count, Count), step
        text = text.one if count.number == 1 else text.many
    return text.of(language).format_map({name: write_figure(figure, language) for name, figure in step.figures.items()})
