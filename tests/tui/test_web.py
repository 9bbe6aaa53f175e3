"""The app in a browser: who is let in, what may be done there, and that it is the same app."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from screenshots.scenes import Journal, until
from tests.tui.driving import asked, on, opened, press, told
from tui.app import QdeckApp
from tui.options import AppOptions

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
        env=dict(os.environ),
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
            await page.goto(address)
            assert "token" not in page.url
            await page.wait_for_selector("body.-first-byte", timeout=60_000)
            screen = page.locator(".xterm-rows")
            await screen.get_by_text("to look only").wait_for(timeout=60_000)
            await page.keyboard.press("p")
            await page.keyboard.press("Enter")
            await screen.get_by_text("Is the reviewed change").wait_for(timeout=60_000)
            await browser.close()
    assert await asked(journal) == before


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
        await press(app, pilot, "p")
        await until(pilot, lambda: "opened to look only" in told(app))
        await press(app, pilot, "c", *"Hello", "enter")
        await press(app, pilot, "escape", "escape", "a")
        await until(pilot, lambda: on(app) == "DecisionScreen")
        await until(pilot, app.screen.armed)  # type: ignore[attr-defined]
        await press(app, pilot, "a")
        await app.workers.wait_for_complete()
        for change in ("start_workflow", "chat", "cancel", "set_budget", "submit", "rebuild", "tokens"):
            with pytest.raises(Exception, match="opened to look only"):
                await app.link.ask(lambda service, name=change: getattr(service, name)())
        with pytest.raises(Exception, match="opened to look only"):
            app.write_settings({("model",): "a/b"})
        assert not app.settings.paths.config_file.exists()
    assert await asked(journal) == before
