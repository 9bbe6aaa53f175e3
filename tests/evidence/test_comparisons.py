"""Base and new tree are compared by what they say, not by where it stands."""

from __future__ import annotations

from core.evidence.coverage import Measured, as_ranges, changed_coverage
from core.evidence.findings import Finding, fingerprint, new_findings
from core.evidence.junit import Case
from core.evidence.proofs import changed_tests
from core.evidence.suppressions import suppressions


def finding(line: int, words: str) -> Finding:
    return Finding(
        "bandit", "B324", "high", "a.py", line, "md5", fingerprint("bandit", "B324", "a.py", words)
    )


def test_a_finding_that_moved_is_not_new() -> None:
    """Lines above may come and go; a second copy of an old finding is new."""
    base = [finding(3, "    x = md5(a)")]

    assert new_findings(base, [finding(9, "x  =  md5(a)")]) == []
    assert [f.line for f in new_findings(base, [finding(9, "x = md5(a)"), finding(12, "x = md5(a)")])] == [12]


def test_a_silencing_comment_is_found_only_in_comments() -> None:
    """A noqa in a string is text; in a comment it is a finding."""
    text = (
        'a = "# noqa"\nimport os  # noqa: F401\nx = 1  # type: ignore[misc]\n'
        "y = 2  # PRAGMA: no cover\nz = 3  # nosec\n"
    )

    assert [(f.line, f.rule) for f in suppressions("a.py", text)] == [
        (2, "noqa"),
        (3, "type-ignore"),
        (4, "no-cover"),
        (5, "nosec"),
    ]
    assert suppressions("a.py", text, lines={1}) == []


def test_a_broken_file_cannot_hide_a_silencing_comment() -> None:
    """Where the text cannot be tokenised every line with the mark counts."""
    assert [f.rule for f in suppressions("a.py", "x = (\ny = 1  # nosec\n")] == ["nosec"]


def test_tests_are_known_as_new_changed_or_the_same() -> None:
    """Layout and comments change nothing; a body, a decorator or module data does."""
    before = (
        "import a\n\ndef test_same():\n    assert a.f() == 1\n\n"
        "class TestX:\n    def test_in(self):\n        assert 1\n"
    )
    after = (
        "import a, b\n\ndef test_same():\n    # why\n    assert a.f() == 1\n\n"
        "class TestX:\n    def test_in(self):\n        assert 2\n\ndef test_new():\n    assert b\n"
    )
    cases = [
        Case("tests.test_a::test_same", "passed", file="tests/test_a.py"),
        Case("tests.test_a.TestX::test_in", "passed", file="tests/test_a.py"),
        Case("tests.test_a::test_new", "passed", file="tests/test_a.py"),
        Case("tests.test_b::test_other", "passed", file="tests/test_b.py"),
    ]
    known = {"tests.test_a::test_same", "tests.test_a.TestX::test_in", "tests.test_b::test_other"}

    edited = changed_tests(cases, known, {"tests/test_a.py": (before, after)})
    data = changed_tests(cases, known, {"tests/test_a.py": (before, before + "\nCASES = [1]\n")})

    assert set(edited) == {"tests.test_a.TestX::test_in", "tests.test_a::test_new"}
    assert "tests.test_a::test_same" in data


def test_coverage_counts_the_changed_lines_only() -> None:
    """A file that nobody imported counts with all of its statements."""
    measured = Measured({"a.py": frozenset({1, 2})}, {"a.py": frozenset({3, 9})})
    sources = {"b.py": '"""Doc."""\nx = 1\n\ny = 2\n'}

    covered = changed_coverage({"a.py": {2, 3, 4}, "b.py": {1, 2, 3, 4}}, sources, measured)

    assert (covered.executable, covered.executed, covered.percent) == (4, 1, 25.0)
    assert covered.missing == {"a.py": [3], "b.py": [2, 4]}
    assert changed_coverage({"a.py": {4}}, {}, measured).status == "not applicable"
    assert as_ranges([3, 4, 5, 9]) == "3-5, 9"
