import pytest

from textkit import count_words, shorten, title_case


def test_counts_words_between_any_blanks():
    assert count_words("one  two\nthree") == 3


def test_an_empty_text_has_no_words():
    assert count_words("   ") == 0


def test_a_short_text_stays_as_it_is():
    assert shorten("a fine day", 20) == "a fine day"


def test_a_long_text_is_cut_at_a_word():
    assert shorten("a fine day for a walk", 12) == "a fine day…"


def test_a_long_word_is_cut_inside():
    assert shorten("incomprehensible", 8) == "incompr…"


def test_no_width_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        shorten("a fine day", 0)


def test_small_words_stay_small_unless_first():
    assert title_case("the lord of the rings") == "The Lord of the Rings"
