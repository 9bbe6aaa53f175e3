"""How quick the app is: `python -m benchmarks.app [--json] [--runs N] [--keys N] [--only PART …] [--others]`.

Everything is measured in a real pseudo-terminal against a bare Textual app in the same run, in turn, because
a machine is never equally busy twice: trust the ratios. A latency is the time from the key to the piece of
output after which a terminal emulator shows the effect. What streams is written through a real journal by
another process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.journal import many
from benchmarks.terminal import COLUMNS, FIRST, LINES, Window, go_first

ROOT = Path(__file__).parents[1]
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    BINDINGS = [("j", "more")]
    count = 0
    def compose(self):
        yield Static("drawn-and-ready 0;")
    def action_more(self):
        self.count += 1
        self.query_one(Static).update(f"drawn-and-ready {self.count};", layout=False)
Bare().run()
"""
SWAYS = ("PYTHON", "TEXTUAL", "QDECK_", "MALLOC_", "NO_COLOR")
"""What a variable begins with that changes how an interpreter or the app does: without compiled modules, say,
every start compiles all of them, which costs more than the app itself."""
CURSOR, TYPED = "▌", "§"
LAST = b"help"
"""What stands at the end of a frame: the emulator takes longer to read one than the app to draw it."""
LIVE = "B-0001"
MANY = 10_000


class Bench:
    """A journal in a folder of its own, and windows on it."""

    def __init__(self, home: Path, live: Sequence[str]) -> None:
        self.home, self.live = home, live
        self.path = home / "data" / "qdeck.db"
        self.env = clean_environment() | {"QDECK_HOME": str(home), "PYTHONPATH": str(ROOT)}

    @contextlib.contextmanager
    def bare(self) -> Iterator[Window]:
        """The bare Textual app."""
        with _closing(Window([sys.executable, "-c", BARE], self.env)) as window:
            yield window

    @contextlib.contextmanager
    def app(self, build: str = "") -> Iterator[Window]:
        """The app as `qdeck` starts it, but for the worker: the load plays its part."""
        start = (
            "from tui.commands.launch import open_app; from tui.options import AppOptions; "
            f"open_app(AppOptions(start_worker=False, open_workflow={build!r}))"
        )
        with _closing(Window([sys.executable, "-P", "-c", start], self.env)) as window:
            yield window

    @contextlib.contextmanager
    def talking(self) -> Iterator[Window]:
        """The app with a live build opened and the cursor in the text field."""
        with self.app(LIVE) as window:
            for _ in range(200):
                window.drain(0.1)
                if LIVE in (text := window.look()) and "to the Q" in text:
                    break
            window.drain(2.0)
            window.after(b"c", b"send", lambda text: "enter send" in text)
            window.drain(0.5)
            yield window

    @contextlib.contextmanager
    def loaded(self, mode: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
        """Another process that writes into the journal."""
        argv = [sys.executable, "-m", "benchmarks.load", str(self.path), mode, str(seconds)]
        with subprocess.Popen(argv, env=self.env, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield process
            finally:
                process.kill()


def clean_environment() -> dict[str, str]:
    """The environment of this process, without what would sway a measurement."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SWAYS)}
    return kept | ({FIRST: os.environ[FIRST]} if FIRST in os.environ else {})


@contextlib.contextmanager
def _closing(window: Window) -> Iterator[Window]:
    try:
        yield window
    finally:
        window.close()


# --- what is on the screen


def board_shown(text: str) -> bool:
    """A full frame of the board: rows down to the bottom, the line on top, the keys below."""
    rows = len(re.findall(r"\bB-\d{4,}", text))
    return rows >= 15 and "help" in text and "running" in text and CURSOR in text


def cursor_at(window: Window) -> int:
    """The line of the cursor."""
    return next((i for i, line in enumerate(window.screen.display) if CURSOR in line), -1)


def opened(window: Window) -> None:
    """Wait until commands are possible and every row is there, then a little more."""
    window.until(CURSOR.encode(), board_shown)
    for _ in range(200):
        window.drain(0.1)
        if "worker" in window.look().split("\n")[0]:
            break
    window.drain(1.5)


# --- what is measured


def first_frame(bench: Bench, runs: int) -> dict[str, Any]:
    """Start both in turn, and wait for the first full frame."""
    bare, app = [], []
    for _ in range(runs):
        with bench.bare() as window:
            bare.append(window.first_frame(b"drawn-and-ready"))
        with bench.app() as window:
            app.append(window.first_frame(LAST, board_shown))
    middle = statistics.median(bare)
    return {
        "first_frame_ratio_10000": round(statistics.median(app) / middle, 2),
        "first_frame_ratio_10000_best": round(min(app) / min(bare), 2),
        "first_frame_ms_10000": ms(statistics.median(app)),
        "bare_first_frame_ms": ms(middle),
        "runs": runs,
    }


def idle(bench: Bench, keys: int) -> dict[str, Any]:
    """Key to paint on a board of 10,000 rows while nothing happens, memory, and the processor at rest."""
    with bench.bare() as window:
        window.until(b"drawn-and-ready")
        window.drain(0.5)
        bare = [_pressed(window, b"j", b"ready", lambda t, n=n: f" {n + 1};" in t) for n in range(keys)]
        bare_cpu = _cpu_percent(window)
    with bench.app() as window:
        opened(window)
        window.drain(1.0)
        rows = _walk(window, keys)
        rss = window.rss_mb
        window.drain(11.0)
        before = window.written
        cpu = _cpu_percent(window)
        written = window.written - before
    return {
        "key_to_paint_p95_ms_idle": p95(rows),
        "key_to_paint_p50_ms_idle": ms(statistics.median(rows)),
        "bare_key_to_paint_p95_ms": p95(bare),
        "bare_key_to_paint_p50_ms": ms(statistics.median(bare)),
        "idle_cpu_percent": cpu,
        "idle_bytes_a_second": round(written / 10),
        "bare_idle_cpu_percent": bare_cpu,
        "rss_mb_board": round(rss, 1),
    }


def streaming(bench: Bench, keys: int) -> dict[str, Any]:
    """Key to paint while eight roles stream and rows change: on the board, and in a conversation."""
    with bench.app() as window:
        opened(window)
        with bench.loaded("stream", 600):
            window.drain(2.0)
            began = window.written
            board = _walk(window, keys)
            written, seconds = window.written - began, keys * 0.1
            rss = [window.rss_mb]
    with bench.talking() as window, bench.loaded("stream", 600):
        window.drain(2.0)
        talk = _typed(window, keys)
        rss.append(window.rss_mb)
    worst = max(board, talk, key=p95)
    return {
        "key_to_paint_p95_ms_streaming": p95(worst),
        "key_to_paint_p50_ms_streaming": ms(statistics.median(worst)),
        "key_to_paint_p95_ms_streaming_board": p95(board),
        "key_to_paint_p95_ms_streaming_conversation": p95(talk),
        "streaming_board_kilobytes_a_second": round(written / 1024 / seconds),
        "rss_mb_streaming": round(max(rss), 1),
    }


def answer(bench: Bench, keys: int) -> dict[str, Any]:
    """An answer of 200 KB: keys while it streams, then a change of focus and of size with it on screen."""
    with bench.talking() as window:
        with bench.loaded("answer", 12) as load:
            window.drain(1.0)
            typed = _typed(window, keys)
            load.wait()
        window.drain(1.0)
        focus, size = [], []
        for n in range(8):
            window.type(b"\x1b[O\x1b[I")
            focus += _typed(window, 1, gap=0.0, before=keys + n)
        window.drain(0.5)
        for wanted in [(100, 34), (COLUMNS, LINES)] * 4:
            size.append(
                window.resized(*wanted, b"help", partial(_filled, columns=wanted[0], lines=wanted[1]))
            )
            window.drain(0.3)
        rss = window.rss_mb
    return {
        "answer_key_to_paint_p95_ms": p95(typed),
        "answer_focus_ms": ms(max(focus)),
        "answer_resize_ms": ms(statistics.median(size)),
        "answer_resize_max_ms": ms(max(size)),
        "rss_mb_answer": round(rss, 1),
    }


def replay(bench: Bench, keys: int) -> dict[str, Any]:
    """An hour of one role in half a minute, seen in its conversation: memory must not grow with it."""
    with bench.talking() as window:
        seen = []
        with bench.loaded("replay", 30) as load:
            while load.poll() is None:
                window.drain(0.5)
                seen.append(window.rss_mb)
        window.drain(1.0)
        typed = _typed(window, min(keys, 40))
        seen.append(window.rss_mb)
    third = len(seen) // 3
    return {
        "rss_mb": round(max(seen), 1),
        "replay_growth_mb": round(seen[-1] - seen[third], 1),
        "replay_key_to_paint_p95_ms": p95(typed),
    }


def inside(bench: Bench, keys: int) -> dict[str, Any]:
    """What only the process itself can count: widgets, and the cost of one repaint of a stream."""
    from benchmarks.inside import counted

    return asyncio.run(counted(bench.path, bench.live[0]))


PARTS = {
    "idle": idle,
    "streaming": streaming,
    "answer": answer,
    "replay": replay,
    "inside": inside,
}


# --- how


def _pressed(window: Window, keys: bytes, marker: bytes, holds: Any) -> float:
    window.drain(0.04)
    return window.after(keys, marker, holds)


def _walk(window: Window, keys: int) -> list[float]:
    """Move the cursor on the board, up and down by turns of five."""
    times = []
    for n in range(keys):
        window.drain(0.04 + 0.013 * (n % 7))
        at = cursor_at(window)
        key = b"k" if n // 5 % 2 else b"j"
        times.append(window.after(key, CURSOR.encode(), partial(_moved, window, at)))
    return times


def _typed(window: Window, keys: int, gap: float = 0.04, before: int = 0) -> list[float]:
    """Type into the text field."""
    times = []
    for n in range(keys):
        if gap:
            window.drain(gap + 0.013 * (n % 7))
        wanted = (before + n + 1) % 60
        if not wanted:
            window.type(b"\x01\x0b")
            window.drain(0.3)
            continue
        times.append(window.after(TYPED.encode(), TYPED.encode(), partial(_shows, wanted)))
    return times


def _moved(window: Window, at: int, text: str) -> bool:
    return cursor_at(window) not in (at, -1)


def _shows(count: int, text: str) -> bool:
    return text.count(TYPED) == count


def _filled(text: str, columns: int, lines: int) -> bool:
    rows = text.split("\n")
    return len(rows) == lines and rows[-1].rstrip().endswith("all") and len(rows[-1].rstrip()) > columns - 6


def _cpu_percent(window: Window) -> float:
    before = window.cpu_seconds
    window.drain(10.0)
    return round((window.cpu_seconds - before) * 10, 2)


def ms(seconds: float) -> float:
    """Seconds as milliseconds."""
    return round(seconds * 1000, 1)


def p95(times: Sequence[float]) -> float:
    """The time that 95 of 100 stay under, in milliseconds."""
    return ms(sorted(times)[min(len(times) - 1, int(len(times) * 0.95))])


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.app", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=9, help="starts of each app")
    parser.add_argument("--keys", type=int, default=100, help="keys of each measurement")
    parser.add_argument("--only", nargs="*", choices=["first_frame", *PARTS], help="these parts alone")
    parser.add_argument("--others", action="store_true", help="start posting, harlequin and toad as well")
    parser.add_argument("--first", action="store_true", help="be served before others (needs root)")
    options = parser.parse_args()
    if options.first:
        os.environ[FIRST] = "1"
        go_first()
    wanted = options.only or ["first_frame", *PARTS]
    found: dict[str, Any] = {"rows": MANY}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "data").mkdir()
        bench = Bench(home, asyncio.run(many(home / "data" / "qdeck.db", MANY)))
        if "first_frame" in wanted:
            found |= first_frame(bench, options.runs)
        for name, part in PARTS.items():
            if name in wanted:
                found |= part(bench, options.keys)
        if options.others:
            from benchmarks.others import compared

            found |= compared(bench.env, options.runs)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:<46} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
