"""Every dialect that is spoken here, and which of them a topic belongs to."""

from devices.dialect import Dialect
from devices.dialects import (
    alink,
    chirpstack,
    homeassistant,
    lumi,
    native,
    onenet,
    rtl_433,
    shelly,
    sparkplug,
    tasmota,
    theengs,
    tts,
    tuyalink,
    zigbee2mqtt,
)

# The first that matches a topic reads it; the last take the loosest forms.
DIALECTS: tuple[Dialect, ...] = (
    native,
    zigbee2mqtt,
    chirpstack,
    tts,
    rtl_433,
    theengs,
    alink,
    onenet,
    tuyalink,
    sparkplug,
    lumi,
    shelly,
    tasmota,
    homeassistant,
)
BY_NAME: dict[str, Dialect] = {dialect.NAME: dialect for dialect in DIALECTS}
# What ingest must hear beside `carebell/#`: servers that speak for many homes.
SERVER_FILTERS: tuple[str, ...] = tuple(one for dialect in DIALECTS for one in dialect.FILTERS)
# What gateways keep with the broker, so that their other messages can be understood.
LESSON_FILTERS: tuple[str, ...] = (
    "carebell/+/homeassistant/+/+/config",
    "carebell/+/homeassistant/+/+/+/config",
    "carebell/+/homeassistant/+/+/+/+/config",
    "carebell/+/zigbee2mqtt/bridge/devices",
)


def dialect_of(topic: str) -> Dialect | None:
    """The dialect of a documented topic; None where nobody speaks like that."""
    return next((dialect for dialect in DIALECTS if dialect.matches(topic)), None)
