"""The way back to the home, to the device that spoke, in the native dialect: `coming`, `pre_alarm`, `test_ok`."""

from collections.abc import Awaitable, Callable

import orjson

from notifier.case_value import Purpose
from notifier.escalation import HOME_CHANNEL
from notifier.message import Outgoing

Publish = Callable[[str, bytes], Awaitable[None]]
_SAYS: dict[str, tuple[str, ...]] = {Purpose.COMING: ("who",), Purpose.PRE_ALARM: ("until",)}


class HomeChannel:
    """Publishes to the device's down topic; done when the broker has acknowledged."""

    name = HOME_CHANNEL

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    async def send(self, message: Outgoing) -> str:
        topic = f"carebell/{message.data['home_id']}/{message.to}/down"
        purpose = str(message.data["purpose"])
        told = {name: message.data[name] for name in _SAYS.get(purpose, ())}
        told |= {"id": message.data["source_id"], "type": purpose}
        await self._publish(topic, orjson.dumps(told))
        return "accepted by the broker"

    async def close(self) -> None:
        """The connection belongs to whoever gave it."""
