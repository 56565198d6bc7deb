"""The way to devices behind servers for many homes: their topics hold what no registry knows (an application, a product),
and every message of theirs shows it."""

import re

from devices.registry_conflicts import plain_address

# What must be heard for it. Only the topic is read, never what is said.
ROUTE_FILTERS = (
    "application/+/device/+/event/up",
    "v3/+/devices/+/up",
    "/sys/+/+/thing/event/property/post",
    "$sys/+/+/thing/property/post",
)
_ROUTES = (
    ("chirpstack", re.compile(r"(application/[^/]+/device/([^/]+))/event/up")),
    ("tts", re.compile(r"(v3/[^/]+/devices/([^/]+))/up")),
    ("alink", re.compile(r"(/sys/[^/]+/([^/]+))/thing/event/property/post")),
    ("onenet", re.compile(r"(\$sys/[^/]+/([^/]+))/thing/property/post")),
)

_ANYWHERE = {
    "chirpstack": "application/+/device/+",
    "tts": "v3/+/devices/+",
    "alink": "/sys/+/+",
    "onenet": "$sys/+/+",
}


def any_route(dialect: str) -> str:
    """A filter for the way to some device of a dialect, where the way to the one that is meant is not known (yet)."""
    return _ANYWHERE[dialect]


def is_on(topic: str, where: str) -> bool:
    """Whether a topic is this one, or one that a filter with `+` covers."""
    levels, wanted = topic.split("/"), where.split("/")
    return len(levels) == len(wanted) and all(one in ("+", level) for level, one in zip(levels, wanted, strict=True))


def route_of(topic: str) -> tuple[str, str, str] | None:
    """The dialect, the address as it is compared, and the way there, by a topic that a device spoke on; else None."""
    for dialect, pattern in _ROUTES:
        if found := pattern.fullmatch(topic):
            return dialect, plain_address(found[2]), found[1]
    return None
