"""Settings: defaults < user's file < environment < flags; a project's `.qdeck.toml` may only tighten them.

Imports quickly on purpose (no pydantic): the app reads its settings before the first frame. What a project's
file asks for beyond tightening (commands to run, a tag, another branch) counts only once a person said yes to
that exact text, known by its digest; what it may never set (model, keys, hosts, sandbox) is ignored, and that
is said.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from core.config_values import PARSERS
from core.errors import ConfigError
from core.home import expanded
from core.machine.states import Autonomy, Role

PROJECT_FILE = ".qdeck.toml"
USER_FILE = "config.toml"
ENV_PREFIX = "QDECK_"
DEMO_MODEL = "rehearsal/slugify"
"""The model that plays the demo: scripted words, no key and no network."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of this user. QDECK_HOME puts all of them under one folder."""

    data: Path
    config: Path
    cache: Path
    log: Path

    @classmethod
    def find(cls, env: Mapping[str, str] | None = None) -> Paths:
        """Return the folders that the environment and the platform say; makes none of them."""
        home = (os.environ if env is None else env).get("QDECK_HOME", "").strip()
        if home:
            root = expanded(home).absolute()
            return cls(root / "data", root / "config", root / "cache", root / "log")
        import platformdirs

        return cls(
            platformdirs.user_data_path("qdeck"),
            platformdirs.user_config_path("qdeck"),
            platformdirs.user_cache_path("qdeck"),
            platformdirs.user_log_path("qdeck"),
        )

    @property
    def database(self) -> Path:
        """The journal's file where no other is named."""
        return self.data / "qdeck.db"

    @property
    def config_file(self) -> Path:
        """The user's settings."""
        return self.config / USER_FILE

    @property
    def worker_log(self) -> Path:
        """What the worker writes instead of painting on a terminal."""
        return self.log / "worker.log"

    @property
    def worktrees(self) -> Path:
        """Where workflows work."""
        return self.cache / "worktrees"

    @property
    def environments(self) -> Path:
        """Where installed dependencies of projects are kept."""
        return self.cache / "environments"


@dataclass(frozen=True, slots=True)
class ProjectAsk:
    """What a project's file wants and a person has not allowed yet. `digest` names exactly this text."""

    key: str
    value: str
    digest: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, each followed by the sentence that is its manual."""

    database_url: str = ""
    """Where the journal is: a path or an SQLAlchemy URL."""
    model: str = ""
    """The model of each role that has none of its own, in litellm's words: `openai/gpt-5`, `ollama/qwen3`."""
    models: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """A model for a role: `code_writer = "anthropic/claude-sonnet-4-5"`."""
    api_base: str = ""
    """The address of a server that speaks the model's protocol; for local servers and proxies."""
    autonomy: Autonomy = Autonomy.GATED
    """How much moves without a person: manual, gated or auto."""
    retry_budget: int = 3
    """How often a workflow may go back by itself before it asks a person."""
    budget_usd: float | None = None
    """The most that one workflow may spend on models, in US dollars; unset means no limit."""
    deadlines: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """How long a workflow may take, and each phase, without the time in which it waits for a person:
    `workflow = "4h"`, `testing = "30m"`."""
    coverage_floor: float = 80.0
    """The share of changed lines, in percent, that tests must run."""
    test_command: tuple[str, ...] = ()
    """How the project's tests are run; found when unset."""
    setup_command: tuple[str, ...] = ()
    """How the project's dependencies are installed; found when unset."""
    smoke_command: tuple[str, ...] = ()
    """What shows that a deployment works; the tests on a clean clone when unset."""
    deploy_command: tuple[str, ...] = ()
    """What deploys the merge; when unset the merge is the deployment."""
    rollback_command: tuple[str, ...] = ()
    """What takes a deployment back when its smoke test is red."""
    review_command: tuple[str, ...] = ()
    """A check of the project's own for the review, as `make lint`; what it says new is a finding."""
    tag: str = ""
    """A tag for the merge, `{build_id}` and `{version}` filled in; no tag when unset."""
    default_branch: str = ""
    """The branch that builds start from and are merged into; found when unset."""
    test_paths: tuple[str, ...] = ()
    """The folders, files or patterns that are tests, the usual names when unset; the Test Auditor may write
    nowhere else."""
    test_timeout: float = 600.0
    """Seconds that a test command may take."""
    setup_timeout: float = 1800.0
    """Seconds that a set-up command may take."""
    turn_limit: int = 100
    """Model calls that one attempt may make."""
    attempt_timeout: float = 3600.0
    """Seconds that one attempt may take."""
    max_parallel: int = 4
    """Attempts that a worker runs at the same time."""
    unsandboxed: bool = False
    """Run commands without a sandbox where none works. Loud, and recorded with every receipt."""
    theme: str = ""
    """The app's theme: qdeck-dark, -light, -contrast, -safe or -terminal, or one of Textual's."""
    notify: str = "auto"
    """How the app calls you when you look elsewhere: auto, bell, osc9, osc777, desktop or off."""
    notify_about: tuple[str, ...] = ("needs_you", "complete")
    """What it calls you for: needs_you, complete, or both."""
    keymap: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Other keys for bindings, by the binding's id: `"build.approve" = "y"`."""
    trusted: tuple[str, ...] = ()
    """Digests of what projects' files ask for and a person has allowed."""
    paths: Paths = field(default_factory=Paths.find)
    asks: tuple[ProjectAsk, ...] = ()
    ignored: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def model_for(self, role: Role | str) -> str:
        """Return the model of `role`; empty when none is configured."""
        return self.models.get(str(role), "") or self.model

    def to_data(self) -> dict[str, Any]:
        """Return the settings as JSON data; paths as text."""
        data = {name: getattr(self, name) for name in PARSERS}
        data = {k: list(v) if isinstance(v, tuple) else v for k, v in data.items()}
        data |= {"models": dict(self.models), "keymap": dict(self.keymap), "autonomy": self.autonomy.value}
        data["deadlines"] = dict(self.deadlines)
        data["paths"] = {f.name: str(getattr(self.paths, f.name)) for f in fields(self.paths)}
        data["asks"] = [{"key": a.key, "value": a.value, "digest": a.digest} for a in self.asks]
        return data | {"ignored": list(self.ignored), "sources": dict(self.sources)}


def load_settings(
    project_base_toml: bytes | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    env: Mapping[str, str] | None = None,
    trusted: Collection[str] = (),
) -> Settings:
    """Return the settings from all their sources. A flag that is None was not given.

    `project_base_toml` is the `.qdeck.toml` of the base commit; `trusted` are digests that a person allowed,
    beside those of the user's file. Raises ConfigError, naming file and key, for what cannot be read.
    """
    env = os.environ if env is None else env
    paths = Paths.find(env)
    values: dict[str, Any] = {}
    sources = dict.fromkeys(PARSERS, "default")
    for label, layer in (
        (str(paths.config_file), user_values(paths.config_file)),
        ("environment", _environment(env)),
        ("flag", {k: v for k, v in (flags or {}).items() if v is not None}),
    ):
        for key, value in _parsed(label, layer).items():
            values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
            sources[key] = f"environment {ENV_PREFIX}{key.upper()}" if label == "environment" else label
    settings = Settings(**values, paths=paths, sources=MappingProxyType(sources))
    settings = replace(settings, database_url=as_url(settings.database_url or str(paths.database)))
    if project_base_toml is None:
        return settings
    return _tightened(settings, project_base_toml, {*settings.trusted, *trusted})


def as_url(where: str) -> str:
    """Return the SQLAlchemy URL of a path or URL. PostgreSQL always goes through psycopg 3."""
    where = where.strip()
    scheme, mark, rest = where.partition("://")
    if not mark:
        return f"sqlite:///{expanded(where).absolute()}"
    if scheme in ("postgres", "postgresql"):
        return f"postgresql+psycopg://{rest}"
    if scheme in ("sqlite", "sqlite+pysqlite"):
        if not rest.strip("/") or rest.strip("/") == ":memory:":
            raise ConfigError(
                "The journal cannot live in memory: a worker has to see it too.", "Name a file or a server."
            )
        return f"sqlite:///{expanded(rest[1:]).absolute()}"
    return where


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite URL (or plain path), None for a server."""
    url = as_url(url)
    prefix = "sqlite:///"
    return Path(url[len(prefix) :].partition("?")[0]) if url.startswith(prefix) else None


def worker_lock_path(url: str, paths: Paths | None = None) -> Path:
    """Return the file whose lock the worker of this database holds as long as it lives."""
    if (file := sqlite_path(url)) is not None:
        return file.with_name(f"{file.stem}.worker.lock")
    import hashlib  # here: whoever starts a program chooses how it is imported

    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    return (paths or Paths.find()).data / f"worker-{name}.lock"


def user_values(path: Path) -> dict[str, Any]:
    """Return what a user's file says, as it stands there. Raises ConfigError when it cannot be read."""
    try:
        return _toml(str(path), path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Correct its permissions.") from error


def _toml(label: str, data: bytes) -> dict[str, Any]:
    import tomllib  # here: most have no such file, and the first frame waits for imports

    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{label} is no valid TOML: {error}.", "Correct the file.") from error


def _environment(env: Mapping[str, str]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for key in PARSERS:
        if text := env.get(f"{ENV_PREFIX}{key.upper()}", ""):
            layer[key] = text
    models = {r.value: env.get(f"{ENV_PREFIX}MODEL_{r.value.upper()}", "") for r in Role}
    if models := {role: model for role, model in models.items() if model}:
        layer["models"] = models
    return layer


def _parsed(label: str, layer: Mapping[str, Any]) -> dict[str, Any]:
    """Check and convert one layer; `label` names it in errors."""
    values = {}
    for key, value in layer.items():
        parser = PARSERS.get(key)
        if parser is None:
            raise ConfigError(f"{label}: there is no setting {key!r}.", _nearest(key))
        values[key] = _parse(label, key, parser, value)
    return values


def parse_setting(label: str, key: str, value: Any) -> Any:
    """Return the value of one setting as it would be used; `label` names its source in the error.

    Raises ConfigError for a setting that there is not, and for a value that it cannot have.
    """
    return _parsed(label, {key: value})[key]


def _parse(label: str, key: str, parser: Callable[[Any], Any], value: Any) -> Any:
    name = f"{ENV_PREFIX}{key.upper()}" if label == "environment" else f"{label}: {key}"
    if label == "flag":
        name = f"--{key.replace('_', '-')}"
    try:
        return parser(value)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{name} cannot be {value!r}: {error}.", "Correct the value.") from error


def _nearest(key: str) -> str:
    import difflib

    near = difflib.get_close_matches(key, PARSERS, 1)
    return f"Did you mean {near[0]!r}?" if near else f"Settings are: {', '.join(PARSERS)}."


def _least(mine: Any, theirs: Any) -> Any:
    return theirs if mine is None else min(mine, theirs)


_STRICTNESS = {Autonomy.MANUAL: 0, Autonomy.GATED: 1, Autonomy.AUTO: 2}
_TIGHTER: dict[str, Callable[[Any, Any], Any]] = {
    "autonomy": lambda mine, theirs: min(mine, theirs, key=_STRICTNESS.__getitem__),
    "retry_budget": _least,
    "budget_usd": _least,
    "coverage_floor": max,
    "test_timeout": _least,
    "setup_timeout": _least,
    "turn_limit": _least,
    "attempt_timeout": _least,
}
"""What a project may tighten, and which of two values is the tighter one."""

_ASKED = (
    "test_command",
    "setup_command",
    "smoke_command",
    "deploy_command",
    "rollback_command",
    "review_command",
    "tag",
    "default_branch",
    "test_paths",
)
"""What a project may ask for; it counts once a person allowed that text, where the user set nothing."""


def ask_digest(key: str, value: Any) -> str:
    """Return the digest by which a person allows `key = value` of a project's file."""
    import hashlib

    data = [key, list(value) if isinstance(value, tuple) else value]
    return hashlib.sha256(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _tightened(settings: Settings, data: bytes, trusted: set[str]) -> Settings:
    """Return the settings as the project's file tightens them."""
    changes: dict[str, Any] = {}
    asks: list[ProjectAsk] = []
    ignored: list[str] = []
    sources = dict(settings.sources)
    for key, raw in _toml(PROJECT_FILE, data).items():
        if key in _TIGHTER:
            value, mine = _parse(PROJECT_FILE, key, PARSERS[key], raw), getattr(settings, key)
            if _TIGHTER[key](mine, value) == mine and value != mine:
                ignored.append(f"{PROJECT_FILE} may not loosen {key} from {mine} to {value}.")
            else:
                changes[key], sources[key] = value, PROJECT_FILE
        elif key in _ASKED:
            value = _parse(PROJECT_FILE, key, PARSERS[key], raw)
            if settings.sources[key] != "default":
                ignored.append(f"{PROJECT_FILE}: {key} is set by the {settings.sources[key]} already.")
            elif (digest := ask_digest(key, value)) in trusted:
                changes[key], sources[key] = value, PROJECT_FILE
            else:
                asks.append(ProjectAsk(key, shlex.join(value) if isinstance(value, tuple) else value, digest))
        elif key in PARSERS:
            ignored.append(f"{PROJECT_FILE} may not set {key}; set it in {settings.paths.config_file}.")
        else:
            ignored.append(f"{PROJECT_FILE}: there is no setting {key!r}. {_nearest(key)}")
    return replace(
        settings, **changes, asks=tuple(asks), ignored=tuple(ignored), sources=MappingProxyType(sources)
    )
