"""Scanners on base and new tree: only new findings count, and none is missed by looking away."""

from __future__ import annotations

from typing import Any

from core.evidence import collect_scans

OLD = "import hashlib\n\n\ndef key(text):\n    return hashlib.md5(text).hexdigest()\n"


async def test_new_dangers_block_and_old_ones_do_not(workshop: Any) -> None:
    """eval and a shell are found where they are new; the md5 that was there stays out, moved as it is."""
    bench = workshop({"a.py": OLD})
    danger = (
        "import subprocess\n\n\ndef run(text, path):\n    subprocess.run(f'ls {path}', shell=True)\n"
        "    return eval(text)\n"
    )

    scans = await collect_scans(bench.bench, bench.change({"a.py": "# moved\n\n" + OLD, "b.py": danger}))

    assert not scans.problems
    assert {(f.tool, f.rule, f.path, f.line) for f in scans.findings if f.blocks} == {
        ("bandit", "B602", "b.py", 5),
        ("bandit", "B307", "b.py", 6),
    }
    assert not scans.ok
    assert any(f.rule == "B404" and not f.blocks for f in scans.findings)


async def test_a_new_md5_is_found(workshop: Any) -> None:
    """The weak hash is a finding of high severity with file and line."""
    bench = workshop({"a.py": "x = 1\n"})

    scans = await collect_scans(bench.bench, bench.change({"a.py": OLD}))

    assert [(f.rule, f.severity, f.where) for f in scans.findings] == [("B324", "high", "a.py:5")]
    assert {r.kind for r in bench.record.receipts.values()} == {"lint", "security"}


async def test_clean_code_has_no_finding(workshop: Any) -> None:
    """Ordinary code and tests with asserts pass."""
    bench = workshop({"a.py": "x = 1\n"})
    files = {"a.py": "x = 2\n", "tests/test_a.py": "from a import x\n\n\ndef test_x():\n    assert x == 2\n"}

    scans = await collect_scans(bench.bench, bench.change(files))

    assert scans.ok and not [f for f in scans.findings if f.blocks]


async def test_silencing_a_scanner_is_a_finding_itself(workshop: Any) -> None:
    """A new nosec hides the md5 from bandit, and is named in its place."""
    bench = workshop({"a.py": "x = 1\n"})

    scans = await collect_scans(bench.bench, bench.change({"a.py": OLD.replace("t()", "t()  # nosec")}))

    assert ("suppression", "nosec", "a.py:5") in [(f.tool, f.rule, f.where) for f in scans.findings]
    assert not scans.ok


async def test_an_undefined_name_and_broken_syntax_block(workshop: Any) -> None:
    """What cannot work is found without running it."""
    bench = workshop({"a.py": "x = 1\n"})

    scans = await collect_scans(bench.bench, bench.change({"a.py": "x = y\n", "b.py": "def f(:\n"}))

    rules = {(f.tool, f.rule, f.path) for f in scans.findings if f.blocks}
    assert ("ruff", "F821", "a.py") in rules
    assert ("ruff", "invalid-syntax", "b.py") in rules


async def test_the_base_decides_over_the_projects_own_rules(workshop: Any) -> None:
    """The project's ruff rules are used as the base has them; a change cannot relax them for itself."""
    bench = workshop({"a.py": "x = 1\n", "pyproject.toml": "[tool.ruff.lint]\nselect = ['N']\n"})
    files = {
        "a.py": "def BadName():\n    return 1\n",
        "pyproject.toml": "[tool.ruff.lint]\nselect = ['E9']\n",
    }

    scans = await collect_scans(bench.bench, bench.change(files))

    assert ("ruff", "N802") in {(f.tool, f.rule) for f in scans.findings if f.blocks}


async def test_each_copy_of_a_finding_has_a_key_of_its_own(workshop: Any) -> None:
    """A yes to one line is no yes to the same line written once more."""
    bench = workshop({"a.py": "x = 1\n"})
    once = await collect_scans(bench.bench, bench.change({"a.py": OLD}))
    twice = await collect_scans(bench.bench, bench.change({"a.py": OLD + OLD.partition("\n\n\n")[2]}))

    assert {f.key for f in once.findings if f.blocks} < {f.key for f in twice.findings if f.blocks}


async def test_a_scanner_that_gives_no_answer_is_a_problem(workshop: Any) -> None:
    """Without time to answer nothing is approved."""
    bench = workshop({"a.py": "x = 1\n"})
    bench.configure(scan_timeout=0.05)

    scans = await collect_scans(bench.bench, bench.change({"a.py": "x = 2\n"}))

    assert scans.problems and not scans.ok


async def test_a_change_without_python_is_said_to_be_unscanned(workshop: Any) -> None:
    """Nothing to look at is said, not passed over."""
    bench = workshop({"README.md": "hi\n"})

    scans = await collect_scans(bench.bench, bench.change({"README.md": "hello\n"}))

    assert scans.ok and "no Python file" in scans.notes[0]
