"""Our errors. Two ask the caller to act (try later, give up); the rest say what a person must mend.

CarebellError
  BadInput     a person's file, argument or request is wrong: exit code 2, one line a problem
  TryLater     the far end may answer later
  Refused      the far end will never take this
    TooLarge   it is larger than the log takes
  Fenced       a newer owner has written: stop, do not write
"""

from collections.abc import Sequence
from datetime import timedelta


class CarebellError(Exception):
    """The root of our own errors."""


class BadInput(CarebellError):
    """Something a person wrote is wrong. `problems` holds one sentence each, with the line where there is one."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("; ".join(self.problems))


class TryLater(CarebellError):
    """The far end did not take it now; `after` is its own wish, None where it had none."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        self.reason = reason
        self.after = after
        super().__init__(reason)


class Refused(CarebellError):
    """The far end will never take it; trying again would change nothing."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class TooLarge(Refused):
    """Entries larger than the log takes; `places` are their indexes in the append. The others may be in the log already:
    append them again without these."""

    def __init__(self, reason: str, places: Sequence[int]) -> None:
        self.places = tuple(places)
        super().__init__(reason)


class Fenced(CarebellError):
    """Another owner of the same partition has written since; this one must not."""
