import re

from textkit.slug import slugify


def test_signs_alone_get_a_stable_name():
    assert re.fullmatch(r"text-[0-9a-f]{8}", slugify("!?"))
    assert slugify("!?") == slugify("!?") != slugify("?!")
