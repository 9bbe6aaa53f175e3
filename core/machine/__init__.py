"""The pure rules of a workflow: what may happen, who may order it, and what it needs.

No clock, no I/O, no randomness: whoever calls hands them in. `decide(workflow, command)` says which events
a command causes, or why it is refused; `apply(workflow, event)` folds one event in. The table itself is data,
in `transitions`.
"""
