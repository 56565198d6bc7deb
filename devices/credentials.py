"""Credentials for the MQTT broker: who a speaker is there, what it may do, and how that changes. Values and rules only.

A device may only speak for itself, a gateway only inside its home, a network server only below its own topics.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from carebell.errors import BadInput
from devices.dialects import native
from devices.ecosystems import BY_NAME, SERVER_FILTERS
from devices.registry import Home
from devices.registry_checks import CHECKS, closest

_PULSE = "carebell-pulse/#"
_BROKER_SAYS = ("$SYS/broker/publish/messages/dropped", "$SYS/broker/version")
_SHARED = "$share/"
# In the audit, what a device that leaves its home does to its credential.
WITH_DEVICE = "revoked with its device"
# Client ids that our own connections use: whoever took one would take their session.
_OUR_CLIENTS = ("carebell-", "ingest-", "rules-", "notify-", "desk-")
# Devices of these ecosystems speak for themselves alone, each below a level of its own.
OWN_LEVEL = {"shelly": ("{}/#",), "tasmota": ("{}/#", "+/{}/#")}


class Speaker(StrEnum):
    """Who a credential is for."""

    DEVICE = "device"
    GATEWAY = "gateway"
    SERVER = "server"
    SERVICE = "service"


class Action(StrEnum):
    """What a client asks of a broker."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


@dataclass(frozen=True, slots=True)
class Grants:
    """Topic filters that may be published below, and subscribed to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whom a credential belongs to. Build with `device`, `gateway`, `server` or `service`.

    `name` is the device or gateway in its home, or the server's or service's own name. `address`: the one level of its
    ecosystem that the device speaks below; empty for a gateway, which speaks for the whole ecosystem in its home.
    """

    speaker: Speaker
    name: str
    home_id: str = ""
    dialect: str = ""
    address: str = ""

    @property
    def username(self) -> str:
        """Its name at the broker: with a `/` in homes, without one elsewhere."""
        return f"{self.home_id}/{self.name}" if self.home_id else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What is kept of a credential. `secret` is the hash. `is_settled`: the broker is known to have taken this revision."""

    holder: Holder
    secret: str
    issued_at: datetime
    revoked_at: datetime | None = None
    revision: int = 1
    is_settled: bool = False

    @property
    def username(self) -> str:
        return self.holder.username

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A line of the audit: `what` is issued, rotated, revoked, or `WITH_DEVICE`."""

    username: str
    revision: int
    what: str
    by: str
    at: datetime


class Credentials(Protocol):
    """Where credentials are kept. Each change is one transaction with its line of audit."""

    async def find(self, username: str) -> Credential | None: ...

    async def page(self, after: str = "", limit: int = 500, *, home_id: str = "") -> Sequence[Credential]:
        """The next by user name, revoked ones too; of one home where it is named."""
        ...

    async def issue(self, holder: Holder, secret: str, *, by: str, at: datetime) -> Credential:
        """Raises BadInput where the holder has a valid one."""
        ...

    async def rotate(self, username: str, secret: str, *, by: str, at: datetime) -> Credential:
        """Raises BadInput where there is no valid one."""
        ...

    async def revoke(self, username: str, *, by: str, at: datetime) -> Credential:
        """Once more is no change. Raises BadInput where there has never been one."""
        ...

    async def settle(self, credential: Credential) -> bool:
        """The broker has taken this revision; False where there is a newer one."""
        ...

    async def doubt(self, username: str) -> None:
        """The broker may hold something else than what is kept: not settled any more."""
        ...

    async def still_inside(self) -> Sequence[Credential]:
        """Those that are revoked here and that the broker may still let in."""
        ...

    async def audit(self, username: str) -> Sequence[Change]:
        """Every change, oldest first."""
        ...

    async def close(self) -> None: ...


# Whose


def device(home_id: str, device_id: str) -> Holder:
    """A device of the native dialect. Raises BadInput."""
    return Holder(speaker=Speaker.DEVICE, home_id=_id("home_id", home_id), name=_id("device_id", device_id))


def gateway(home_id: str, device_id: str, dialect: str, address: str = "") -> Holder:
    """A gateway of an ecosystem in one home, or with an address a device of it that speaks for itself. Raises BadInput."""
    _known(dialect)
    if address and dialect not in OWN_LEVEL:
        raise BadInput(f"{dialect} is heard for a whole home: only {', '.join(OWN_LEVEL)} devices have an own address")
    return Holder(
        speaker=Speaker.GATEWAY,
        home_id=_id("home_id", home_id),
        name=_id("device_id", device_id),
        dialect=dialect,
        address=_id("device_id", address) if address else "",
    )


def server(name: str, dialect: str) -> Holder:
    """A network server that speaks for many homes. Raises BadInput."""
    _known(dialect)
    if not BY_NAME[dialect].FILTERS:
        raise BadInput(f"{dialect} speaks below its home only: issue it for a gateway there")
    return Holder(speaker=Speaker.SERVER, name=_id("device_id", name), dialect=dialect)


def service(name: str) -> Holder:
    """The processes of Carebell itself. Raises BadInput."""
    return Holder(speaker=Speaker.SERVICE, name=_id("device_id", name))


def holder_of(home: Home, device_id: str) -> Holder:
    """A device as the registry has it. Raises BadInput where it is not there, or does not speak to the broker itself."""
    found = next((one for one in home.devices if one.device_id == device_id), None)
    if found is None:
        hint = closest(device_id, [one.device_id for one in home.devices])
        raise BadInput(f"home {home.home_id} has no device {device_id!r} in the registry{hint}")
    if found.returned_on is not None:
        raise BadInput(f"{device_id} was returned on {found.returned_on}: it has nothing to say")
    dialect = found.dialect or native.NAME
    if dialect == native.NAME and not found.is_gateway:
        return device(home.home_id, device_id)
    if found.gateway_id and not found.is_gateway:
        raise BadInput(f"{device_id} speaks through {found.gateway_id}: that is the one to have a password")
    is_alone = dialect in OWN_LEVEL and not found.is_gateway
    return gateway(home.home_id, device_id, dialect, (found.address or device_id) if is_alone else "")


def _id(field: str, text: str) -> str:
    try:
        CHECKS[field](text)
    except ValueError as refusal:
        raise BadInput(str(refusal)) from refusal
    return text


def _known(dialect: str) -> None:
    if dialect not in BY_NAME:
        raise BadInput(f"there is no dialect {dialect!r}{closest(dialect, list(BY_NAME)) or ', see docs/devices.md'}")


# What it may do


def grants_of(holder: Holder) -> Grants:
    """Everything that the holder may do; whatever is not in here it may not."""
    home = f"{native.ROOT}/{holder.home_id}"
    if holder.speaker is Speaker.DEVICE:
        return Grants((f"{home}/{holder.name}/up",), (f"{home}/{holder.name}/down",))
    if holder.speaker is Speaker.GATEWAY and holder.dialect == native.NAME:
        return Grants((f"{home}/+/up",), (f"{home}/+/down",))
    if holder.speaker is Speaker.GATEWAY:
        forms = OWN_LEVEL[holder.dialect] if holder.address else ("#",)
        filters = tuple(f"{home}/{holder.dialect}/{form.format(holder.address)}" for form in forms)
        return Grants(filters, filters)
    if holder.speaker is Speaker.SERVER:
        filters = tuple(BY_NAME[holder.dialect].FILTERS)
        return Grants(filters, filters)
    filters = (f"{native.ROOT}/#", _PULSE, *SERVER_FILTERS)
    return Grants(filters, (*filters, *_BROKER_SAYS))


def permits(holder: Holder, action: Action, topic: str) -> bool:
    """Whether the holder may publish to a topic, or subscribe to a filter."""
    grants = grants_of(holder)
    if action is Action.PUBLISH:
        is_plain = not set("+#\0") & set(topic)
        return is_plain and any(covers(granted, topic) for granted in grants.publish)
    if holder.speaker is Speaker.SERVICE and topic.startswith(_SHARED):
        topic = topic.split("/", 2)[-1]
    return any(covers(granted, topic) for granted in grants.subscribe)


def covers(granted: str, asked: str) -> bool:
    """Whether a filter matches every topic that another filter, or a topic, stands for."""
    have, want = granted.split("/"), asked.split("/")
    for place, level in enumerate(have):
        if level == "#":
            return True
        if place >= len(want) or want[place] == "#":
            return False
        if level not in ("+", want[place]):
            return False
    return len(have) == len(want)


def may_be(holder: Holder, client_id: str) -> bool:
    """Whether the holder may connect under a client id: those of our own connections are theirs alone."""
    return holder.speaker is Speaker.SERVICE or not client_id.startswith(_OUR_CLIENTS)


# Changes


def issued(known: Credential | None, holder: Holder, secret: str, at: datetime) -> Credential:
    """The first, or one anew for whom it was revoked. Raises BadInput."""
    if known is not None and known.is_valid:
        raise BadInput(
            f"{holder.username} has a password since {known.issued_at:%Y-%m-%d}: rotate it, or revoke it first"
        )
    revision = 1 if known is None else known.revision + 1
    return Credential(holder=holder, secret=secret, issued_at=at, revision=revision)


def rotated(known: Credential | None, username: str, secret: str, at: datetime) -> Credential:
    """With another password. Raises BadInput."""
    if known is None or not known.is_valid:
        raise BadInput(f"{username} has no valid password: issue one")
    return replace(known, secret=secret, issued_at=at, revision=known.revision + 1, is_settled=False)


def revoked(known: Credential | None, username: str, at: datetime) -> Credential:
    """Not valid any more; the same where it was not. Raises BadInput."""
    if known is None:
        raise BadInput(f"{username} has never had a password; `list` shows who has")
    if not known.is_valid:
        return known
    return replace(known, revoked_at=at, revision=known.revision + 1, is_settled=False)
