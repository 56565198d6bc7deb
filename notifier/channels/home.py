"""The way back to the home: `coming`, to the device that called, in the native dialect."""

from collections.abc import Awaitable, Callable

import orjson

from notifier.escalation import HOME_CHANNEL
from notifier.message import Outgoing

Publish = Callable[[str, bytes], Awaitable[None]]


class HomeChannel:
    """Publishes to the device's down topic; done when the broker has acknowledged."""

    name = HOME_CHANNEL

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    async def send(self, message: Outgoing) -> str:
        topic = f"carebell/{message.data['home_id']}/{message.to}/down"
        told = {"id": message.data["source_id"], "type": "coming", "who": message.data["who"]}
        await self._publish(topic, orjson.dumps(told))
        return "accepted by the broker"

    async def close(self) -> None:
        """The connection belongs to whoever gave it."""
