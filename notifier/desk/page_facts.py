"""What the page is told of the desk that serves it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """Whether it signs itself in, whom to phone when it has lost contact, the command that presses a demonstration's button."""

    is_demo: bool = False
    phone: str = ""
    press: str = ""
