import re

import textkit


def test_a_sign_between_words_separates_them():
    assert textkit.slugify("rock🎸roll\tand\u00a0blues") == "rock-roll-and-blues"


def test_empty_text_gets_a_stable_name_too():
    assert re.fullmatch(r"text-[0-9a-f]{8}", textkit.slugify(""))


def test_half_a_surrogate_pair_does_no_harm():
    assert textkit.slugify("a\ud800b") == "a-b"
    assert re.fullmatch(r"text-[0-9a-f]{8}", textkit.slugify("\ud800"))
