"""The view of the file system that a contained command gets, as arguments of bubblewrap.

An allow-list: the system read-only, the caller's folders at their real places, an empty home in memory, and
nothing else. A symbolic link on the way to a folder is made again inside, so that both of its names work.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.errors import SandboxError
from core.sandbox.types import Contained

HOME = "/tmp"  # noqa: S108 - inside, this is an empty folder in memory of the run's own
SCRATCH_BYTES = 2 << 30
"""What the empty home may hold; it is memory, and no other limit counts it."""

_SHARED_MEMORY_BYTES = 256 << 20
_HIDDEN_BYTES = 1 << 20
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_ETC = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "os-release"),
    *("passwd", "group", "nsswitch.conf", "hosts", "protocols", "services", "mime.types"),
    *("ssl", "pki", "ca-certificates", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk"),
)
_ETC_NETWORK = ("host.conf", "gai.conf")
_CERTIFICATES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
)
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_MOST_LINKS = 40


def inner_environment(command: Contained, outer: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a run: a fixed allow-list, then what the caller adds.

    Only a command with network also gets the names of the user's own proxy and certificates.
    """
    outer = os.environ if outer is None else outer
    own = [str(path / "bin") for path in command.readable if (path / "bin").is_dir()]
    env = {
        "PATH": os.pathsep.join(dict.fromkeys((*own, *_SYSTEM_PATH))),
        "HOME": HOME,
        "TMPDIR": HOME,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "NO_COLOR": "1",
        "PAGER": "cat",
        "CI": "1",
    }
    if command.network:
        env |= {name: outer[name] for name in (*_CERTIFICATES, *_PROXIES) if name in outer}
    env |= {**command.env, **command.secrets}
    for name, value in env.items():
        # A zero byte would end the value and begin an option of bubblewrap.
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise SandboxError(f"The environment variable {name!r} cannot be given to a command.")
    return env


def bubblewrap_options(command: Contained) -> list[str]:
    """Return all options of bubblewrap for `command`, without the program and without the command itself."""
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    options += ["--share-net"] if command.network else []
    options += ["--hostname", "qdeck", *_system(command.network), "--proc", "/proc", "--dev", "/dev"]
    options += ["--size", str(_SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]  # noqa: S108
    for folder in (HOME, "/var/tmp"):  # noqa: S108
        options += ["--size", str(SCRATCH_BYTES), "--tmpfs", folder]
    options += ["--dir", "/run", *_view(command), "--remount-ro", "/"]
    environment = inner_environment(command)
    options += ["--chdir", str(command.cwd), "--clearenv"]
    for name, value in environment.items():
        options += ["--setenv", name, value]
    return options


def _system(network: bool) -> list[str]:
    options: list[str] = []
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), name]
        elif path.exists():
            options += ["--ro-bind", name, name]
    for name in (*_ETC, *(_ETC_NETWORK if network else ())):
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    if network:
        # Often a link into /run, which is not there inside.
        options += ["--ro-bind-try", str(Path("/etc/resolv.conf").resolve()), "/etc/resolv.conf"]
    cpus = "/sys/devices/system/cpu"
    return [*options, "--ro-bind-try", cpus, cpus]


def _view(command: Contained) -> list[str]:
    """Mount the caller's folders, and hide what they must not show; the deeper and more exact rule wins."""
    certificates = [Path(value) for name, value in os.environ.items() if name in _CERTIFICATES]
    readable = (*command.readable, *(certificates if command.network else ()))
    rules: dict[Path, str] = {}
    links: dict[Path, str] = {}
    for how, paths in (("--ro-bind", readable), ("--bind", command.writable)):
        for path in paths:
            if path.exists():
                rules[_follow(path, links)] = how
            elif how == "--bind":
                raise SandboxError(f"The folder {path} that a command works in is not there.")
    shown = [path for path in rules if not _in_system(path)]
    for path in (*command.hidden, *(folder / ".git" for folder in (*shown, command.cwd))):
        if path.exists() and not path.is_symlink():
            rules[_follow(path, links)] = "--hide"
    options: list[str] = []
    sealed: list[str] = []
    for path in sorted({*rules, *links}, key=lambda path: (len(path.parts), str(path))):
        if path in rules:
            options += _mount(path, rules[path], shown)
            sealed += ["--remount-ro", str(path)] if rules[path] == "--hide" and path.is_dir() else []
        elif not _in_system(path) and not any(path.is_relative_to(folder) for folder in shown):
            options += ["--symlink", links[path], str(path)]
    # Only at the end: what is shown below a hidden folder is mounted in it.
    return [*options, *sealed]


def _mount(path: Path, how: str, shown: list[Path]) -> list[str]:
    if how == "--ro-bind" and _in_system(path):
        return []
    if how != "--hide":
        return [how, str(path), str(path)]
    if path.is_dir():
        return ["--size", str(_HIDDEN_BYTES), "--tmpfs", str(path)]
    # What is a mount can be neither removed nor replaced from inside.
    visible = any(path.is_relative_to(folder) for folder in shown)
    return ["--ro-bind", "/dev/null", str(path)] if visible else []


def _in_system(path: Path) -> bool:
    return any(path.is_relative_to(name) for name in _SYSTEM)


def _follow(path: Path, links: dict[Path, str]) -> Path:
    """Return the real place of `path`, and note each symbolic link on the way with its target."""
    todo = list(reversed(path.absolute().parts[1:]))
    current = Path("/")
    hops = 0
    while todo:
        part = todo.pop()
        if part == "..":
            current = current.parent
            continue
        current /= part
        if current.is_symlink():
            hops += 1
            if hops > _MOST_LINKS:
                raise SandboxError(f"{path} is a circle of symbolic links.")
            links[current] = target = str(current.readlink())
            todo += _parts_reversed(target)
            current = Path("/") if target.startswith("/") else current.parent
    return current


def _parts_reversed(target: str) -> Iterable[str]:
    return [part for part in reversed(target.split("/")) if part not in ("", ".")]
