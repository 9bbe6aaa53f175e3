"""What only the process itself can count: mounted widgets, and what one repaint of a stream costs."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.load import words
from screenshots.scenes import until
from tui.app import QdeckApp
from tui.markdown import warm
from tui.options import AppOptions
from tui.widgets.conversation import Conversation

PIECES, TOKENS = 250, 200


async def counted(path: Path, workflow_id: str) -> dict[str, Any]:
    """Open a workflow, hand its conversation an answer of 200 KB in pieces, and draw after each."""
    app = QdeckApp(AppOptions(database_url=str(path), start_worker=False))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.journal_open)
        app.open_workflow(workflow_id)
        await until(pilot, lambda: getattr(app.screen, "picture", None) is not None)
        talk = app.screen.query_one(Conversation)
        app.link.watch("")
        await until(pilot, lambda: talk.settled)
        text, spent = "", []
        gc.collect()
        gc.freeze()
        for number in range(PIECES):
            text += words(TOKENS, number * TOKENS)
            # The journal's thread does that for the app.
            warm(text)
            talk.update_stream("q_assistant", "bench:discovery:1", text)
            began = time.thread_time()
            talk.flush()
            for y in range(talk.size.height):
                talk.render_line(y)
            spent.append(time.thread_time() - began)
            await asyncio.sleep(0)
        mounted = sum(1 for screen in app.screen_stack for _ in screen.walk_children(with_self=True))
    spent.sort()
    return {
        "mounted_widgets": mounted,
        "stream_repaint_p50_ms": round(statistics.median(spent) * 1000, 2),
        "stream_repaint_p95_ms": round(spent[int(len(spent) * 0.95)] * 1000, 2),
        "stream_repaint_max_ms": round(spent[-1] * 1000, 2),
    }
