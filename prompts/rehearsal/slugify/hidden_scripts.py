from textkit.slug import slugify


def test_greek_stays_greek():
    assert slugify("Αλφα Βητα") == "αλφα-βητα"
