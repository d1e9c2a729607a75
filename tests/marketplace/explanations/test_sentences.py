"""Catalogues hold whole sentences in both languages with the same figures, and figures read as people write them."""

import re
import string

import pytest

from marketplace.explanations.borrower_texts import BORROWER_TEXTS
from marketplace.explanations.figures import Count, ExactShare, Figure, LoanRate, Money, Name, Rate, Word, write_figure
from marketplace.explanations.lender_texts import LENDER_TEXTS
from marketplace.explanations.operations_texts import OPERATIONS_TEXTS
from marketplace.explanations.sentences import Catalogue, CountedText, Text, say, step

CATALOGUES = {"lender": LENDER_TEXTS, "borrower": BORROWER_TEXTS, "operations": OPERATIONS_TEXTS}


def figures_in(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def texts(catalogue: Catalogue) -> list[Text]:
    entries = catalogue.values()
    return [text for entry in entries for text in (entry if isinstance(entry, CountedText) else (entry,))]


@pytest.mark.parametrize("name", CATALOGUES)
def test_both_languages_of_a_sentence_take_the_same_figures(name: str) -> None:
    wrong = [text for text in texts(CATALOGUES[name]) if figures_in(text.it) != figures_in(text.en)]

    assert not wrong


@pytest.mark.parametrize("name", CATALOGUES)
def test_no_rate_or_amount_follows_an_italian_article_that_its_sound_could_break(name: str) -> None:
    article = re.compile(r"\b(?:il|lo|la|al|del|dal|nel|sul) \{|l'\{", re.IGNORECASE)
    wrong = [text.it for text in texts(CATALOGUES[name]) if article.search(text.it)]

    assert not wrong


def test_one_and_many_have_sentences_of_their_own() -> None:
    steps = [step("level", count=Count(number), rate=Rate(450), cents=Money(123_456)) for number in (1, 2, 1_000)]

    assert [sentence.text for sentence in say(steps, BORROWER_TEXTS, "it")] == [
        "Un finanziatore con tasso 4,50\u00a0%: 1.234,56\u00a0€.",
        "2 finanziatori con tasso 4,50\u00a0%: 1.234,56\u00a0€ insieme.",
        "1.000 finanziatori con tasso 4,50\u00a0%: 1.234,56\u00a0€ insieme.",
    ]


@pytest.mark.parametrize(
    ("figure", "italian", "english"),
    [
        (Money(123_456), "1.234,56\u00a0€", "€1,234.56"),
        (Rate(450), "4,50\u00a0%", "4.50%"),
        (LoanRate(41_188), "4,1188\u00a0%", "4.1188%"),
        (Count(1_234), "1.234", "1,234"),
        (Name("L1"), "L1", "L1"),
        (Word("budget", "budget"), "budget", "budget"),
        (ExactShare(148_000, 99_000, 188_000), "779,3617…\u00a0€", "€779.3617…"),
        (ExactShare(10_000, 1, 2), "50,00\u00a0€", "€50.00"),
        (ExactShare(100, 1, 16), "0,0625\u00a0€", "€0.0625"),
        (ExactShare(100_000_000, 2, 3), "666.666,6666…\u00a0€", "€666,666.6666…"),
    ],
)
def test_figures_are_written_as_each_language_writes_them(figure: Figure, italian: str, english: str) -> None:
    assert (write_figure(figure, "it"), write_figure(figure, "en")) == (italian, english)
