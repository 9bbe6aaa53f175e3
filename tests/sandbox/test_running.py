"""What a run tells, its limits, and that the event loop never waits."""

# ruff: noqa: ASYNC110, ASYNC240 - the loop has nothing else to do meanwhile

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.errors import SandboxError
from core.sandbox import Contained, Limits, Sandbox, run
from core.sandbox.capture import Capture
from core.sandbox.disk import used_below
from tests.sandbox.conftest import PYTHON, Runner, contained, text


@pytest.fixture(params=["contained", "bare"])
def anywhere(request: pytest.FixtureRequest, bare: Sandbox) -> Sandbox:
    """Both with and without containment."""
    if request.param == "bare":
        return bare
    from core.sandbox import detect

    return detect()


def _alive(marker: str) -> bool:
    return any(
        any(marker in word for word in process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
    )


async def test_a_run_tells_what_happened(anywhere: Sandbox, tree: Path) -> None:
    """Exit code, both streams in order, time, and a digest of all that was printed."""
    command = contained(tree, "/bin/sh", "-c", "echo out; echo err >&2; cat file.txt; exit 7")
    begin = time.monotonic()

    seen = await run(command, anywhere)
    around = time.monotonic() - begin

    assert (seen.exit_code, seen.signal, seen.limit) == (7, None, "")
    assert seen.output == b"out\nerr\ncontent\n"
    assert seen.output_bytes == len(seen.output)
    assert seen.output_digest == hashlib.sha256(seen.output).hexdigest()
    assert not seen.cut
    assert 0 < seen.seconds <= round(around, 3)
    assert seen.argv == command.argv
    assert seen.sandbox == anywhere.name


async def test_a_signal_is_told_as_such(anywhere: Sandbox, tree: Path) -> None:
    """A crash is no exit code."""
    seen = await run(contained(tree, "/bin/sh", "-c", "kill -SEGV $$"), anywhere)

    assert (seen.exit_code, seen.signal) == (None, 11)


async def test_an_unknown_program_is_exit_127(anywhere: Sandbox, tree: Path) -> None:
    """As in every shell, with words on which program it was."""
    seen = await run(contained(tree, "no-such-program"), anywhere)

    assert seen.exit_code == 127
    assert "no-such-program" in text(seen)


async def test_words_are_passed_as_they_are(anywhere: Sandbox, tree: Path) -> None:
    """No shell looks at the words of a command."""
    words = ("a b", "$HOME", "'; exit 3 #", "-x", "", "*", "ü\n日本")
    seen = await run(
        contained(tree, str(PYTHON), "-c", "import sys; print(ascii(sys.argv[1:]))", *words), anywhere
    )

    assert text(seen).strip() == ascii(list(words))


async def test_output_comes_while_it_runs_on_the_loops_own_thread(anywhere: Sandbox, tree: Path) -> None:
    """Whoever follows sees each piece as it is printed."""
    came: list[tuple[float, bytes, str]] = []
    begin = time.monotonic()
    seen = await run(
        contained(tree, "/bin/sh", "-c", "echo one; sleep 0.6; echo two"),
        anywhere,
        lambda data: came.append((time.monotonic() - begin, data, threading.current_thread().name)),
    )

    assert b"".join(data for _, data, _ in came) == b"one\ntwo\n"
    assert came[-1][0] - came[0][0] > 0.4
    assert {name for _, _, name in came} == {threading.current_thread().name}
    assert seen.exit_code == 0


async def test_a_command_that_hangs_is_ended_on_time(anywhere: Sandbox, tree: Path) -> None:
    """Deaf to every polite signal, with a child in another session: both end, what was printed stays."""
    marker = secrets.token_hex(8)
    line = f"trap '' TERM INT HUP; echo begun; setsid sh -c 'sleep 300; : {marker}' & sleep 300; : {marker}"
    begin = time.monotonic()

    seen = await run(contained(tree, "/bin/sh", "-c", line, limits=Limits(wall_seconds=1)), anywhere)

    assert time.monotonic() - begin > 0.9
    assert (seen.exit_code, seen.signal, seen.limit) == (None, 9, "time")
    assert seen.output == b"begun\n"
    assert not _alive(marker)


async def test_a_command_that_closes_its_output_is_still_ended_on_time(anywhere: Sandbox, tree: Path) -> None:
    """No output left to read is not the end."""
    seen = await run(
        contained(tree, "/bin/sh", "-c", "exec >&- 2>&-; sleep 300", limits=Limits(wall_seconds=1)), anywhere
    )

    assert seen.limit == "time"


async def test_a_child_that_keeps_the_output_open_does_not_delay_the_end(
    anywhere: Sandbox, tree: Path
) -> None:
    """The command has ended when its first process has; the rest is ended with it."""
    marker = secrets.token_hex(8)
    seen = await run(
        contained(tree, "/bin/sh", "-c", f"sh -c 'sleep 300; : {marker}' & echo done; exit 3"), anywhere
    )

    assert seen.exit_code == 3
    assert seen.output == b"done\n"
    assert not _alive(marker)


async def test_a_flood_is_stopped_and_head_and_tail_are_kept(anywhere: Sandbox, tree: Path) -> None:
    """An endless printer ends at its bound, with little memory used."""
    limits = Limits(wall_seconds=60, output_bytes=20 << 20, kept_bytes=10_000)
    seen = await run(contained(tree, "/bin/sh", "-c", "echo first; yes", limits=limits), anywhere)

    assert seen.limit == "output"
    assert seen.cut
    assert 20 << 20 < seen.output_bytes < 22 << 20
    assert len(seen.output) < 10_200
    assert seen.output.startswith(b"first\ny\ny\n")
    assert b"bytes cut ...]" in seen.output


async def test_much_output_below_the_bound_is_kept_at_both_ends(anywhere: Sandbox, tree: Path) -> None:
    """The digest and the count speak of all of it, the kept part of its ends."""
    source = "for n in range(200_000): print(f'line {n}')"
    whole = "".join(f"line {n}\n" for n in range(200_000)).encode()
    limits = Limits(wall_seconds=60, kept_bytes=1000)
    seen = await run(contained(tree, str(PYTHON), "-c", source, limits=limits), anywhere)

    assert (seen.exit_code, seen.limit, seen.cut) == (0, "", True)
    assert seen.output_bytes == len(whole)
    assert seen.output_digest == hashlib.sha256(whole).hexdigest()
    assert seen.output.startswith(b"line 0\nline 1\n")
    assert seen.output.endswith(b"line 199999\n")


async def test_memory_is_bounded_over_all_processes(anywhere: Sandbox, tree: Path) -> None:
    """Three processes that together take too much are ended, though none does alone."""
    source = (
        "import os, time\n"
        "os.fork(); os.fork()\n"
        "data = [bytes([1]) * (1 << 20) for _ in range(100)]\n"
        "print('took', flush=True); time.sleep(60)\n"
    )
    limits = Limits(wall_seconds=30, memory_bytes=300 << 20)
    seen = await run(contained(tree, str(PYTHON), "-c", source, limits=limits), anywhere)

    assert seen.limit == "memory"
    assert seen.peak_memory_bytes > 300 << 20


async def test_cpu_time_and_memory_are_measured(anywhere: Sandbox, tree: Path) -> None:
    """A busy second and a hundred megabytes show in the figures, those of children too."""
    source = (
        "import os, time\n"
        "if os.fork():\n"
        "    os.wait()\n"
        "else:\n"
        "    data = bytes([1]) * (100 << 20)\n"
        "    end = time.process_time() + 1\n"
        "    while time.process_time() < end: pass\n"
    )
    seen = await run(contained(tree, str(PYTHON), "-c", source), anywhere)

    assert seen.exit_code == 0
    assert 0.9 < seen.cpu_seconds < 5
    assert 100 << 20 < seen.peak_memory_bytes < 400 << 20


async def test_cpu_time_is_bounded(anywhere: Sandbox, tree: Path) -> None:
    """A process that only burns time is ended by the kernel."""
    limits = Limits(wall_seconds=30, cpu_seconds=1)
    seen = await run(contained(tree, str(PYTHON), "-c", "while True: pass", limits=limits), anywhere)

    assert seen.exit_code is None
    assert seen.signal in (9, 24)
    assert seen.limit != "time"


async def test_a_file_cannot_grow_past_its_bound(anywhere: Sandbox, tree: Path) -> None:
    """Neither slowly nor by one seek to the end."""
    source = (
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n"
        "    with open('big', 'wb') as file:\n"
        "        for _ in range(64): file.write(bytes(1 << 20)); file.flush()\n"
        "except OSError as error: print(error.strerror)\n"
    )
    limits = Limits(wall_seconds=30, file_bytes=4 << 20)
    seen = await run(contained(tree, str(PYTHON), "-c", source, limits=limits), anywhere)

    assert "File too large" in text(seen)
    assert (tree / "big").stat().st_size <= 4 << 20


async def test_many_files_together_cannot_fill_the_disk(anywhere: Sandbox, tree: Path) -> None:
    """What counts is by how much the folder has grown. A tower of folders counts as too much."""
    source = (
        "import itertools, os, time\n"
        "for n in itertools.count():\n"
        "    with open(f'file{n}', 'wb') as file: file.write(os.urandom(1 << 16))\n"
        "    time.sleep(0.01)\n"
    )
    limits = Limits(wall_seconds=60, disk_bytes=4 << 20)
    seen = await run(contained(tree, str(PYTHON), "-c", source, limits=limits), anywhere)

    assert seen.limit == "disk"
    tower = "import os\nfor _ in range(30): os.mkdir('a' * 200); os.chdir('a' * 200)\n"
    await run(contained(tree, str(PYTHON), "-c", tower), anywhere)
    assert used_below(tree) > 1 << 60


async def test_a_fork_bomb_ends_and_leaves_nothing(shell: Runner) -> None:
    """Processes that make processes are stopped at the bound, and all of them are gone."""
    marker = secrets.token_hex(8)
    source = (
        f"import os, sys, time  # {marker}\n"
        "for _ in range(3000):\n"
        "    try:\n"
        "        if os.fork() == 0:\n"
        "            os.setsid(); time.sleep(60); os._exit(0)\n"
        "    except OSError:\n"
        "        print('no more', flush=True); break\n"
        "time.sleep(60)\n"
    )
    seen = await shell(f'exec {PYTHON} -c "{source}"', limits=Limits(wall_seconds=20, processes=100))

    assert seen.limit == "processes" or "no more" in text(seen)
    assert not _alive(marker)


async def test_cancelling_ends_the_command_before_it_returns(anywhere: Sandbox, tree: Path) -> None:
    """When the caller is told that it is cancelled, nothing of the command runs any more."""
    marker = secrets.token_hex(8)
    task = asyncio.create_task(
        run(
            contained(tree, "/bin/sh", "-c", f"touch runs; setsid sleep 300 & sleep 300; : {marker}"),
            anywhere,
        )
    )
    while not (tree / "runs").exists():
        await asyncio.sleep(0.01)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not _alive(marker)


async def test_cancelling_at_any_moment_leaves_nothing(anywhere: Sandbox, tree: Path) -> None:
    """Also in the middle of the start."""
    marker = secrets.token_hex(8)
    for moment in range(12):
        task = asyncio.create_task(run(contained(tree, "/bin/sh", "-c", f"sleep 300; : {marker}"), anywhere))
        await asyncio.sleep(moment * 0.004)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not _alive(marker)


async def test_a_timeout_of_the_caller_works(anywhere: Sandbox, tree: Path) -> None:
    """asyncio's own timeouts end a command like any other cancellation."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await run(contained(tree, "/bin/sh", "-c", "sleep 300"), anywhere)


async def test_the_loop_goes_on_while_commands_run(anywhere: Sandbox, tree: Path) -> None:
    """Twenty commands at once, a flood among them, and the loop's worst pause stays short."""

    async def tick(pauses: list[float]) -> None:
        while True:
            begin = time.monotonic()
            await asyncio.sleep(0.01)
            pauses.append(time.monotonic() - begin - 0.01)

    async def worst_pause() -> float:
        pauses: list[float] = []
        ticking = asyncio.create_task(tick(pauses))
        flood = Limits(wall_seconds=60, output_bytes=30 << 20)
        commands = [contained(tree, "/bin/sh", "-c", "sleep 0.5; echo ok") for _ in range(19)]
        many = await asyncio.gather(
            *(run(command, anywhere) for command in commands),
            run(contained(tree, "yes", limits=flood), anywhere, lambda data: None),
        )
        ticking.cancel()
        assert [seen.exit_code for seen in many[:-1]] == [0] * 19
        return max(pauses)

    # On a busy machine a pause can be somebody else's fault; not every time.
    assert min([await worst_pause() for _ in range(3)]) < 0.4


async def test_no_descriptor_thread_or_folder_is_left(
    anywhere: Sandbox, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that runs for weeks does not run out of anything."""
    homes = tmp_path / "homes"
    homes.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(homes))

    async def round_of_all() -> tuple[int, int]:
        await run(contained(tree, "true"), anywhere)
        await run(contained(tree, "yes", limits=Limits(output_bytes=1000)), anywhere)
        with pytest.raises(SandboxError):
            await run(replace(contained(tree, "true"), env={"A": "\0"}), anywhere)
        task = asyncio.create_task(run(contained(tree, "sleep", "300"), anywhere))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.1)
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    before = await round_of_all()
    for _ in range(5):
        after = await round_of_all()

    assert after == before
    assert list(homes.iterdir()) == []
    assert not [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]


async def test_a_missing_folder_is_an_error_in_words(bare: Sandbox, tmp_path: Path) -> None:
    """Without containment too."""
    with pytest.raises(SandboxError, match="could not be started"):
        await run(Contained(("true",), tmp_path / "gone"), bare)


async def test_many_open_descriptors_do_not_matter(anywhere: Sandbox, tree: Path) -> None:
    """In a real worker every new descriptor has three digits, which some shells cannot name."""
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(150)]
    seen = await run(contained(tree, "/bin/sh", "-c", 'echo "$# $*"', "sh", "one", "two"), anywhere)
    for descriptor in held:
        os.close(descriptor)

    assert seen.output == b"2 one two\n"


async def test_a_bare_run_has_a_home_of_its_own_and_no_secret(
    bare: Sandbox, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uncontained commands still get the allow-list and an empty home that is removed afterwards."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    seen = await run(contained(tree, "/bin/sh", "-c", "env; ls -A $HOME; echo x > $HOME/x"), bare)

    assert "sk-secret" not in text(seen)
    home = next(line for line in text(seen).splitlines() if line.startswith("HOME=")).removeprefix("HOME=")
    assert home != os.environ.get("HOME")
    assert not Path(home).exists()


@pytest.mark.parametrize("pieces", [[b""], [b"abc"], [b"a" * 10, b"b" * 90], [b"x" * 7] * 100, [b"y" * 1000]])
@pytest.mark.parametrize("kept", [1, 2, 50, 100, 101])
def test_a_capture_keeps_both_ends_of_anything(pieces: list[bytes], kept: int) -> None:
    """However the pieces fall, head and tail are those of the whole."""
    capture = Capture(kept)
    for piece in pieces:
        capture.feed(piece)
    whole = b"".join(pieces)
    half = max(1, kept // 2)

    assert capture.total == len(whole)
    assert capture.digest == hashlib.sha256(whole).hexdigest()
    if capture.cut:
        assert capture.kept().startswith(whole[:half])
        assert capture.kept().endswith(whole[-half:])
        assert f"{len(whole) - 2 * half} bytes cut".encode() in capture.kept()
    else:
        assert capture.kept() == whole
