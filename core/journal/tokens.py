"""Tokens of those who speak over the network: minted once, kept as hashes, compared in constant time.

A token is `qdeck_ID_SECRET`: the id is public and finds the row, the secret is 32 random bytes. What is kept
is the sha256 of the whole, from which nobody gets the secret back, and which needs no salt: there is nothing
to guess in 256 random bits.
"""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.journal.chain import digest
from core.journal.tables import ApprovalToken

PREFIX = "qdeck_"
_ID_BYTES = 6
_SECRET_BYTES = 32
_FORM = re.compile(rf"{PREFIX}([0-9a-f]{{{2 * _ID_BYTES}}})_[A-Za-z0-9_-]{{43}}", re.ASCII)
_NOBODY = digest("")
_USED_EVERY = timedelta(minutes=1)
"""How exact `used_at` is: a write for every request would cost more than the request."""


def mint(
    session: Session, *, scope: str, name: str, issued_to: str, now: datetime, expires_at: datetime
) -> tuple[str, ApprovalToken]:
    """Make a token; the text is returned this once and can never be read again."""
    token_id = secrets.token_hex(_ID_BYTES)
    token = f"{PREFIX}{token_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    row = ApprovalToken(
        token_id=token_id,
        token_hash=digest(token),
        scope=scope,
        name=name,
        issued_to=issued_to,
        issued_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return token, row


def find(session: Session, token: str) -> ApprovalToken | None:
    """Return the row of a token that is really ours, in whatever state; None for any other text."""
    found = _FORM.fullmatch(token)
    row = session.get(ApprovalToken, found.group(1)) if found else None
    # A wrong id costs the same work as a wrong secret.
    same = hmac.compare_digest(digest(token.encode("utf-8", "replace")), row.token_hash if row else _NOBODY)
    return row if row is not None and same else None


def listed(session: Session) -> list[ApprovalToken]:
    """Return every token that was ever minted, newest first."""
    query = select(ApprovalToken).order_by(col(ApprovalToken.issued_at).desc(), col(ApprovalToken.token_id))
    return list(session.exec(query))


def seen_long_ago(row: ApprovalToken, now: datetime) -> bool:
    """Say whether the use of a token is worth writing down again."""
    return row.used_at is None or now - row.used_at >= _USED_EVERY
