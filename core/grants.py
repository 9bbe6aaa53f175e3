"""What a person grants to the command that deploys, or takes a deployment back: secrets by name, and hosts.

A grant lives in the journal, in its project's settings beside the standing yeses, and not in the user's file:
it belongs to one project, says who gave it and when, stays in the list after it was taken back, and every
worker of that journal sees the same. Only a person's command through the service writes there; what registers
a project, a role, a repository's `.qdeck.toml` and the API have no way to.

It is bound to the exact words of the command and to a digest of them together with the files of the released
tree that decide what they do: `.qdeck.toml`, every file that the words name, and what a build tool reads
first. What those files load in turn is not in it: that is the tree which the release's approval is about.
Secrets are names of environment variables; a value is read at the moment of the run and kept nowhere.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

GRANTS = "grants"
"""Where a project's settings keep them."""

COMMANDS = ("deploy", "rollback")
"""The commands that may be granted something."""

HTTPS = 443
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_HOST = re.compile(r"((?:[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9])?)|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
# These decide which program runs, and are no secrets.
_NO_SECRETS = re.compile(
    r"PATH|HOME|TMPDIR|IFS|ENV|SHELL|BASH_ENV|LD_.*|DYLD_.*|PYTHON.*|NODE_.*|.*_PROXY", re.I
)
_BETWEEN = re.compile(r"[\s;&|<>()=\"'`,]+")
_READ_FIRST: Mapping[str, tuple[str, ...]] = {
    "make": ("GNUmakefile", "makefile", "Makefile"),
    "gmake": ("GNUmakefile", "makefile", "Makefile"),
    **dict.fromkeys(("npm", "npx", "yarn", "pnpm", "node"), ("package.json",)),
    "just": ("justfile", "Justfile", ".justfile"),
}

ReadFile = Callable[[str], bytes | None]
"""Reads a file of the tree that is released; None where there is none."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What one run of a command gets, and the sentence that says so, or why it is nothing."""

    secrets: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    told: str = ""


def secret_name(text: str) -> str:
    """Return the name of an environment variable that may be granted; raises ValueError."""
    if not _SECRET.fullmatch(text) or _NO_SECRETS.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no name of a variable that can be granted")
    return text


def host_name(text: str) -> str:
    """Return a host as `name:port`, the port of https where none is given; raises ValueError."""
    found = _HOST.fullmatch(text.strip().lower())
    port = int(found[2] or HTTPS) if found else 0
    if found is None or not 0 < port < 65536:
        raise ValueError(f"{text[:80]!r} is no host, such as deploy.example.org or 10.0.0.7:8443")
    return f"{found[1]}:{port}"


def grant_digest(command: str, argv: Iterable[str], read: ReadFile) -> str:
    """Return the digest that a grant is bound to: of the words, and of the files that they stand for."""
    words = list(argv)
    files = [
        [path, hashlib.sha256(data).hexdigest()]
        for path in sorted(_paths(words))
        if (data := read(path)) is not None
    ]
    text = json.dumps([command, words, files], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def granted_to(settings: Mapping[str, Any], command: str, argv: Iterable[str], digest: str) -> Granted:
    """Return what a project's settings grant to these very words and this digest."""
    words = list(argv)
    alive = [
        entry
        for entry in settings.get(GRANTS, ())
        if entry["command"] == command and not entry.get("revoked_by")
    ]
    if not alive:
        return Granted()
    fitting = [entry for entry in alive if entry["argv"] == words and entry["digest"] == digest]
    if not fitting:
        why = (
            ".qdeck.toml or a file that it runs has changed"
            if any(entry["argv"] == words for entry in alive)
            else "it was given to another command"
        )
        return Granted(
            told=f"The {command} command gets no secret and no host: its grant does not count, since {why}; "
            "look at it and grant it anew with `qdeck grant`."
        )
    secrets = tuple(sorted({name for entry in fitting for name in entry["secrets"]}))
    hosts = tuple(sorted({host for entry in fitting for host in entry["hosts"]}))
    parts = [f"gets {', '.join(secrets)}"] if secrets else []
    parts += [f"reaches {', '.join(hosts)}"] if hosts else []
    by = ", ".join(dict.fromkeys(str(entry["by"]).removeprefix("person:") for entry in fitting))
    told = f"The {command} command {' and '.join(parts)}, granted by {by} to `{shlex.join(words)}`."
    return Granted(secrets, hosts, told)


def _paths(words: list[str]) -> set[str]:
    """Return every path of the tree that the words may name; those that are none are never found."""
    found = {".qdeck.toml"}
    for word in words:
        for part in _BETWEEN.split(word):
            path = PurePosixPath(part)
            if part and not path.is_absolute() and ".." not in path.parts and path.parts:
                found.add(path.as_posix())
            found |= set(_READ_FIRST.get(path.name, ()))
    return found
