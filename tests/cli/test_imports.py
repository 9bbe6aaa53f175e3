"""What a call imports: the way to the app is free of everything that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.calls import CommandLine

_PROBE = """
import json, sys, types
from tui import cli
opened = []
app = types.ModuleType("tui.app")
app.run_app = lambda options, **rest: opened.append(options) or 0
sys.modules["tui.app"] = app
try:
    code = cli.main(sys.argv[1:])
except SystemExit as end:
    code = end.code
loaded = [name for name in sys.modules if "." not in name]
print(json.dumps({"code": code, "opened": len(opened), "loaded": loaded}))
"""
OPENSSL = {"ssl", "_ssl", "_hashlib"}
HEAVY = {"typer", "pydantic", "sqlmodel", "sqlalchemy", "litellm", "dbos", "alembic", "asyncio", "rich"}


@pytest.mark.parametrize(
    ("arguments", "opened"),
    [((), 1), (("--no-mouse", "--theme", "qdeck-light"), 1), (("--version",), 0), (("demo", "--help"), 0)],
    ids=["bare", "options", "version", "demo help"],
)
def test_the_way_to_the_app_imports_nothing_heavy(
    qdeck: CommandLine, arguments: tuple[str, ...], opened: int
) -> None:
    """Neither typer nor a database nor a model library is loaded before Textual is."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PROBE, *arguments],
        env=qdeck.env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout.splitlines()[-1])

    assert (told["code"], told["opened"]) == (0, opened)
    loaded = set(told["loaded"])
    # asyncio comes a moment before Textual, which needs it, so that it comes without OpenSSL.
    assert not ((HEAVY - {"asyncio"} if opened else HEAVY) | {"textual", *OPENSSL}) & loaded


def test_version_names_the_version(qdeck: CommandLine) -> None:
    """One line, at once."""
    assert qdeck("--version").ended(0).out == "qdeck 0.1.0\n"
