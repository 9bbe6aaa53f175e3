import re

import pytest

import textkit


def test_words_are_joined_by_hyphens_in_lower_case():
    assert textkit.slugify("Hello, World 2!") == "hello-world-2"


@pytest.mark.parametrize(
    "text",
    ["Crème Brûlée", "Cre\u0300me Bru\u0302le\u0301e"],
    ids=["composed", "decomposed"],
)
def test_accents_are_dropped_however_they_are_encoded(text):
    assert textkit.slugify(text) == "creme-brulee"


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Straße", "strasse"),
        ("Æsir", "aesir"),
        ("Smørrebrød", "smorrebrod"),
        ("Łódź", "lodz"),
    ],
    ids=["sharp-s", "ae", "o-slash", "l-stroke"],
)
def test_letters_without_an_accent_to_drop_are_spelled_out(text, slug):
    assert textkit.slugify(text) == slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Привет, мир", "привет-мир"),
        ("Мой дом", "мой-дом"),
        ("東京 2020", "東京-2020"),
    ],
    ids=["cyrillic", "cyrillic-short-i", "kanji"],
)
def test_letters_of_other_scripts_are_kept(text, slug):
    assert textkit.slugify(text) == slug


def test_no_hyphen_at_the_ends_and_none_doubled():
    assert textkit.slugify("  --Tea & _Coffee_ -- ") == "tea-coffee"


def test_text_without_letters_gets_a_stable_name():
    slug = textkit.slugify("🎉🎉")

    assert re.fullmatch(r"text-[0-9a-f]{8}", slug)
    assert slug == textkit.slugify("🎉🎉")
    assert slug != textkit.slugify("🚀")
