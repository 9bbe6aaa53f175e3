"""The app in a browser: who is let in, what may be done there, and that it is the same app."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pyte
import pytest

from core.service.views import WorkflowView
from screenshots.scenes import Journal, until
from tests.tui.driving import asked, on, opened, press, told
from tests.tui.terminal import UNKNOWN
from tui.app import QdeckApp
from tui.options import AppOptions
from tui.widgets.bars import Hint

JournalOf = Callable[[str], Journal]
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def serving(journal: Journal, *options: str) -> Iterator[str]:
    """`qdeck web` on a journal; the address that it prints."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "tui.cli",
        "web",
        "--json",
        "--port=0",
        f"--db={journal.path}",
        *options,
    ]
    with subprocess.Popen(
        [*command, f"--db={journal.path}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Where it listens must come out of a pipe without help.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    ) as server:
        assert server.stdout is not None
        try:
            lines = ""
            while not lines.rstrip().endswith("}"):
                lines += server.stdout.readline() or "}"
            yield json.loads(lines)["url"]
        finally:
            server.terminate()
            server.wait(30)


@pytest.mark.timeout(600)
async def test_only_one_person_gets_in_and_only_from_this_page(journal_of: JournalOf) -> None:
    """Token, cookie, Host and Origin are asked for by every door; a token opens once."""
    with serving(journal_of("empty")) as address:
        parts = urlsplit(address)
        assert parts.hostname == "127.0.0.1"
        base, token = f"http://{parts.netloc}", parts.query
        here = {"Origin": base}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:

            async def code(path: str, **headers: str) -> int:
                async with session.get(f"{base}{path}", headers=headers, allow_redirects=False) as answer:
                    return answer.status

            async def window(**headers: str) -> int:
                try:
                    async with session.ws_connect(f"{base}/ws", headers=headers) as connection:
                        assert (await connection.receive(60)).type is aiohttp.WSMsgType.BINARY
                        return 101
                except aiohttp.WSServerHandshakeError as error:
                    return error.status

            assert [await code(path) for path in ("/", "/static/js/textual.js", "/download/x")] == [403] * 3
            assert await window(**here) == 403
            assert await code("/?token=guess") == 403
            assert await code(f"/?{token}", Host="evil.example") == 403
            assert await code(f"/?{token}") == 303
            assert [await code(f"/?{token}"), await code("/")] == [403, 200], "used up; the cookie opens now"
            assert await code("/", Host=f"localhost:{parts.port}") == 403
            assert [await window(), await window(Origin="http://evil.example")] == [403, 403]
            assert await window(Host="evil.example", **here) == 403
            assert await window(**here) == 101
            async with session.get(base) as answer:
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
@pytest.mark.timeout(600)
async def test_the_app_is_used_in_a_real_browser(journal_of: JournalOf, tmp_path: Path) -> None:
    """Opened by its address, drawn, and driven by keys; without --approve no key changes anything."""
    from playwright.async_api import async_playwright

    journal = journal_of("review")
    before = await asked(journal)
    with serving(journal) as address:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch_persistent_context(
                str(tmp_path / "profile"),
                executable_path=shutil.which("chromium"),
                headless=True,
                args=SWITCHES,
            )
            page = browser.pages[0]
            screen = Drawn()
            page.on("websocket", lambda socket: socket.on("framereceived", screen.take))
            await page.goto(address)
            assert "token" not in page.url
            await page.wait_for_selector("body.-first-byte", timeout=120_000)
            await screen.shows("to look only")
            await page.wait_for_function("document.title.endsWith('2 · qdeck')", timeout=60_000)
            # Nobody has to click before keys count.
            await page.keyboard.press("p")
            await screen.shows("opened to look only")
            await page.keyboard.press("Enter")
            await screen.shows("Is the reviewed change")
            await browser.close()
    assert told_of(await asked(journal)) == told_of(before)


class Drawn:
    """What the page is sent to draw, on an emulated terminal: the page itself paints on a canvas."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(300, 100)
        self._stream = pyte.ByteStream(self._screen)

    def take(self, frame: bytes | str) -> None:
        """Draw what came."""
        if isinstance(frame, bytes):
            self._stream.feed(UNKNOWN.sub(b"", frame))

    async def shows(self, text: str, seconds: float = 120.0) -> None:
        """Wait until it stands on the screen."""
        end = time.monotonic() + seconds
        while text not in "\n".join(self._screen.display):
            assert time.monotonic() < end, "\n".join(line.rstrip() for line in self._screen.display)
            await asyncio.sleep(0.05)


def told_of(view: WorkflowView) -> tuple[object, ...]:
    """What an order would have changed."""
    return view.version, view.state, view.condition, view.updated_at, view.cost_usd


async def test_an_app_that_may_only_look_changes_nothing(journal_of: JournalOf, project: Path) -> None:
    """Whatever key is pressed, the door of the service refuses; settings and prompts stay too."""
    journal = journal_of("review")
    before = await asked(journal)
    app = QdeckApp(
        AppOptions(database_url=str(journal.path), project=project, start_worker=True, read_only=True),
        clock=lambda: journal.at,
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.journal_open)
        await opened(app, pilot, journal)
        hints = {hint.key: hint.dim for hint in app.screen.hints()}  # type: ignore[attr-defined]
        assert Hint("a", "look at it", "screen.approve") in app.screen.hints()  # type: ignore[attr-defined]
        assert not hints["a"] and all(hints[key] for key in "rbcpx"), "what waits can be read, nothing done"
        for key in "rbcpx":
            app.clear_notifications()
            await press(app, pilot, key)
            assert on(app) == "WorkflowScreen" and "opened to look only" in told(app)
        await press(app, pilot, "escape", "a")
        await until(pilot, lambda: on(app) == "DecisionScreen")
        await until(pilot, app.screen.armed)  # type: ignore[attr-defined]
        await press(app, pilot, "a")
        await app.workers.wait_for_complete()
        for change in (
            "start_workflow",
            "chat",
            "cancel",
            "set_budget",
            "submit",
            "rebuild",
            "grant",
            "export_workflow",
        ):
            with pytest.raises(Exception, match="opened to look only"):
                await app.link.ask(lambda service, name=change: getattr(service, name)())
        for change in ("mint", "revoke"):
            with pytest.raises(Exception, match="opened to look only"):
                await app.link.ask(lambda service, name=change: getattr(service.tokens, name)())
        with pytest.raises(Exception, match="opened to look only"):
            app.write_settings({("model",): "a/b"})
        assert not app.settings.paths.config_file.exists()
    assert told_of(await asked(journal)) == told_of(before)
