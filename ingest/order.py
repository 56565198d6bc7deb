"""Acknowledgements in the order of receipt, as MQTT 5 asks (4.6.0): rumqttd ends a connection that leaves it."""

from collections import deque
from collections.abc import Callable, Iterator

from carebell.mqtt import Arrival
from ingest.taken import Taken


class Order:
    """Everything that is under way, oldest first. A tick is due when all that came before it is in the log."""

    def __init__(self, acknowledge: Callable[[Arrival], bool], on_tick: Callable[[Taken], None]) -> None:
        self._acknowledge = acknowledge
        self._on_tick = on_tick
        self._open: deque[Taken] = deque()

    def begin(self, taken: Taken) -> None:
        self._open.append(taken)

    def __iter__(self) -> Iterator[Taken]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    def settle(self) -> None:
        """Acknowledge what is done and has nothing before it that is not."""
        while self._open:
            head = self._open[0]
            if head.is_tick and not head.is_done and not head.is_begun:
                head.is_begun = True
                self._on_tick(head)
            if not head.is_done:
                return
            self._open.popleft()
            self._acknowledge(head.arrival)
