"""The port of a channel: send once. Retries, leases and recording live in delivery, not here."""

from typing import Protocol

from notifier.message import Outgoing


class Channel(Protocol):
    """One way to reach a person."""

    @property
    def name(self) -> str: ...

    async def send(self, message: Outgoing) -> str:
        """Send once and return what the far end said. Raises TryLater or Refused, nothing else."""
        ...

    async def close(self) -> None: ...
