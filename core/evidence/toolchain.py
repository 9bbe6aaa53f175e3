"""Prepare the environment that a project's own commands run with.

A project without dependencies gets qdeck's own interpreter, read-only. Any other gets an environment that
is installed once from the files of the base commit, shared by all worktrees, and never written to again.
Only the set-up reaches the network, and it sees nothing but its own folder.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import ProjectError
from core.evidence.bench import ProjectSettings, Toolchain
from core.evidence.dependencies import SHIPPED, Dependencies, find_dependencies
from core.evidence.execution import receipt_of, remove_folder
from core.evidence.programs import search_path
from core.evidence.protocols import Record, Steps
from core.evidence.receipts import JsonValue, Receipt, digest_of
from core.sandbox import Contained, Limits, Sandbox, interpreter_paths, run
from core.text import clean
from core.workspace import Repository, export_tree, read_file_at

RECIPE = 1
"""Grows when the way environments are made changes, so that old ones are not taken for new ones."""

_READY = "ready.json"

_NETWORK_ENV = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT", "PIP_TRUSTED_HOST"),
    *("PIP_DEFAULT_TIMEOUT", "UV_INDEX", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL"),
    *("UV_FIND_LINKS", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_HTTP_TIMEOUT", "UV_INSECURE_HOST"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""How to reach the package registry: all that a set-up gets of the user's environment."""

_STRIP_PROJECT = """
import contextlib, importlib.metadata as metadata, json, pathlib, shutil
for found in metadata.distributions():
    origin = json.loads(found.read_text("direct_url.json") or "{}").get("url", "")
    if origin.startswith("file:") and origin.rstrip("/").endswith("/project"):
        files = [pathlib.Path(found.locate_file(f)) for f in found.files or () if ".dist-info" not in str(f)]
        for file in files:
            file.unlink(missing_ok=True)
        for folder in sorted({f.parent for f in files}, key=lambda p: -len(p.parts)):
            shutil.rmtree(folder / "__pycache__", ignore_errors=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
"""
"""Takes the project's own modules out of the environment and leaves its metadata.

They come from the tree under test, always: a module that a change has deleted must not be found here.
"""


@dataclass(frozen=True, slots=True)
class _Setup:
    """One environment to make: where, what for, and with which tools."""

    home: Path
    digest: str
    dependencies: Dependencies
    settings: ProjectSettings
    uv: Path | None

    @property
    def environment(self) -> Path:
        return self.home / "env"

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def project(self) -> Path:
        return self.home / "project"


def own_toolchain() -> Toolchain:
    """Return qdeck's own interpreter, with pytest and coverage, for projects that need nothing else."""
    python = Path(sys.executable)
    versions = [f"{name} {importlib.metadata.version(name)}" for name in SHIPPED]
    label = f"Python {platform.python_version()} with {' and '.join(versions)}"
    # What is installed here for other reasons must not take part in a project's tests.
    env = {"PATH": search_path(python.parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return Toolchain(python, tuple(interpreter_paths(python)), env, label, digest_of([label]))


async def prepare_toolchain(
    repo: Repository,
    base: str,
    settings: ProjectSettings,
    sandbox: Sandbox,
    cache: Path,
    steps: Steps,
    record: Record,
) -> Toolchain:
    """Return the environment for the commit `base`, installing it when it is not there yet.

    Raises ProjectError with the end of the log when the set-up fails.
    """
    found = await asyncio.to_thread(find_dependencies, lambda path: read_file_at(repo, base, path))
    if found.shipped and not settings.setup_command:
        tools = own_toolchain()
        return await asyncio.to_thread(_with_metadata, tools, found, cache)
    digest = digest_of(
        [RECIPE, platform.python_version(), platform.machine(), found.digest, list(settings.setup_command)]
    )
    setup = _Setup(cache / "environments" / digest[:32], digest, found, settings, find_uv())

    async def work() -> JsonValue:
        return await _install_once(setup, repo, base, sandbox, record)

    kept = await steps.once(f"setup:{digest[:32]}", work)
    if not (setup.home / _READY).is_file():  # the cache was emptied since
        kept = await work()
    for data in kept:
        await record.receipt(Receipt.from_data(data))
    label = f"Python {platform.python_version()} with the project's dependencies ({digest[:8]})"
    env = {"PATH": search_path(setup.python.parent), "VIRTUAL_ENV": str(setup.environment)}
    tools = Toolchain(setup.python, tuple(interpreter_paths(setup.python)), env, label, digest)
    return await asyncio.to_thread(_with_metadata, tools, found, cache)


def find_uv() -> Path | None:
    """Return a uv that is a program of its own; a shim needs more of the machine than a sandbox shows."""
    places = [Path(sys.executable).parent, Path(sys.base_prefix) / "bin"]
    places += [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep) if place]
    places += [Path.home() / ".local/bin", Path.home() / ".cargo/bin"]
    given = os.environ.get("UV", "")
    for program in (*([Path(given)] if given else []), *(place / "uv" for place in places)):
        if _is_native(program):
            return program.resolve()
    return None


def _is_native(program: Path) -> bool:
    try:
        if not os.access(program, os.X_OK):
            return False
        with program.open("rb") as file:
            return file.read(4) in (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
    except OSError:
        return False


async def _install_once(
    setup: _Setup, repo: Repository, base: str, sandbox: Sandbox, record: Record
) -> JsonValue:
    """Make the environment unless another build has made it meanwhile; return the receipts of the making."""
    await asyncio.to_thread(setup.home.parent.mkdir, parents=True, exist_ok=True)
    lock = FileLock(setup.home.with_suffix(".lock"), thread_local=False)
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            await record.activity("waiting for another build's set-up of the same dependencies")
            await asyncio.sleep(0.3)
    try:
        ready = setup.home / _READY
        if not ready.is_file():
            await _install(setup, repo, base, sandbox, record)
        kept: JsonValue = json.loads(await asyncio.to_thread(ready.read_text, "utf-8"))
        return kept
    finally:
        lock.release()


async def _install(setup: _Setup, repo: Repository, base: str, sandbox: Sandbox, record: Record) -> None:
    # Made in its final place, since scripts of an environment name their interpreter by its full path. The
    # marker is written last, so that a set-up that was cut short is never used.
    await asyncio.to_thread(remove_folder, setup.home)
    await asyncio.to_thread(export_tree, repo, base, setup.project)
    receipts = []
    for number, (title, argv) in enumerate(_commands(setup)):
        await record.activity(title)
        command = Contained(
            argv=argv,
            cwd=setup.project,
            writable=(setup.home,),
            readable=_setup_readable(setup),
            env=_setup_env(setup),
            limits=Limits(
                wall_seconds=setup.settings.setup_timeout,
                cpu_seconds=3600,
                file_bytes=4 << 30,
                disk_bytes=20 << 30,
            ),
            network=True,
        )
        at = datetime.now(UTC)
        seen = await run(command, sandbox)
        receipt = receipt_of(
            seen,
            key=f"setup:{setup.digest[:32]}:{number}",
            kind="setup",
            title=title,
            asked_by="engine",
            at=at,
            trees=("", ""),
        )
        receipts.append(receipt.to_data())
        if not receipt.ok:
            await record.receipt(replace(receipt, key=f"{receipt.key}:{at.isoformat()}"))
            raise _failure(receipt, title)
    await asyncio.to_thread(_finish, setup, receipts)


def _finish(setup: _Setup, receipts: list[JsonValue]) -> None:
    remove_folder(setup.project)
    remove_folder(setup.home / "cache")
    part = setup.home / f"{_READY}.part"
    part.write_text(json.dumps(receipts), "utf-8")
    part.replace(setup.home / _READY)


def _failure(receipt: Receipt, title: str) -> ProjectError:
    tail = "\n".join(receipt.text(4000).strip().splitlines()[-12:])
    return ProjectError(
        f"The project's dependencies could not be installed ({title}: {receipt.ending}).",
        f"Its log ends with:\n{clean(tail, limit=1500)}\n"
        "Check the dependency files of the base commit, or configure setup_command.",
    )


def _commands(setup: _Setup) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each command of the set-up with its title."""
    base, env, python = base_interpreter(), str(setup.environment), str(setup.python)
    found, configured = setup.dependencies, setup.settings.setup_command
    if setup.uv:
        pip: tuple[str, ...] = (str(setup.uv), "pip", "install", "--python", python)
        seed = ("--seed",) if configured else ()
        yield "making an environment", (str(setup.uv), "venv", "--python", str(base), *seed, env)
    else:
        pip = (python, "-m", "pip", "install", "--progress-bar", "off")
        yield "making an environment", (str(base), "-m", "venv", env)
    if configured:
        yield f"running the set-up command {' '.join(configured)}", configured
    elif setup.uv and found.lock:
        chosen = [word for extra in found.extras for word in ("--extra", extra)]
        chosen += [word for group in found.groups for word in ("--group", group)]
        sync = ("sync", "--frozen", "--no-install-project", "--no-install-workspace")
        yield "installing the locked dependencies", (str(setup.uv), *sync, *chosen)
    else:
        wanted = _wanted(found)
        if wanted:
            yield "installing the dependencies", (*pip, *wanted)
    yield "adding pytest and coverage", (*pip, *SHIPPED)
    if found.build or found.requirement_files or configured:
        yield "leaving the project itself out", (python, "-I", "-c", _STRIP_PROJECT)


def _wanted(found: Dependencies) -> Sequence[str]:
    words = [word for file in found.requirement_files for word in ("-r", file)]
    words += [text for text in found.requirements if not text.lstrip().startswith("-")]
    if found.build:
        words.append(f".[{','.join(found.extras)}]" if found.extras else ".")
    return words


def base_interpreter() -> Path:
    """Return the interpreter that qdeck's own environment was made from."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return Path(base).resolve()


def _setup_readable(setup: _Setup) -> tuple[Path, ...]:
    paths = list(interpreter_paths(base_interpreter()))
    paths += [setup.uv] if setup.uv else []
    paths += [file for file in _registry_files() if file.exists()]
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        paths += [Path(p) for p in os.environ.get(name, "").split() if p.startswith("/") and Path(p).exists()]
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        place = Path(os.environ.get(name) or "/nonexistent")
        paths += [place] if place.is_absolute() and place.exists() else []
    return tuple(dict.fromkeys(paths))


def _registry_files() -> tuple[Path, Path]:
    """Return pip's and uv's files of the user, which tell where the registry is."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    pip = Path(os.environ.get("PIP_CONFIG_FILE") or config / "pip" / "pip.conf")
    uv = Path(os.environ.get("UV_CONFIG_FILE") or config / "uv" / "uv.toml")
    return pip, uv


def _setup_env(setup: _Setup) -> Mapping[str, str]:
    env = {name: os.environ[name] for name in _NETWORK_ENV if name in os.environ}
    pip, uv = _registry_files()
    env.update({"PIP_CONFIG_FILE": str(pip)} if pip.is_file() else {})
    env.update({"UV_CONFIG_FILE": str(uv)} if uv.is_file() else {})
    bins = (setup.environment / "bin", base_interpreter().parent, setup.uv.parent if setup.uv else None)
    return env | {
        "PATH": search_path(*(place for place in bins if place)),
        "VIRTUAL_ENV": str(setup.environment),
        "UV_PROJECT_ENVIRONMENT": str(setup.environment),
        "UV_CACHE_DIR": str(setup.home / "cache"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        # Nothing may be written here later, so what is not compiled now would be compiled in every run.
        "UV_COMPILE_BYTECODE": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # The export has no history to read a version from.
        "SETUPTOOLS_SCM_PRETEND_VERSION": "0.0.0",
        "PDM_BUILD_SCM_VERSION": "0.0.0",
    }


def _with_metadata(tools: Toolchain, found: Dependencies, cache: Path) -> Toolchain:
    """Give the project its metadata, so that `importlib.metadata` knows its version and entry points.

    The project itself is never installed: its modules come from the tree under test.
    """
    if (
        found.build
        or not re.fullmatch(r"\w[\w.-]*", found.name)
        or not re.fullmatch(r"\w[\w.!+-]*", found.version)
    ):
        return tools
    facts = [found.name, found.version, [list(item) for item in found.scripts]]
    home = cache / "metadata" / digest_of(facts)[:32]
    info = home / f"{found.name.replace('-', '_')}-{found.version}.dist-info"
    if not (info / "METADATA").is_file():
        info.mkdir(parents=True, exist_ok=True)
        groups: dict[str, list[str]] = {}
        for group, name, target in found.scripts:
            groups.setdefault(group, []).append(f"{name} = {target}\n")
        points = "".join(f"[{group}]\n{''.join(lines)}\n" for group, lines in groups.items())
        (info / "entry_points.txt").write_text(points, "utf-8")
        part = info / "METADATA.part"
        part.write_text(f"Metadata-Version: 2.1\nName: {found.name}\nVersion: {found.version}\n", "utf-8")
        part.replace(info / "METADATA")
    env = {**tools.env, "PYTHONPATH": str(home)}
    return replace(tools, env=env, readable=(*tools.readable, home))
