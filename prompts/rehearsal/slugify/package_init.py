"""Small tools for text."""

from textkit.slug import slugify
from textkit.words import count_words, shorten, title_case

__all__ = ["count_words", "shorten", "slugify", "title_case"]
