"""Who may speak over the network, and how far: scoped tokens, minted by people, listed, revoked, expiring."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core.errors import JournalError, QdeckError, UnknownError
from core.journal import tokens as kept
from core.journal.database import Database
from core.journal.tables import ApprovalToken
from core.service.views import View
from core.text import clean

NAME_LIMIT = 60
LONGEST = timedelta(days=366)
"""How long a token can last: what nobody renews for a year, nobody needs."""


class Scope(StrEnum):
    """How far a token goes; each scope includes the ones before it."""

    READ = "read"
    OPERATE = "operate"
    APPROVE = "approve"

    def covers(self, needed: Scope) -> bool:
        """Say whether this scope is enough where `needed` is asked for."""
        order = tuple(Scope)
        return order.index(self) >= order.index(needed)


class TokenRefused(QdeckError):
    """A token that opens nothing: unknown, expired or revoked."""


@dataclass(frozen=True, slots=True)
class TokenView(View):
    """One token, without its secret. It speaks in the name of `issued_to`, the person who minted it."""

    token_id: str
    scope: Scope
    name: str
    issued_to: str
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    def standing(self, now: datetime) -> str:
        """Return "good", "revoked" or "expired"."""
        if self.revoked_at is not None:
            return "revoked"
        return "good" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token: its text, which exists nowhere else, and what is kept of it."""

    token: str
    view: TokenView


class Tokens:
    """The door for tokens. `do` runs blocking work where the service runs its own."""

    def __init__(self, database: Database, do: Callable[..., Awaitable[Any]]) -> None:
        self._database = database
        self._do = do

    async def mint(
        self, *, issued_to: str, scope: Scope, lasts: timedelta = timedelta(days=30), name: str = ""
    ) -> Minted:
        """Make a token in a person's name. Whoever calls has made sure that a person asked for it.

        Raises QdeckError for a life that is too short or too long.
        """
        if not timedelta(0) < lasts <= LONGEST:
            raise QdeckError("A token lasts from now to a year at most.", "Choose another number of days.")
        minted: Minted = await self._do(self._mint, issued_to, Scope(scope), lasts, name)
        return minted

    async def check(self, token: str) -> TokenView:
        """Return what a token opens. Raises TokenRefused for one that opens nothing, and says why."""
        view: TokenView = await self._do(self._check, token)
        return view

    async def listed(self) -> list[TokenView]:
        """Return every token that was ever minted, newest first."""
        views: list[TokenView] = await self._do(self._listed)
        return views

    async def revoke(self, token_id: str) -> TokenView:
        """Take a token's right away, for good; twice is once. Raises UnknownError."""
        view: TokenView = await self._do(self._revoke, token_id)
        return view

    def now(self) -> datetime:
        """Return the time by which tokens expire."""
        return self._database.clock()

    def _mint(self, issued_to: str, scope: Scope, lasts: timedelta, name: str) -> Minted:
        with self._database.write() as session:
            now = self._database.clock()
            token, row = kept.mint(
                session,
                scope=scope.value,
                name=clean(name, lines=False, limit=NAME_LIMIT),
                issued_to=issued_to,
                now=now,
                expires_at=now + lasts,
            )
            return Minted(token, _view(row))

    def _check(self, token: str) -> TokenView:
        now = self._database.clock()
        with self._database.read() as session:
            row = kept.find(session, token)
            if row is None:
                raise TokenRefused("Nobody minted this token.", "`qdeck token new` makes one.")
            view = _view(row)
            worth_noting = kept.seen_long_ago(row, now)
        if (standing := view.standing(now)) != "good":
            raise TokenRefused(f"This token is {standing}.", "`qdeck token new` makes another one.")
        if worth_noting:
            # When it was used is good to know; a journal that is busy must not turn anybody away for it.
            with contextlib.suppress(JournalError), self._database.write(loose=True) as session:
                if (again := session.get(ApprovalToken, view.token_id)) is not None:
                    again.used_at = now
        return view

    def _listed(self) -> list[TokenView]:
        with self._database.read() as session:
            return [_view(row) for row in kept.listed(session)]

    def _revoke(self, token_id: str) -> TokenView:
        with self._database.write() as session:
            row = session.get(ApprovalToken, token_id.strip())
            if row is None:
                raise UnknownError(f"There is no token {token_id[:40]!r}.", "`qdeck token list` lists them.")
            row.revoked_at = row.revoked_at or self._database.clock()
            session.add(row)
            return _view(row)


def _view(row: ApprovalToken) -> TokenView:
    return TokenView(
        token_id=row.token_id,
        scope=Scope(row.scope),
        name=row.name,
        issued_to=row.issued_to,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
