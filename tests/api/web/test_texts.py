"""The words of the pages: complete in both languages, with the same values to put in."""

import re
import string
from importlib import resources
from itertools import chain

import pytest

from api.web.languages import preferred_language
from api.web.texts import RECEIPT_SCRIPT_KEYS, SCRIPT_KEYS, TEXTS, script_texts, text
from marketplace.explanations.languages import Language


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_has_both_languages_and_the_same_values(key: str) -> None:
    both = TEXTS[key]

    assert both.it.strip()
    assert both.en.strip()
    assert placeholders(both.it) == placeholders(both.en)


def placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


def test_every_text_is_used_and_every_text_asked_for_is_there() -> None:
    web = resources.files("api.web")
    folders = (web, web / "templates", web / "static")
    files = [entry for entry in chain(*(folder.iterdir() for folder in folders)) if entry.is_file()]
    sources = "\n".join(entry.read_text(encoding="utf-8") for entry in files if entry.name != "texts.py")
    asked_for = set(re.findall(r'\b(?:t|text)\("(\w*[a-z\d])"', sources)) | set(re.findall(r"\btexts\.(\w+)", sources))
    asked_for |= set(re.findall(r"\bsay\('(\w+)'", sources)) | {key for key in TEXTS if key.startswith("phase_")}
    asked_for |= {key for key in TEXTS if f'"{key}"' in sources}

    assert asked_for == TEXTS.keys()


def test_the_scripts_are_given_every_text_they_say() -> None:
    scripts = [entry for entry in (resources.files("api.web") / "static").iterdir() if entry.name.endswith(".js")]
    sources = "\n".join(entry.read_text(encoding="utf-8") for entry in scripts)
    said = set(re.findall(r"\btexts\.(\w+)", sources)) | set(re.findall(r"\bsay\('(\w+)'", sources))

    assert said | {key for key in TEXTS if key.startswith("phase_")} == {*SCRIPT_KEYS, *RECEIPT_SCRIPT_KEYS}
    assert script_texts("en")["stop"] == "Stop the screen"


def test_values_are_put_into_a_text() -> None:
    assert text("months", "it", months=24) == "24 mesi"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "it"),
        ("", "it"),
        ("de", "it"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("it-IT,it;q=0.9,en;q=0.8", "it"),
        ("it;q=0.3, en;q=0.7", "en"),
        ("en;q=0", "it"),
        ("en;q=nonsense, *", "it"),
        ("EN", "en"),
    ],
)
def test_the_reader_s_language_is_ours_that_is_liked_better(accepted: str | None, language: Language) -> None:
    assert preferred_language(accepted) == language
    assert preferred_language(accepted, chosen="en") == "en"
