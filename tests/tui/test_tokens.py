"""Tokens in the app: minted on several yeses, shown once, listed without the secret, revoked on one more."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from core.errors import QdeckError
from core.service import OrchestrationService
from core.service.tokens import Scope, TokenRefused
from screenshots.scenes import Journal, make_app, playing, until
from tests.tui.driving import armed, on, press, running, shown, told
from tui.app import QdeckApp
from tui.journal_link import ONLY_LOOKING
from tui.starting import person

JournalOf = Callable[[str], Journal]
SECRET = re.compile(r"qdeck_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_a_token_is_minted_shown_once_and_revoked(size: tuple[int, int], journal_of: JournalOf) -> None:
    """Scope, name and days are what was chosen; the text opens the API until it is taken back."""
    journal = journal_of("review")
    service = await OrchestrationService.open(str(journal.path))
    async with running(journal, size=size) as (app, pilot):
        await press(app, pilot, "f2", "f7")
        await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
        assert "No token yet" in shown(app)
        await press(app, pilot, "m", "j", "enter", *"night <ci>", "enter", "ctrl+u", "0", "enter")
        assert "from 1 to 366" in told(app) and on(app) == "AskScreen"
        await press(app, pilot, "ctrl+u", *"90", "enter")
        await armed(app, pilot)
        assert "it approves nothing" in " ".join(shown(app).split()) and "operate" in shown(app)
        assert await service.tokens.listed() == []
        await press(app, pilot, "y")
        await until(pilot, lambda: on(app) == "MintedScreen")
        [secret] = SECRET.findall(shown(app))
        await press(app, pilot, "y")
        assert app.clipboard == secret and secret in shown(app)
        await press(app, pilot, "escape")
        await until(pilot, lambda: "night <ci>" in shown(app))
        assert "never used" in shown(app) and secret not in shown(app)

        view = await service.tokens.check(secret)
        assert (view.scope, view.name, view.issued_to) == (Scope.OPERATE, "night <ci>", person().name)
        assert (view.expires_at - view.issued_at).days == 90
        await press(app, pilot, "escape", "f7")
        await until(pilot, lambda: "used 20" in shown(app))
        await press(app, pilot, "x", "escape", "x")
        assert await service.tokens.check(secret)
        await armed(app, pilot)
        await press(app, pilot, "y")
        await until(pilot, lambda: "opens nothing any more" in told(app) and "revoked" in shown(app))
        with pytest.raises(TokenRefused, match="revoked"):
            await service.tokens.check(secret)
        await press(app, pilot, "x")
        assert "revoked already" in told(app)
        await press(app, pilot, "escape", "escape")
        assert on(app) == "BoardScreen"
    await service.close()


async def test_a_token_is_shown_to_who_has_left_meanwhile(
    journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its secret is shown once and kept nowhere, so it must not get lost between two screens."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "f7")
        await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
        await press(app, pilot, "m", "enter", *"ci", "enter", "enter")
        await armed(app, pilot)
        goes_on, ask = asyncio.Event(), app.link.ask

        async def waits(question: Callable[[OrchestrationService], Awaitable[Any]]) -> Any:
            await goes_on.wait()
            return await ask(question)

        monkeypatch.setattr(app.link, "ask", waits)
        await press(app, pilot, "y", "escape")
        assert on(app) == "BoardScreen"
        goes_on.set()
        await until(pilot, lambda: on(app) == "MintedScreen")
        assert SECRET.search(shown(app))


async def test_who_may_only_look_or_sits_at_a_browser_mints_nothing(journal_of: JournalOf) -> None:
    """Neither gets as far as a question, or a list of who may what."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        app.options = replace(app.options, in_browser=True)
        await press(app, pilot, "f7", "m")
        assert on(app) == "TokensScreen" and "In a browser no token is minted" in told(app)
    looking = QdeckApp(replace(make_app(journal, None).options, read_only=True))
    async with playing(looking, (120, 40)) as pilot:
        app = looking
        await press(app, pilot, "f7", "m")
        assert on(app) == "TokensScreen" and ONLY_LOOKING in told(app)
        with pytest.raises(QdeckError, match=ONLY_LOOKING):
            await app.link.ask(lambda s: s.tokens.mint(issued_to="ada", scope=Scope.READ))
    service = await OrchestrationService.open(str(journal.path))
    assert await service.tokens.listed() == []
    await service.close()
