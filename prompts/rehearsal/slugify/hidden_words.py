from textkit.slug import slugify


def test_words_are_joined_by_single_hyphens():
    assert slugify("  A  Tale of -- 2 Cities! ") == "a-tale-of-2-cities"
