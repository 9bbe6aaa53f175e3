"""What the build that is told in full has changed: the diff of its checkpoints, and how it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DIFF = '''diff --git a/textkit/slug.py b/textkit/slug.py
new file mode 100644
index 0000000..6f1c2aa
--- /dev/null
+++ b/textkit/slug.py
@@ -0,0 +1,17 @@
+"""Names for URLs, out of any text."""
+
+import hashlib
+import re
+import unicodedata
+
+_GAP = re.compile(r"[\\W_]+")
+_SPELLED = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae"})
+
+
+def slugify(text: str) -> str:
+    """Return a name for `text`: lower case, words joined by hyphens."""
+    plain = text.lower().translate(_SPELLED)
+    plain = unicodedata.normalize("NFKD", plain)
+    plain = "".join(c for c in plain if not unicodedata.combining(c))
+    name = _GAP.sub("-", plain).strip("-")
+    return name or hashlib.sha256(text.encode()).hexdigest()[:8]
diff --git a/textkit/__init__.py b/textkit/__init__.py
index 1b2c3d4..5e6f7a8 100644
--- a/textkit/__init__.py
+++ b/textkit/__init__.py
@@ -1,3 +1,4 @@
 """Small things for text."""

-from textkit.words import count_words, title_case
+from textkit.slug import slugify
+from textkit.words import count_words, title_case
diff --git a/tests/test_slug.py b/tests/test_slug.py
new file mode 100644
index 0000000..77d0e1b
--- /dev/null
+++ b/tests/test_slug.py
@@ -0,0 +1,42 @@
+"""slugify, one test for each criterion and a few for the edges."""
+
+import pytest
+
+from textkit import slugify
+
+
+def test_words_are_joined() -> None:
+    assert slugify("Hello, World") == "hello-world"
+
+
+@pytest.mark.parametrize(
+    ("text", "name"),
+    [
+        ("Crème brûlée", "creme-brulee"),
+        ("straße", "strasse"),
+        ("Smörgåsbord", "smorgasbord"),
+    ],
+)
+def test_accents_are_dropped(text: str, name: str) -> None:
+    assert slugify(text) == name
+
+
+def test_other_scripts_are_kept() -> None:
+    assert slugify("Καλημέρα κόσμε") == "καλημερα-κοσμε"
+    assert slugify("東京 タワー") == "東京-タワー"
+    assert slugify("Привет, мир") == "привет-мир"
+
+
+@pytest.mark.parametrize("text", ["  a b  ", "--a--b--", "a / b", "a__b"])
+def test_no_hyphen_at_the_ends(text: str) -> None:
+    assert slugify(text) == "a-b"
+
+
+def test_stable_name() -> None:
+    assert slugify("!?") == slugify("!?")
+    assert len(slugify("!?")) == 8
+
+
+def test_different_nothings_differ() -> None:
+    assert slugify("!") != slugify("?")
+    assert slugify("") == slugify("")
'''
STAT: Mapping[str, Any] = {
    "files": 3,
    "added": 61,
    "removed": 1,
    "changes": [
        {"path": "textkit/slug.py", "status": "added", "added": 17, "removed": 0},
        {"path": "textkit/__init__.py", "status": "modified", "added": 2, "removed": 1},
        {"path": "tests/test_slug.py", "status": "added", "added": 42, "removed": 0},
    ],
}

GUARDED = (
    DIFF.replace("@@ -0,0 +1,17 @@", "@@ -0,0 +1,19 @@", 1)
    .replace(
        "+    plain = text.lower()",
        '+    if not isinstance(text, str):\n+        raise TypeError("slugify takes text")\n'
        "+    plain = text.lower()",
        1,
    )
    .replace("hashlib.sha256", "hashlib.sha1", 1)
)
"""The same change with a line that no test runs, and one that a scanner warns of."""
GUARDED_STAT: Mapping[str, Any] = {
    **STAT,
    "added": 63,
    "changes": [{**STAT["changes"][0], "added": 19}, *STAT["changes"][1:]],
}
