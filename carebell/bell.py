"""Tells loops of the same process that something has changed. Only a hint: every loop also looks by itself."""

import asyncio


class Bell:
    """Ring it, and every subscriber's event is set."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()

    def subscribe(self) -> asyncio.Event:
        """An event that is set at each ring; the subscriber clears it."""
        event = asyncio.Event()
        self._events.add(event)
        return event

    def unsubscribe(self, event: asyncio.Event) -> None:
        self._events.discard(event)

    def ring(self) -> None:
        for event in self._events:
            event.set()
