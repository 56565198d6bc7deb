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


def route_of(topic: str) -> tuple[str, str, str] | None:
    """The dialect, the address as it is compared, and the way there, by a topic that a device spoke on; else None."""
    for dialect, pattern in _ROUTES:
        if found := pattern.fullmatch(topic):
            return dialect, plain_address(found[2]), found[1]
    return None
