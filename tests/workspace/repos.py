"""What a user does in a repository: git with a name, files, commits."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

WORKFLOW = "0123456789abcdef0123456789abcdef"


def git(folder: Path, *arguments: str) -> str:
    """Run git as a user would, with a name and without anybody's configuration."""
    who = {
        f"GIT_{role}_{key}": f"user@{key}" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
    }
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        **who,
    }
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments],
        env=environment,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files with their folders."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def commit(folder: Path, message: str, **files: str) -> str:
    """Commit everything in the user's checkout and return the id."""
    write(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def files_of(folder: Path) -> dict[str, str]:
    """Return all files and links below a folder except `.git`, with content or target."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if relative.parts[0] == ".git":
            continue
        if path.is_symlink():
            found[str(relative)] = f"-> {path.readlink()}"
        elif path.is_file():
            found[str(relative)] = path.read_text()
    return found
