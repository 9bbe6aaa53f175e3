"""Small tools for text."""

from textkit.words import count_words, shorten, title_case

__all__ = ["count_words", "shorten", "title_case"]
