"""Mosquitto's dynamic security plugin, spoken to as its administrator: JSON commands over MQTT.

The plugin answers a command that it refuses, and nobody answers one that did not reach it: silence is an error here. Every
administrator hears the answers to all of them.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson

from carebell.clock import Clock
from carebell.errors import Refused, TryLater
from carebell.mqtt import Arrival, MqttAddress, MqttConnection, Terms
from deploy.dynsec_plan import CONTROL, Client, Command, Found

_TOPIC = f"{CONTROL}/v1"
_CONNECTS_WITHIN = timedelta(seconds=5)
# The plugin writes its whole file after each command.
_ANSWERS_WITHIN = timedelta(seconds=30)
_AT_ONCE = 20
_PAGE = 500
_NO_SESSION = timedelta(0)
_GONE_ALREADY = {"deleteClient": "Client not found", "deleteRole": "Role not found"}


class Dynsec:
    """One connection. Build with `open_dynsec`."""

    def __init__(self, address: MqttAddress, clock: Clock) -> None:
        self._arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self._sent = 0
        self._name = secrets.token_hex(8)
        self.connection = MqttConnection(
            address=address,
            client_id=f"carebell-admin-{self._name}",
            clock=clock,
            subscriptions=(f"{_TOPIC}/response",),
            on_arrival=self._arrived,
            terms=Terms(session_for=_NO_SESSION),
        )

    def _arrived(self, arrival: Arrival) -> None:
        self.connection.acknowledge(arrival)
        self._arrivals.put_nowait(arrival)

    async def do(self, commands: Sequence[Command]) -> None:
        """All of them, in their order. Raises Refused with what the plugin refuses, TryLater where it does not answer; what
        came before that is done."""
        for start in range(0, len(commands), _AT_ONCE):
            refused = [
                told for answer in await self._ask(commands[start : start + _AT_ONCE]) if (told := _error(answer))
            ]
            if refused:
                raise Refused(f"the broker refuses: {'; '.join(refused)}")

    async def found(self) -> Found:
        """What it holds now. Raises as `do`."""
        (access,) = await self._ask([{"command": "getDefaultACLAccess"}])
        roles = {
            role["rolename"]: frozenset((acl["acltype"], acl["topic"]) for acl in role["acls"] if acl["allow"])
            async for role in self._pages("listRoles", "roles")
        }
        clients = {
            client["username"]: Client(
                frozenset(role["rolename"] for role in client["roles"]), bool(client.get("disabled"))
            )
            async for client in self._pages("listClients", "clients")
        }
        return Found({acl["acltype"]: acl["allow"] for acl in _data(access)["acls"]}, roles, clients)

    async def _pages(self, command: str, name: str) -> AsyncIterator[dict[str, Any]]:
        offset = 0
        while True:
            (answer,) = await self._ask([{"command": command, "verbose": True, "count": _PAGE, "offset": offset}])
            page = _data(answer)[name]
            for one in page:
                yield one
            if len(page) < _PAGE:
                return
            offset += _PAGE

    async def _ask(self, commands: Sequence[Command]) -> list[dict[str, Any]]:
        """One message; the answer to each of its commands."""
        self._sent += 1
        mark = f"{self._name}/{self._sent}"
        body = {"commands": [{**command, "correlationData": mark} for command in commands]}
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN.total_seconds()):
                await self.connection.publish_acknowledged(_TOPIC, orjson.dumps(body), within=_ANSWERS_WITHIN)
                while True:
                    answers = list(_answers(await self._arrivals.get()))
                    if answers and all(one.get("correlationData") == mark for one in answers):
                        return answers
        except TimeoutError:
            reason = "is this login its administrator's, and is the dynamic security plugin loaded?"
            raise TryLater(f"the broker does not answer: {reason}") from None


@asynccontextmanager
async def open_dynsec(address: MqttAddress, clock: Clock) -> AsyncIterator[Dynsec]:
    """Raises TryLater where the broker does not let us in."""
    dynsec, stop = Dynsec(address, clock), asyncio.Event()
    running = asyncio.create_task(dynsec.connection.run(stop))
    try:
        if not await dynsec.connection.wait_connected(_CONNECTS_WITHIN):
            where = f"{address.host}:{address.port}"
            raise TryLater(f"the broker at {where} does not let the administrator {address.username} in, or is away")
        yield dynsec
    finally:
        stop.set()
        await running


def _answers(arrival: Arrival) -> Iterator[dict[str, Any]]:
    yield from orjson.loads(arrival.payload)["responses"]


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    if told := _error(answer):
        raise Refused(f"the broker refuses: {told}")
    data: dict[str, Any] = answer["data"]
    return data


def _error(answer: dict[str, Any]) -> str:
    """What was refused and why; empty where it was done, or had been done before."""
    error, command = answer.get("error"), answer.get("command", "")
    return "" if error is None or _GONE_ALREADY.get(command) == error else f"{command}: {error}"
