"""The view of the file system that a contained command gets, as arguments of bubblewrap."""

from __future__ import annotations

import os
from pathlib import Path

from core.sandbox.types import Contained

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone"),
    *("passwd", "group", "nsswitch.conf", "hosts", "protocols", "services", "mime.types"),
    *("ssl", "pki", "ca-certificates", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk"),
)
_ETC_NETWORK = ("host.conf", "gai.conf")
_NETWORK_ENV = (
    *(
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "PIP_CERT",
        "NODE_EXTRA_CA_CERTS",
    ),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
"""What a command with network needs to reach the registry through the user's own proxy and certificates."""

HOME = "/tmp"  # noqa: S108 - inside, this is an empty folder in memory of the run's own


def inner_environment(command: Contained) -> dict[str, str]:
    """Return the whole environment of a run: a fixed allow-list, then what the caller adds."""
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
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
        env |= {name: os.environ[name] for name in _NETWORK_ENV if name in os.environ}
    return env | dict(command.env)


def bubblewrap_argv(program: Path, command: Contained) -> list[str]:
    """Return the whole argument list that runs `command` inside bubblewrap."""
    argv = [str(program), "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if command.network:
        argv.append("--share-net")
    argv += ["--hostname", "qdeck", *_system(command.network)]
    argv += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/var/tmp", "--dir", "/run"]  # noqa: S108
    argv += _binds(command)
    for path in (path for path in command.hidden if path.exists()):
        # A folder looks empty, a file cannot be read; neither can be replaced, since it is a mount.
        argv += ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", "/dev/null", str(path)]
    argv += ["--chdir", str(command.cwd), "--clearenv"]
    for name, value in inner_environment(command).items():
        argv += ["--setenv", name, value]
    return [*argv, "--", *command.argv]


def _system(network: bool) -> list[str]:
    argv: list[str] = []
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), name]
        elif path.exists():
            argv += ["--ro-bind", name, name]
    for name in (*_ETC, *(_ETC_NETWORK if network else ())):
        argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    if network:
        # Often a link into /run, which is not there inside.
        resolver = Path("/etc/resolv.conf").resolve()
        argv += ["--ro-bind-try", str(resolver), "/etc/resolv.conf"]
    return argv


def _binds(command: Contained) -> list[str]:
    """Bind parents before what lies below them, so that the deeper and more exact rule wins."""
    wanted = dict.fromkeys(command.readable, "--ro-bind")
    wanted |= dict.fromkeys(command.writable, "--bind")
    argv: list[str] = []
    for path in sorted(wanted, key=lambda p: len(p.parts)):
        if path.exists() and not _already_there(path, wanted[path]):
            argv += [wanted[path], str(path), str(path)]
    return argv


def _already_there(path: Path, how: str) -> bool:
    return how == "--ro-bind" and any(path.is_relative_to(name) for name in _SYSTEM)
