"""Runs inside the sandbox, in front of a command that may reach a few hosts; needs nothing but Python.

The command's network has no way out. This listens on its loopback as an HTTP proxy and hands each connection
to a socket of the worker's, which decides by host. `relay.py SOCKET COMMAND …` becomes the command.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import suppress

_PIECE = 65536


def main() -> None:
    """Leave a child that relays, tell the command where it is, and become the command."""
    gateway, argv = sys.argv[1], sys.argv[2:]
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    if os.fork() == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        _serve(listener, gateway)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ[name] = os.environ[name.upper()] = address
    for name in ("no_proxy", "NO_PROXY"):
        os.environ.pop(name, None)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - becoming the command is what this is for
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


def _serve(listener: socket.socket, gateway: str) -> None:
    while True:
        here, _ = listener.accept()
        threading.Thread(target=_relay, args=(here, gateway), daemon=True).start()


def _relay(here: socket.socket, gateway: str) -> None:
    with here, socket.socket(socket.AF_UNIX) as there, suppress(OSError):
        there.connect(gateway)
        back = threading.Thread(target=_pump, args=(there, here), daemon=True)
        back.start()
        _pump(here, there)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
