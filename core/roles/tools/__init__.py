"""What roles can do. Every tool stays inside the worktree, is bounded in what it shows, and runs once under
its key.
"""
