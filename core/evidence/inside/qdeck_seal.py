"""A plugin of pytest's that seals its report once the session has come to its end.

The secret lies in a file that is read and removed before anything of the project is imported, so that code
which ends the process early, or writes a report by hand, has nothing to seal it with. Runs inside the
sandbox, on whatever Python the project has.
"""

import hashlib
import hmac
import os
import sys


def take_secret(folder):
    """Return the secret that was laid into the reports' folder, and leave none behind."""
    place = os.path.join(folder, "secret")
    try:
        with open(place, "rb") as file:
            secret = file.read()
        os.unlink(place)
    except OSError:
        return b""
    return secret


def seal(secret, report):
    """Write beside a report what shows that it was written by who had the secret."""
    with open(report, "rb") as file:
        mark = hmac.new(secret, file.read(), hashlib.sha256).hexdigest()
    with open(report + ".seal", "w") as file:
        file.write(mark)


def _plugin():
    reports = [word.split("=", 1)[1] for word in sys.argv if word.startswith("--junitxml=")]
    report = reports[-1] if reports else ""
    secret = take_secret(os.path.dirname(report)) if report else b""

    def unconfigure(config):
        if secret and os.path.isfile(report) and not hasattr(config, "workerinput"):
            seal(secret, report)

    return unconfigure


pytest_unconfigure = _plugin()
