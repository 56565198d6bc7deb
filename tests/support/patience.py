"""How long a test waits for what should happen: a busy machine takes its time, and what never happens still fails.

A test that asks for time itself says so with times of its own; everybody else waits for the event.
"""

PATIENCE_S = 90.0
