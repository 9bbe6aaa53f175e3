"""What a hostile command tries, and what must not come of it."""

# ruff: noqa: ASYNC220, ASYNC240, ASYNC251 - the loop has nothing else to do meanwhile

from __future__ import annotations

import http.server
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core.errors import SandboxError
from core.sandbox import Contained, Limits, Sandbox, run
from core.sandbox.launch import _limited
from tests.sandbox.conftest import PYTHON, Runner, contained, text


def alive(marker: str) -> list[int]:
    """Return the processes on this machine that have `marker` in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if any(marker in word for word in words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


async def test_home_and_other_projects_are_not_there(shell: Runner, tmp_path: Path) -> None:
    """Neither the user's home, nor a folder beside the worktree, nor the journal can be seen."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    home = Path.home()
    seen = await shell(f"cat {secret} {home}/.bashrc {home}/.ssh/* /etc/shadow; ls -A {home} /home /run")

    assert "hunter2" not in text(seen)
    assert seen.exit_code != 0
    listing = await shell(f"ls {tmp_path}")
    assert text(listing).split() == ["tree"]


async def test_the_root_holds_only_what_is_allowed(shell: Runner, tree: Path) -> None:
    """Every top folder inside is on the list."""
    seen = await shell("ls -A /")

    allowed = {
        "bin",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "proc",
        "run",
        "sbin",
        "sys",
        "tmp",
        "usr",
    }
    allowed |= {"var", "nix"} | {path.parts[1] for path in (tree, PYTHON, Path(sys.base_prefix))}
    assert set(text(seen).split()) <= allowed


async def test_nothing_outside_the_worktree_can_be_written(shell: Runner, tree: Path) -> None:
    """System, interpreter and root are read-only; what is written beside the worktree is in memory only."""
    places = ("/", "/usr", "/usr/bin", "/etc", "/dev", "/run", "/sys", sys.prefix, sys.base_prefix)
    seen = await shell("; ".join(f"echo x > {place}/evil && echo WROTE {place}" for place in places))

    assert "WROTE" not in text(seen)
    works = await shell("for p in /tmp /var/tmp .. . ; do echo x > $p/made || echo failed; done")
    assert text(works) == ""
    assert (tree / "made").read_text() == "x\n"
    for place in (*places, "/tmp", "/var/tmp", tree.parent):
        assert not any(Path(place, name).exists() for name in ("evil", "made"))


async def test_remounting_and_new_privileges_are_refused(python: Runner, shell: Runner) -> None:
    """No capability is left, and mounts cannot be undone, not even in a user namespace of its own."""
    seen = await shell("grep -i capeff /proc/self/status; mount -o remount,rw /usr; umount /usr; mount")
    assert "CapEff:\t0000000000000000" in text(seen)

    nested = await shell("unshare -Urm sh -c 'mount -o remount,rw,bind /usr; echo x > /usr/evil'; ls /usr")
    assert "evil" not in text(nested)
    assert not Path("/usr/evil").exists()


async def test_the_network_is_off(python: Runner, sandbox: Sandbox) -> None:
    """Neither the host's loopback nor anything else answers; an abstract socket of the host is not there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        name = f"\0qdeck-{secrets.token_hex(6)}"
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(name)
        abstract.listen()
        seen = await python(
            "import socket\n"
            f"inet, places = socket.AF_INET, [('127.0.0.1', {port}), ('1.1.1.1', 53)]\n"
            f"for kind, where in (*((inet, place) for place in places), (socket.AF_UNIX, {name!r})):\n"
            "    s = socket.socket(kind); s.settimeout(3)\n"
            "    try: s.connect(where); print('CONNECTED', where)\n"
            "    except OSError as error: print('no answer:', error.errno)\n"
        )
        abstract.close()

    assert "CONNECTED" not in text(seen)
    assert text(seen).count("no answer") == 3


async def test_loopback_inside_works(python: Runner) -> None:
    """Tests that serve themselves on loopback go on working without network."""
    seen = await python(
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "client = socket.create_connection(server.getsockname())\n"
        "server.accept()[0].send(b'hello'); print(client.recv(9))\n"
    )

    assert "hello" in text(seen)


class _Greeting(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with a word."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"greetings")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[int]:
    """A web server of the host; gives its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Greeting) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made.server_address[1]
        made.shutdown()


async def test_with_network_names_and_certificates_are_there(python: Runner, server: int) -> None:
    """Asked for, the network works: a server answers, the resolver and the certificates can be read."""
    source = (
        "import os, ssl, urllib.request\n"
        f"print(urllib.request.urlopen('http://127.0.0.1:{server}', timeout=5).read())\n"
        "print('resolver', os.path.exists('/etc/resolv.conf'))\n"
    )

    assert "greetings" in text(await python(source, network=True, env={"no_proxy": "*"}))
    assert "resolver True" in text(await python(source, network=True, env={"no_proxy": "*"}))
    assert "greetings" not in text(await python(source, env={"no_proxy": "*"}))


async def test_the_git_pointer_can_be_neither_read_nor_replaced(shell: Runner, tree: Path) -> None:
    """Removing, moving, overwriting and `git init` leave it as it was, even when nobody asked to hide it."""
    seen = await shell(
        "cat .git; rm -rf .git; mv .git x; echo evil > .git; ln -sf /tmp .git; git init -q . ; "
        "git config core.fsmonitor 'touch PWNED'; ls -A"
    )

    assert "somewhere" not in text(seen)
    assert (tree / ".git").read_text() == "gitdir: /somewhere/else\n"
    assert sorted(path.name for path in tree.iterdir()) == [".git", "file.txt"]


async def test_a_git_folder_looks_empty(shell: Runner, tree: Path) -> None:
    """In a plain clone the history is hidden, and cannot be written."""
    (tree / ".git").unlink()
    (tree / ".git").mkdir()
    (tree / ".git" / "config").write_text("secret")

    seen = await shell("ls -A .git; cat .git/config; rm -rf .git; mv .git y; echo x > .git/x && echo WROTE")

    assert "secret" not in text(seen)
    assert "WROTE" not in text(seen)
    assert (tree / ".git" / "config").read_text() == "secret"
    assert [path.name for path in (tree / ".git").iterdir()] == ["config"]


async def test_a_read_only_project_does_not_show_its_git_folder(shell: Runner, tmp_path: Path) -> None:
    """What is readable has no history either."""
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / ".git" / "config").write_text("token")
    (project / "code.py").write_text("x = 1\n")

    seen = await shell(
        f"cat {project}/code.py; cat {project}/.git/config; echo x > {project}/code.py", readable=(project,)
    )

    assert "x = 1" in text(seen)
    assert "token" not in text(seen)
    assert (project / "code.py").read_text() == "x = 1\n"


async def test_hidden_folders_give_way_to_what_is_shown_below_them(shell: Runner, tmp_path: Path) -> None:
    """A home is hidden, a tool inside it is there all the same, and a secret inside the tool is not."""
    home = tmp_path / "home"
    (home / "tool" / "private").mkdir(parents=True)
    (home / "tool" / "run").write_text("shown")
    (home / "tool" / "private" / "key").write_text("hidden1")
    (home / "other").write_text("hidden2")

    seen = await shell(
        f"cat {home}/tool/run; cat {home}/tool/private/key {home}/other; ls -A {home} {home}/tool/private",
        readable=(tmp_path, home / "tool"),
        hidden=(home, home / "tool" / "private"),
    )

    assert "shown" in text(seen)
    assert "hidden1" not in text(seen)
    assert "hidden2" not in text(seen)
    assert "other" not in text(seen).replace(f"{home}/other", "")


async def test_no_secret_of_our_environment_gets_in(
    shell: Runner, python: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the command's environment, nor by that of any process it can see, nor by a command line."""
    marker = f"sk-{secrets.token_hex(8)}"
    for name in ("OPENAI_API_KEY", "DATABASE_URL", "SSH_AUTH_SOCK", "LD_PRELOAD_X", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, marker)

    seen = await shell("env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'")

    assert marker not in text(seen)
    names = {line.partition("=")[0] for line in text(await shell("env")).splitlines()}
    assert names <= {
        *("PATH", "HOME", "TMPDIR", "LANG", "TZ", "TERM", "PYTHONDONTWRITEBYTECODE", "PYTHONNOUSERSITE"),
        *("NO_COLOR", "PAGER", "CI", "PWD", "OLDPWD", "SHLVL", "_"),
    }


async def test_a_value_that_is_given_is_on_no_command_line(sandbox: Sandbox, tree: Path) -> None:
    """Everybody on the machine can read command lines, so a secret for a deploy is not in them."""
    marker = f"sk-{secrets.token_hex(8)}"
    found: list[int] = []

    def look(data: bytes) -> None:
        found.extend(alive(marker))

    seen = await run(
        contained(tree, "/bin/sh", "-c", "echo ready; sleep 0.5; echo $TOKEN", env={"TOKEN": marker}),
        sandbox,
        look,
    )

    assert marker in text(seen)
    assert found == []


@pytest.mark.parametrize(
    "env",
    [{"A": "x\0--bind\0/\0/"}, {"A\0B": "x"}, {"": "x"}, {"A=B": "x"}],
    ids=["value", "name", "empty", "equals"],
)
async def test_an_environment_cannot_smuggle_options_in(
    sandbox: Sandbox, tree: Path, env: dict[str, str]
) -> None:
    """A zero byte in a value would begin an option of bubblewrap; it is refused."""
    with pytest.raises(SandboxError, match="cannot be given"):
        await run(contained(tree, "true", env=env), sandbox)


async def test_a_preloaded_library_is_not_loaded_outside(sandbox: Sandbox, tree: Path) -> None:
    """Variables of the loader act inside only; bubblewrap itself does not see them."""
    seen = await run(
        contained(
            tree,
            "/bin/sh",
            "-c",
            "echo ran",
            env={"LD_PRELOAD": str(tree / "evil.so"), "LD_LIBRARY_PATH": str(tree)},
        ),
        sandbox,
    )

    # The loader complains once for each program inside: the shell that sets limits and the command's own.
    assert text(seen).count("evil.so") == 2
    assert seen.exit_code == 0


async def test_only_own_processes_are_seen_and_signalled(shell: Runner) -> None:
    """The host's processes do not exist inside, and killing everybody kills nobody else."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander:
        seen = await shell("ls -d /proc/[0-9]* | wc -l; kill -9 -1; echo still")

        assert int(text(seen).split()[0]) < 10
        assert bystander.poll() is None
        bystander.kill()


SURVIVOR = """
import os, signal, sys, time
for n in range(40):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.close(1); os.close(2)
        while True:
            open("beat", "a").write("x")
print("parent leaves", flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("ending", ["by itself", "time"])
async def test_no_process_survives_its_command(sandbox: Sandbox, tree: Path, ending: str) -> None:
    """Double forks in sessions of their own, deaf to signals, are gone the moment the run is over."""
    marker = secrets.token_hex(8)
    naps = "0.3" if ending == "by itself" else "600"
    limits = Limits(wall_seconds=20 if ending == "by itself" else 1)

    seen = await run(contained(tree, str(PYTHON), "-c", SURVIVOR, naps, marker, limits=limits), sandbox)

    size = (tree / "beat").stat().st_size
    assert alive(marker) == []
    time.sleep(0.1)
    assert (tree / "beat").stat().st_size == size > 0
    assert "parent leaves" in text(seen)
    assert seen.limit == ("" if ending == "by itself" else "time")


WORKER = """
import asyncio, sys
from pathlib import Path
from core.sandbox import *
where, line, kind = sys.argv[1:]
tree = Path(where)
sandbox = detect() if kind == "contained" else Sandbox("bare", SandboxKind.UNSANDBOXED)
asyncio.run(run(Contained(("/bin/sh", "-c", line.replace("-MARK-", "")), tree, (tree,)), sandbox))
"""


@pytest.mark.parametrize("kind", ["contained", "bare"])
@pytest.mark.parametrize("moment", ["at once", "at once again", "when it runs"])
async def test_everything_dies_with_the_worker(tree: Path, moment: str, kind: str) -> None:
    """kill -9 of the process that started a command ends the command too, also in the middle of its start."""
    marker = secrets.token_hex(8)
    # Without containment a process in a session of its own gets away.
    own = "setsid" if kind == "contained" else ""
    line = f"{own} sleep 300 & {own} sh -c 'touch runs; sleep 300; : {marker}'; sleep 300"
    # Written so that the worker's own command line does not have the marker in it.
    written = line.replace(marker, f"{marker[:5]}-MARK-{marker[5:]}")
    root = str(Path(__file__).parents[2])
    runs = tree / "runs"
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tree), written, kind], env={**os.environ, "PYTHONPATH": root}
    )
    try:
        assert await _until(lambda: bool(alive(marker)) and (moment != "when it runs" or runs.exists()))
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    assert await _until(lambda: not alive(marker))


def test_a_command_held_back_does_not_run_without_our_word(tree: Path) -> None:
    """When the worker dies before it gave its word, the shell around the command ends instead."""
    ours, theirs = socket.socketpair()
    argv = _limited(contained(tree, "touch", str(tree / "ran")), bare=True)
    with subprocess.Popen(argv, stdin=theirs, start_new_session=True) as shell:
        theirs.close()
        assert ours.recv(64) == b"up\n"
        ours.close()

        assert shell.wait(10) == 126
    assert not (tree / "ran").exists()


async def _until(condition: object, seconds: float = 15.0) -> bool:
    import asyncio

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_terminal_is_out_of_reach(shell: Runner) -> None:
    """There is no controlling terminal to type into."""
    seen = await shell("echo approve > /dev/tty; tty; readlink /proc/self/fd/0")

    assert "not a tty" in text(seen)
    assert "/dev/null" in text(seen)


async def test_no_descriptor_of_ours_gets_in(python: Runner, tmp_path: Path) -> None:
    """Open files of the worker, also inheritable ones, are not there inside."""
    secret = tmp_path / "open"
    secret.write_text("hunter2")
    held = [os.open(secret, os.O_RDONLY) for _ in range(40)]
    for descriptor in held:
        os.set_inheritable(descriptor, True)

    seen = await python("import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd')))")

    for descriptor in held:
        os.close(descriptor)
    assert text(seen).strip() in ("[0, 1, 2, 3]", "[0, 1, 2]")


async def test_a_link_in_the_worktree_leads_nowhere(shell: Runner, tree: Path, tmp_path: Path) -> None:
    """A link to something outside is dangling inside."""
    (tmp_path / "secret").write_text("hunter2")
    (tree / "link").symlink_to(tmp_path / "secret")
    (tree / "rel").symlink_to("../secret")

    seen = await shell("cat link rel; echo evil > link; echo evil > rel")

    assert "hunter2" not in text(seen)
    assert (tmp_path / "secret").read_text() == "hunter2"


async def test_filling_the_home_in_memory_stops_at_its_bound(
    python: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory behind `/tmp` and `/dev/shm` is bounded, though no process holds it."""
    monkeypatch.setattr("core.sandbox.mounts.SCRATCH_BYTES", 8 << 20)
    monkeypatch.setattr("core.sandbox.mounts._SHARED_MEMORY_BYTES", 8 << 20)
    seen = await python(
        "for folder in ('/tmp', '/var/tmp', '/dev/shm'):\n"
        "    try:\n"
        "        with open(folder + '/big', 'wb') as file:\n"
        "            for _ in range(32): file.write(bytes(1 << 20)); file.flush()\n"
        "        print('FILLED', folder)\n"
        "    except OSError as error: print(error.strerror)\n"
    )

    assert text(seen).splitlines() == ["No space left on device"] * 3


async def test_a_folder_that_is_not_there_is_an_error_in_words(sandbox: Sandbox, tmp_path: Path) -> None:
    """The command did not run, and that is not mistaken for its failure."""
    with pytest.raises(SandboxError, match="is not there"):
        await run(Contained(("true",), tmp_path, writable=(tmp_path / "gone",)), sandbox)
    with pytest.raises(SandboxError, match="could not be set up"):
        await run(Contained(("true",), tmp_path / "gone"), sandbox)
    with pytest.raises(SandboxError, match="could not be set up"):
        await run(Contained(("true",), tmp_path, hidden=()), sandbox)


async def test_a_zero_byte_in_a_command_is_refused(sandbox: Sandbox, tree: Path) -> None:
    """As is a command without a word."""
    with pytest.raises(SandboxError):
        await run(contained(tree, "echo", "a\0b"), sandbox)
    with pytest.raises(SandboxError):
        await run(contained(tree), sandbox)


async def test_a_killed_limiting_shell_gains_nothing(shell: Runner) -> None:
    """A command that kills the shell above it loses its own run, and its limits stay."""
    seen = await shell("kill -9 $PPID; sleep 0.2; echo after; exit 0")

    assert seen.exit_code is None
    assert seen.signal == 9
    with suppress(ValueError):
        assert "after" not in text(seen)
