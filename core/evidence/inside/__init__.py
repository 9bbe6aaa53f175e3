"""Files that run inside the sandbox with the project's own interpreter. They import nothing of ours."""

from pathlib import Path

INSIDE = Path(__file__).parent
"""The folder that is shown to such a run."""
