"""What a change takes from the tests is named, each thing by a key of its own."""

from __future__ import annotations

import pytest

from core.evidence.imported_tests import imported_tests
from core.evidence.surroundings import (
    changed_configuration,
    changed_conftest,
    changed_runner,
    reaching,
    recipes,
    replaced_runner,
    stand_ins,
)
from core.evidence.tampering import tampered_tests

HEAD = "import pytest\nfrom calc import double\n\n\n"
BASE = HEAD + (
    "def test_it():\n    assert double(2) == 4\n    assert double(0) == 0\n\n\n"
    "def test_bad():\n    with pytest.raises(TypeError, match='number'):\n        double(None)\n\n\n"
    "def test_near():\n    assert double(0.1) == pytest.approx(0.2, abs=0.01)\n"
)


def told(after: str, before: str = BASE) -> list[tuple[str, str]]:
    """Return what is said of a changed test file."""
    found = tampered_tests({"tests/test_calc.py": (before, after)}, ["calc.py"])
    assert all(failure.askable and failure.key for failure in found)
    return [(failure.name.partition("::")[2], failure.text) for failure in found]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def test_it", "@pytest.mark.skip\ndef test_it", "may be skipped now"),
        ("def test_it", "@pytest.mark.skipif('CI' in {}, reason='')\ndef test_it", "may be skipped now"),
        ("def test_it():\n", "def test_it():\n    pytest.importorskip('x')\n", "may be skipped now"),
        ("def test_it():\n", "def test_it():\n    if 1:\n        pytest.skip('x')\n", "may be skipped now"),
        ("def test_it", "@pytest.mark.xfail\ndef test_it", "expected to fail"),
        ("    assert double(0) == 0\n", "", "1 assertions instead of 2"),
        ("    assert double(2) == 4\n    assert double(0) == 0\n", "    double(2)\n", "asserts nothing"),
        ("    assert double(2) == 4\n    assert double(0) == 0\n", "    pass\n", "asserts nothing"),
        ("assert double(2) == 4", "assert double(2)", "compares less"),
        ("assert double(2) == 4", "assert double(2) == 4 or True", "always true"),
        ("assert double(2) == 4", "assert double(2) == double(2)", "always true"),
        (
            "    assert double(2) == 4\n",
            "    try:\n        assert double(2) == 4\n    except AssertionError:\n        pass\n",
            "swallows failures",
        ),
        ("    assert double(2) == 4\n", "    return\n    assert double(2) == 4\n", "return early"),
        ("TypeError", "Exception", "broader exception"),
        ("TypeError", "(TypeError, ValueError)", "broader exception"),
        (", match='number'", "", "exception's text"),
        ("abs=0.01", "abs=10", "wider tolerance"),
        ("== pytest.approx(0.2, abs=0.01)", "== pytest.approx(0.2, rel=1, abs=0.01)", "wider tolerance"),
        (
            "def test_it():\n",
            "def test_it(monkeypatch):\n    monkeypatch.setattr('calc.double', lambda n: n * 2)\n",
            "stand-in for calc.double",
        ),
    ],
)
def test_a_loosened_test_is_named_with_what_it_lost(old: str, new: str, said: str) -> None:
    """Each way to ask less is seen, and only in the test that does it."""
    assert old in BASE

    found = told(BASE.replace(old, new, 1))

    assert len(found) == 1 and said in found[0][1], found


def test_a_test_that_asks_for_more_or_the_same_is_left_alone() -> None:
    """Another expected value, more assertions, a tighter bound and layout are no loosening."""
    more = BASE.replace("== 4", "== 5").replace("abs=0.01", "abs=0.001")
    more = more.replace(
        "    assert double(0) == 0\n", "    # why\n    assert double(0) == 0\n    assert double(1) == 2\n"
    )

    assert told(more) == []
    assert told(BASE + "\n\ndef test_new():\n    assert True\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "pytestmark = pytest.mark.skip\n",
        "__test__ = False\n",
        "pytest.skip('x', allow_module_level=True)\n",
        "yaml = pytest.importorskip('yaml')\n",
    ],
)
def test_a_silenced_file_is_named(line: str) -> None:
    """A mark or a skip for a whole file is one finding."""
    assert len(told(BASE.replace(HEAD, HEAD + line))) == 1


@pytest.mark.parametrize(
    ("path", "before", "after", "setting"),
    [
        ("pyproject.toml", "", "[tool.pytest.ini_options]\naddopts = '-p evil'\n", "addopts"),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\nmarkers=['slow']\npython_files='test_*.py'\n",
            "[tool.pytest.ini_options]\nmarkers=['slow']\npython_files='x_*.py'\n",
            "python_files",
        ),
        ("pyproject.toml", "", "[project.entry-points.pytest11]\nevil = 'evil'\n", "pytest11"),
        ("pytest.ini", "[pytest]\naddopts = -q\n", "", "addopts"),
        ("tox.ini", "[tox]\nenvlist=a\n", "[tox]\nenvlist=b\n[pytest]\ntestpaths = x\n", "testpaths"),
        ("setup.cfg", "", "[coverage:run]\nomit = calc.py\n", "omit"),
        (".coveragerc", "", "[report]\nexclude_lines = .*\n", "exclude_lines"),
        (
            "package.json",
            '{"scripts": {"test": "node --test"}}',
            '{"scripts": {"test": "true"}}',
            "scripts.test",
        ),
        ("Makefile", "test:\n\tpython -m pytest\n", "test:\n\t-python -m pytest\n", "rule test"),
        ("vitest.config.ts", "", "export default {}", "file"),
    ],
)
def test_changed_test_configuration_is_named_setting_by_setting(
    path: str, before: str, after: str, setting: str
) -> None:
    """Only the settings that decide how tests run count, and each is one question."""
    (failure,) = changed_configuration({path: (before, after)})

    assert setting in failure.text and failure.askable


def test_other_settings_are_no_tampering() -> None:
    """A version or another tool's table is nothing to ask about."""
    pair = ("[project]\nversion='1'\n[tool.ruff]\nline-length=1\n", "[project]\nversion='2'\n")

    assert changed_configuration({"pyproject.toml": pair, "README.md": ("a", "b")}) == []


def test_what_reaches_every_test_is_named_in_conftest() -> None:
    """Hooks, automatic fixtures and plugin lists are questions; an ordinary fixture is none."""
    after = (
        "import pytest\n\npytest_plugins = ['evil']\n\n\n"
        "def pytest_runtest_makereport(item, call):\n    return None\n\n\n"
        "@pytest.fixture(autouse=True)\ndef quiet():\n    yield\n\n\n"
        "@pytest.fixture\ndef thing():\n    return 1\n"
    )

    found = {failure.text for failure in changed_conftest({"tests/conftest.py": ("", after)})}

    assert len(found) == 3
    assert len(changed_conftest({"tests/test_a.py": ("", "pytest_plugins = ['tests.evil']\n")})) == 1
    assert not changed_conftest({"tests/conftest.py": (after, after + "\n# x\n")})


@pytest.mark.parametrize(
    "code",
    [
        "import gc\nx = gc.get_objects()\n",
        "from gc import get_referrers as find\n",
        "import gc\nx = getattr(gc, 'get_' + 'objects')()\n",
        "import sys\nf = sys._getframe(1)\n",
        "def f(e):\n    return e.__traceback__.tb_frame\n",
        "import sys\nsys.settrace(print)\n",
        "x = ().__class__.__base__.__subclasses__()\n",
        "import sys\nfor name in sys.modules:\n    print(name)\n",
        "import sys\nx = sys.modules['_py' + 'test.reports']\n",
        "from importlib import import_module\nx = import_module('_py' + 'test.reports')\n",
        "import ctypes\nctypes.pythonapi.PyErr_SetNone(None)\n",
        "x = 'pluggy._hooks'\n",
        "import qdeck_seal\n",
        "import __main__\n",
        "from os import _exit as leave\n",
        "x = open('/proc/self/mem', 'rb')\n",
    ],
)
def test_code_that_looks_around_in_its_process_is_named_anywhere(code: str) -> None:
    """What it could meet there is the test runner, in the product and in tests."""
    assert len(reaching({"calc.py": ("", code)}, lambda path: False)) == 1
    found = reaching({"tests/test_calc.py": ("", code)}, lambda path: True)
    assert len(found) == ("import_module" not in code and "sys.modules" not in code), (
        "tests may look at modules"
    )


def test_code_that_only_looks_like_it_is_left_alone() -> None:
    """Collecting garbage, asking whether a module is there, and importing what is one's own are honest."""
    code = (
        "import gc\nimport sys\nfrom importlib import import_module\n\n\nclass A: ...\n\n\ngc.collect()\n"
        "x = [one for one in A.__subclasses__() if getattr(sys, 'frozen', False)]\n"
        "me = sys.modules[__name__]\ny = 'json' in sys.modules, sys.modules.get('json')\n"
        "z = import_module(f'calc.{x}'), import_module('json')\n"
    )
    assert reaching({"calc.py": ("", code)}, lambda path: False) == []


@pytest.mark.parametrize(
    "code",
    [
        "import os\n\ndef f():\n    os._exit(0)\n",
        "import _pytest.runner\n",
        "import builtins\n\nbuiltins.isinstance = lambda *a: True\n",
        "import os\n\nTESTED = 'PYTEST_CURRENT_TEST' in os.environ\n",
        "import sys\n\nTESTED = 'pytest' in sys.modules\n",
        "import sys\n\nsys.modules['json'] = None\n",
        "import unittest.mock\n",
        "def f(request):\n    request.config.pluginmanager.register(f)\n",
        "# coding: utf_7\n# +AAo-print(1)\n",
    ],
)
def test_code_that_reaches_for_the_runner_is_named(code: str) -> None:
    """Code of the product has no business with the test runner; what was there before is not asked about."""
    assert len(reaching({"calc.py": ("", code)}, lambda path: False)) == 1
    assert reaching({"calc.py": (code, code + "\nx = 1\n")}, lambda path: False) == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("tests/test_a.py", "import pytest\n\npytest.Function.runtest = lambda self: None\n"),
        ("tests/test_a.py", "from pytest import Item as I\n\nsetattr(I, 'runtest', print)\n"),
        ("add_test.go", "package add\n\nfunc TestMain(m *testing.M) { os.Exit(0) }\n"),
    ],
)
def test_a_test_that_changes_the_runner_is_named(path: str, code: str) -> None:
    """Tests use the runner; one that rewrites it, or decides whether any runs, is put before a person."""
    assert len(reaching({path: ("", code)}, lambda path: True)) == 1
    assert reaching({path: (code, code + "\n")}, lambda path: True) == []


def test_what_the_test_command_runs_is_part_of_it() -> None:
    """A script outside of the tests, named by the command or by the rule behind it, says what is green."""
    texts = {"run.sh": ("exec ./all\n", "exit 0\n"), "other.sh": ("a\n", "b\n"), "new.sh": ("", "a\n")}

    assert [f.name for f in changed_runner(texts, "make test\ntest:\n\tsh ./run.sh new.sh", no_test)] == [
        "run.sh"
    ]
    assert not changed_runner(texts, "sh run.sh", lambda path: True)
    assert recipes("python -m nox -s tests") == "noxfile.py" and not recipes("python -m pytest")


def test_product_code_among_the_tests_is_named() -> None:
    """A folder of tests inside of the package is no place for code that the product imports."""
    paths = ["abacus/__init__.py", "abacus/testing/impl.py", "abacus/spec.py", "tests/tools.py"]

    def among(path: str) -> bool:
        return "testing/" in path or path.startswith("tests/")

    def read(path: str) -> str:
        return "from .testing import impl\n" if path == "abacus/__init__.py" else ""

    edited = {"abacus/testing/impl.py": ("a = 1\n", "a = 2\n"), "tests/tools.py": ("a = 1\n", "a = 2\n")}
    (told,) = imported_tests(edited, paths, among, read)
    assert told.name == "abacus/testing/impl.py" and "abacus/__init__.py imports it" in told.text

    for code in ("from .testing import impl", "from abacus.testing.impl import x", "import tests.tools"):
        assert len(imported_tests({"abacus/a.py": ("", code)}, paths, among, read)) == 1, code
        assert not imported_tests({"abacus/a.py": (code, code + "\n")}, paths, among, read)
    assert not imported_tests(
        {"abacus/a.py": ("", "from .spec import x\nimport numpy.testing")},
        paths,
        among,
        read,
    )
    assert not imported_tests({"tests/test_a.py": ("", "import tests.tools")}, paths, among, read)


def no_test(path: str) -> bool:
    """Say that nothing is a test."""
    return False


def test_a_test_that_ends_the_process_is_named() -> None:
    """`sys.exit` in a test file is a finding, in a program it is none."""
    code = "import sys\n\n\ndef f():\n    sys.exit(0)\n"

    assert len(reaching({"tests/test_a.py": ("", code)}, lambda path: True)) == 1
    assert reaching({"cli.py": ("", code)}, lambda path: False) == []


def test_a_stand_in_for_the_runner_or_the_language_is_seen() -> None:
    """A file that would be imported instead of them is named; one of the project's own is not."""
    bad = [
        *("pytest.py", "src/_pytest/runner.py", "sitecustomize.py", "json.py", "tests/random.py"),
        *("typing/__init__.py", "x.pth", "coverage.py", "src/unittest/__init__.py"),
        *("pytest.pyc", "json/__init__.pyc", "pytest.cpython-311-x86_64-linux-gnu.so", "pygments/lexer.py"),
    ]

    assert stand_ins(bad) == bad
    assert (
        stand_ins(
            [
                "src/app/pytest.py",
                "pytest.ini",
                "tests/test_pytest.py",
                "tests/json/test_a.py",
                "app/json.py",
                "test/a.py",
            ]
        )
        == []
    )
    assert replaced_runner(["json.py"])[0].askable
    assert stand_ins(["py3/pytest.py"], ["py3"]) == ["py3/pytest.py"] and not stand_ins(["py3/pytest.py"])
    assert "compiled" in replaced_runner(["app/__pycache__/json.cpython-311.pyc"])[0].text
