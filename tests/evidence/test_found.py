"""What a project needs and how it is tested is read from its own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.evidence import ProjectSettings, find_test_command, is_test_path
from core.evidence.commands import PYTEST, source_roots
from core.evidence.dependencies import dependency_changes, find_dependencies


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"tests/test_a.py": ""}, PYTEST),
        ({"test_a.py": ""}, PYTEST),
        ({"pkg/a_test.py": ""}, PYTEST),
        ({"pytest.ini": "[pytest]"}, PYTEST),
        ({"pyproject.toml": "[tool.pytest.ini_options]\naddopts='-q'"}, PYTEST),
        ({"setup.cfg": "[tool:pytest]\n"}, PYTEST),
        ({"app/tests.py": "import unittest"}, ("python", "-m", "unittest", "discover", "-p", "tests.py")),
        ({"package.json": '{"scripts": {"test": "node --test"}}'}, ("npm", "test", "--silent")),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, None),
        ({"package.json": "[1"}, None),
        ({"go.mod": "module x"}, ("go", "test", "-count=1", "-v", "./...")),
        ({"Cargo.toml": ""}, ("cargo", "test", "--offline")),
        ({"Makefile": "build:\n\ttrue\ntest: build\n\ttrue\n"}, ("make", "test")),
        ({"Makefile": "test := 1\n"}, None),
        ({"a.py": "x = 1", "README.md": "no tests"}, None),
        ({"node_modules/x/test_a.py": ""}, None),
    ],
)
def test_the_test_command_is_found(
    tmp_path: Path, files: dict[str, str], command: tuple[str, ...] | None
) -> None:
    """Each ecosystem is known by its own files."""
    assert find_test_command(tree(tmp_path, files), ProjectSettings()) == command


@pytest.mark.parametrize(
    ("configured", "command"),
    [
        (("pytest", "-q", "tests"), (*PYTEST, "-q", "tests")),
        (("uv", "run", "pytest"), PYTEST),
        (("python3", "-m", "unittest"), ("python", "-m", "unittest")),
        (("make", "lint", "&&", "make", "test"), ("/bin/sh", "-c", "make lint && make test")),
    ],
)
def test_a_configured_command_wins(
    tmp_path: Path, configured: tuple[str, ...], command: tuple[str, ...]
) -> None:
    """The configured command is used, in the prepared environment instead of one of its own."""
    assert (
        find_test_command(tree(tmp_path, {"go.mod": ""}), ProjectSettings(test_command=configured)) == command
    )


def test_test_files_are_told_from_the_rest() -> None:
    """The usual names are known; configured places replace them."""
    usual, own = ProjectSettings(), ProjectSettings(test_paths=("checks/", "*_check.py"))

    found = [
        path
        for path in ("tests/data/a.json", "src/test_a.py", "src/a.py", "a.spec.ts")
        if is_test_path(path, usual)
    ]
    configured = [
        path for path in ("checks/a.py", "x_check.py", "tests/test_a.py") if is_test_path(path, own)
    ]

    assert found == ["tests/data/a.json", "src/test_a.py", "a.spec.ts"]
    assert configured == ["checks/a.py", "x_check.py"]


def test_packages_are_imported_from_the_tree(tmp_path: Path) -> None:
    """The source folder comes before the root; a link or a path that leads out is not taken."""
    tree(tmp_path, {"src/pkg/__init__.py": "", "python/p.py": ""})
    tree(tmp_path, {"pyproject.toml": "[tool.setuptools.packages.find]\nwhere = ['python', '../x', '/etc']"})

    assert source_roots(tmp_path) == (tmp_path / "src", tmp_path / "python", tmp_path)


def reader(files: dict[str, str]):
    return lambda path: files[path].encode() if path in files else None


def test_dependencies_come_from_the_usual_places() -> None:
    """Requirements, test extras and dependency groups are found, includes and self-references resolved."""
    found = find_dependencies(
        reader(
            {
                "requirements.txt": "six\n",
                "pyproject.toml": """
[project]
name = "me"
version = "1.2"
dependencies = ["idna>=3"]
[project.optional-dependencies]
test = ["me[extra]", "pytest"]
extra = ["attrs"]
[dependency-groups]
dev = [{include-group = "lint"}, "mock"]
lint = ["ruff"]
""",
            }
        )
    )

    assert found.requirement_files == ("requirements.txt",)
    assert found.requirements == ("idna>=3", "attrs", "pytest", "ruff", "mock")
    assert (found.name, found.version, found.shipped) == ("me", "1.2", False)


@pytest.mark.parametrize(
    ("files", "shipped"),
    [
        ({}, True),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100"}, True),
        (
            {
                "pyproject.toml": "[project]\nname='a'\nversion='1'\n"
                "dependencies=[]\n[dependency-groups]\ndev=['pytest>=7']"
            },
            True,
        ),
        (
            {"pyproject.toml": "[project]\nname='a'\nversion='1'\n[dependency-groups]\ndev=['pytest<2']"},
            False,
        ),
        ({"setup.cfg": "[options]\ninstall_requires =\n  six\n"}, False),
        ({"setup.py": "setup(install_requires=['six'])"}, False),
        ({"pyproject.toml": "[tool.poetry]\nname='a'"}, False),
        ({"pyproject.toml": "not toml ["}, True),
    ],
)
def test_a_project_without_needs_gets_no_environment(files: dict[str, str], shipped: bool) -> None:
    """What qdeck ships is enough where nothing else, or only pytest, is asked for."""
    assert find_dependencies(reader(files)).shipped is shipped


def test_only_changes_of_dependencies_count_as_such() -> None:
    """Another version or tool setting in pyproject.toml is free; another dependency is named."""
    base = {"pyproject.toml": "[project]\nname='a'\nversion='1'\ndependencies=['six']\n"}
    version = {"pyproject.toml": "[project]\nname='a'\nversion='2'\ndependencies=['six']\n[tool.ruff]\n"}
    more = {
        "pyproject.toml": "[project]\nname='a'\nversion='1'\ndependencies=['six', 'idna']\n",
        "uv.lock": "x",
    }

    known = find_dependencies(reader(base))

    assert dependency_changes(known, find_dependencies(reader(version))) == []
    assert dependency_changes(known, find_dependencies(reader(more))) == ["pyproject.toml", "uv.lock"]
