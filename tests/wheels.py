"""A package in small, as a wheel that a repository brings along: no registry is asked for it."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

WHEEL = "vendor/tiny_greeter-1.0-py3-none-any.whl"


def wheel() -> bytes:
    """Build a wheel with one module."""
    info = "tiny_greeter-1.0.dist-info"
    files = {
        "tiny_greeter.py": "def greet(name):\n    return f'hello {name}'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tiny-greeter\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        lines = []
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(text)}\n")
        archive.writestr(f"{info}/RECORD", "".join(lines) + f"{info}/RECORD,,\n")
    return made.getvalue()
