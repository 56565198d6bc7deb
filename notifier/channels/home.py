"""The way back to the home: to the device that spoke, in the native dialect (`coming`, `pre_alarm`, `test_ok`), and to what
is there to show it, in its own dialect."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import orjson

from carebell.errors import Refused, TryLater
from devices.confirm import Request
from devices.confirm_plans import needs_route, plan
from notifier.answers import Answers
from notifier.case_value import Purpose
from notifier.escalation import HOME_CHANNEL
from notifier.message import Outgoing

Publish = Callable[[str, bytes], Awaitable[None]]
_SAYS: dict[str, tuple[str, ...]] = {Purpose.COMING: ("who",), Purpose.PRE_ALARM: ("until",)}
_TAKEN = "accepted by the broker"


class HomeChannel:
    """Publishes to devices of homes; done when the broker has acknowledged. What they say to it is for `answers` to hear."""

    name = HOME_CHANNEL

    def __init__(self, publish: Publish, answers: Answers) -> None:
        self._publish = publish
        self._answers = answers

    async def send(self, message: Outgoing) -> str:
        if message.signal is not None:
            return await self._signal(message.signal)
        topic = f"carebell/{message.data['home_id']}/{message.to}/down"
        purpose = str(message.data["purpose"])
        told = {name: message.data[name] for name in _SAYS.get(purpose, ())}
        told |= {"id": message.data["source_id"], "type": purpose}
        await self._publish(topic, orjson.dumps(told))
        return _TAKEN

    async def _signal(self, request: Request) -> str:
        device = request.device
        if needs_route(device):
            route = self._answers.route(device.dialect, request.address)
            if route is None:
                raise TryLater(f"nothing has been heard of {request.address} yet, so that the way to it is not known")
            request = replace(request, route=route)
        planned = plan(request)
        if planned is None:
            raise Refused(f"{device.device_id} cannot show this")
        self._answers.expect(request.id, planned.echoes)
        for one in planned.publications:
            await self._publish(one.topic, one.payload)
        return _TAKEN

    async def close(self) -> None:
        """The connection belongs to whoever gave it."""
