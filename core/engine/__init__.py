"""Durable execution of attempts: the worker process. Knows every other part; no face imports it.

`python -m core.engine` runs it. It watches the journal, starts one attempt for each workflow that can go on,
and stops those that a person paused, cancelled or moved. Everything that it does is written to the journal.
"""

from __future__ import annotations
