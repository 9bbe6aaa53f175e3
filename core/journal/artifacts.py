"""Bytes under the digest of their content, compressed; the same content is kept once."""

from __future__ import annotations

import zlib
from datetime import datetime

from sqlmodel import Session

from core.journal.chain import digest
from core.journal.tables import Artifact


def read(session: Session, artifact_digest: str) -> bytes | None:
    """Return the bytes kept under the digest, None when there are none."""
    artifact = session.get(Artifact, artifact_digest)
    return zlib.decompress(artifact.data) if artifact is not None else None


def put(session: Session, data: bytes, media: str, now: datetime) -> str:
    """Keep bytes and return their digest."""
    key = digest(data)
    if session.get(Artifact, key) is None:
        session.add(Artifact(digest=key, media=media, size=len(data), data=zlib.compress(data, 6), at=now))
    return key
