"""Scanners on base and new tree: only new findings count, and none is missed by looking away."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from typing import Any

from core.evidence import Scans, collect_scans, collect_tests

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
    assert ("B324", "a.py", 7) in {(f.rule, f.path, f.line) for f in scans.old}, "shown, where it is now"
    assert not {f.key for f in scans.old} & {f.key for f in scans.findings}
    again = Scans.from_data(scans.to_data())
    assert again == scans and not Scans.from_data({**scans.to_data(), "old": []}).old


async def test_a_new_md5_is_found(workshop: Any) -> None:
    """The weak hash is a finding of high severity with file and line."""
    bench = workshop({"a.py": "x = 1\n"})

    scans = await collect_scans(bench.bench, bench.change({"a.py": OLD}))

    assert [(f.rule, f.severity, f.where) for f in scans.findings] == [("B324", "high", "a.py:5")]
    assert {r.kind for r in bench.record.receipts.values()} == {"lint", "security", "secrets"}


async def test_clean_code_has_no_finding(workshop: Any) -> None:
    """Ordinary code and tests with asserts pass."""
    bench = workshop({"a.py": "x = 1\n"})
    files = {"a.py": "x = 2\n", "tests/test_a.py": "from a import x\n\n\ndef test_x():\n    assert x == 2\n"}

    scans = await collect_scans(bench.bench, bench.change(files))

    assert scans.ok and not scans.findings


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


async def test_a_scanner_imports_nothing_from_the_tree(workshop: Any) -> None:
    """A module that is called like one of the scanners' own could tell them what to find."""
    bench = workshop({"a.py": "x = 1\n"})
    blind = dict.fromkeys(("yaml.py", "rich.py", "stevedore.py", "colorsys.py"), "raise SystemExit(0)\n")

    scans = await collect_scans(bench.bench, bench.change({**blind, "a.py": "x = eval(input())\n"}))

    assert not scans.problems
    assert {"bandit", "ruff"} & {finding.tool for finding in scans.findings if finding.path == "a.py"}


async def test_a_change_without_python_is_said_to_be_unscanned(workshop: Any) -> None:
    """Nothing to look at is said, not passed over; secrets are looked for in every file."""
    bench = workshop({"README.md": "hi\n"})

    scans = await collect_scans(bench.bench, bench.change({"README.md": "hello\n"}))

    assert scans.ok and {s["name"]: s["status"] for s in scans.scanners} == {
        "detect-secrets": "ran",
        **dict.fromkeys(("ruff", "bandit", "types", "the project's review command"), "skipped"),
    }
    assert any("no Python file was changed" in line for line in scans.skipped)


KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
CONFIGURED = {
    "pyproject.toml": '[tool.ruff.lint]\nselect = ["F"]\nper-file-ignores = {"a.py" = ["F401"]}\n'
    '[tool.bandit]\nskips = ["B105"]\n[tool.coverage.run]\nomit = ["b.py"]\n'
    '[[tool.mypy.overrides]]\nmodule = "a"\nignore_errors = true\n',
    ".secrets.baseline": '{"results": {"a.py": [{"type": "AWS Access Key", "hashed_secret": "abc"}]}}',
    "a.py": "def run(text):\n    return eval(text)  # noqa: S307  # nosec\n",
    "b.py": "def b():  # pragma: no cover\n    return 1  # type: ignore\n",
}


async def test_a_secret_is_found_in_any_file_by_its_kind_alone(workshop: Any) -> None:
    """A committed key is a finding of high severity; the key itself is told to nobody."""
    bench = workshop({"settings.ini": "[aws]\nregion = eu\n", "a.py": "x = 1\n"})

    scans = await collect_scans(bench.bench, bench.change({"settings.ini": f"[aws]\nkey = {KEY}\n"}))

    wide = f"[aws]\r\nkey = {KEY}\r\n".encode("utf-16")
    again = await collect_scans(bench.bench, bench.change({"wide.txt": wide}))
    assert ("AWS Access Key", "wide.txt:2") in {(f.rule, f.where) for f in again.findings if f.blocks}

    (found,) = [f for f in scans.findings if f.blocks]
    assert (found.tool, found.rule, found.where) == ("detect-secrets", "AWS Access Key", "settings.ini:2")
    assert found.severity == "high" and KEY not in str(scans.to_data())
    assert not any(KEY in r.text() for r in bench.record.receipts.values())


async def test_each_way_to_make_a_tool_look_away_is_a_finding_itself(workshop: Any) -> None:
    """Comments and configuration alike, in whatever file; what was there before is none."""
    bench = workshop({"a.py": "x = 1\n", "b.py": "y = 1\n", "setup.cfg": "[mypy]\nignore_errors = true\n"})

    scans = await collect_scans(bench.bench, bench.change({**CONFIGURED, "c.py": "z = 1\n"}))

    silenced = [f for f in scans.findings if f.tool == "suppression"]
    assert all(f.blocks for f in silenced)
    assert {f.rule for f in silenced} == {"noqa", "no-cover", "type-ignore", "config"}
    told = "\n".join(f.text for f in silenced)
    for mark in (
        "per-file-ignores.a.py F401",
        "bandit.skips B105",
        "run.omit b.py",
        "ignore_errors",
        "accepted",
    ):
        assert mark in told
    assert not any(f.path == "setup.cfg" for f in silenced)
    assert any(f.rule == "S307" or f.rule == "B307" for f in scans.findings if f.blocks) is False
    assert [f.path for f in silenced if f.rule == "noqa"] == ["a.py"], "the comment stands for what it hides"


async def test_a_zero_byte_hides_nothing(workshop: Any) -> None:
    """git calls such a file binary; tools that read it all the same must not find what nobody looked at."""
    bench = workshop({"calc.py": "x = 1\n", "tests/test_a.py": "def test_a():\n    pass\n"})
    files = {
        "pytest.ini": "# \0\n[pytest]\naddopts = -p evil\n",
        ".flake8": "[flake8]\n# \0\nexclude = calc.py\n",
    }
    checkpoint = bench.change(files)

    found = await collect_scans(bench.bench, checkpoint)
    tests = await collect_tests(bench.bench, checkpoint, "p", "r")

    assert any("overlook" in finding.text for finding in found.findings)
    assert any("addopts" in failure["text"] for failure in tests.detail["failures"])


async def test_the_projects_own_command_counts_only_what_is_new(workshop: Any) -> None:
    """Old complaints stay out, a new line is a finding, and the change cannot rewrite its judge."""
    lint = (
        "import pathlib, sys\n"
        "bad = [p for p in sorted(pathlib.Path('.').glob('*.py')) if '#' not in p.read_text()]\n"
        "for path in bad:\n    print(f'{path}:1: no comment')\nsys.exit(bool(bad))\n"
    )
    bench = workshop({"a.py": "x = 1\n", "tools/lint.py": lint})
    bench.configure(review_command=("python", "tools/lint.py"))
    blind = "print('all is well')\n"

    scans = await collect_scans(bench.bench, bench.change({"b.py": "y = 1\n", "tools/lint.py": blind}))

    assert not scans.problems
    assert [(f.path, f.text) for f in scans.findings if f.tool == "python"] == [("b.py", "no comment")]


async def test_code_is_found_whatever_it_is_called_and_however_it_is_loaded(workshop: Any) -> None:
    """Python in a text file is scanned, packed and compiled code is named, and so is what loads them."""
    bench = workshop({"a.py": "x = 1\n", "kept.txt": "import os\nos.system(input())\n"})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("rules.py", "print(eval(input()))\n")
    files = {
        "a.py": "import runpy\nx = runpy.run_path('rules.txt')\ny = compile('1', 'a', 'eval')\n",
        "b.py": "from importlib.util import spec_from_file_location as find\nz = find('a', 'data.bin')\n",
        "tests/test_a.py": "import runpy\n\n\ndef test_x():\n    assert runpy\n",
        "rules.txt": "def rule(text):\n    return eval(text)\n",
        "quiet.dat": "import hashlib\nprint(hashlib.md5(b'x').hexdigest())  # nosec\n",
        "kept.txt": "import os\nos.system(input())\n# moved\n",
        "table.csv": "1,2\n3,4\n",
        "words.txt": "Call us (at once), and import nothing.\n",
        "usage.txt": "print(double(4))\n",
        "page.js": "console.log(double(4));\n",
        "other.js": "def rule(text):\n    return eval(text)\n",
        "box.json": '["eval(1)"]',
        "data.bin": packed.getvalue(),
        "lib.dat": b"\x7fELF" + b"\0" * 60,
        "old.dat": importlib.util.MAGIC_NUMBER + b"\0" * 60,
    }

    scans = await collect_scans(bench.bench, bench.change(files))

    assert not scans.problems
    assert {(f.tool, f.rule, f.path) for f in scans.findings if f.blocks} == {
        ("bandit", "B307", "rules.txt"),
        ("bandit", "B307", "other.js"),
        ("suppression", "nosec", "quiet.dat"),
        *(("unread", "loads", path) for path in ("a.py", "b.py")),
        *(("unread", "form", path) for path in ("data.bin", "lib.dat", "old.dat")),
    } | {("ruff", "S324", "quiet.dat")}
    assert [f.line for f in scans.findings if f.path == "a.py"] == [1, 2, 3]
    assert [f.blocks for f in scans.findings if f.path == "tests/test_a.py" and f.tool == "unread"] == [False]
