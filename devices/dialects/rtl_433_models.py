"""Which family a model of rtl_433 belongs to, and everything that one decoded radio message says. Pure."""

import re
from dataclasses import replace

from carebell.types import Kind
from devices.dialect import DeviceRecord, Fact
from devices.dialects import rtl_433_remotes as remotes
from devices.dialects import rtl_433_security as security
from devices.dialects.rtl_433_values import Payload, described, meant, text_of, values
from devices.facts import alive, with_test

# By the beginning of the model's name, blanks as dashes; the first that fits.
_FAMILIES: tuple[tuple[str, security.Reader], ...] = (
    ("x10-sec", security.x10),
    ("interlogix", security.interlogix),
    ("simplisafe", security.simplisafe),
    ("cavius", security.cavius),
    ("smoke-gs558", security.gs558),
    ("smoke-detector-gs", security.gs558),
    ("kidde", security.kidde),
    ("kerui", security.kerui),
    ("govee", security.govee),
    ("honeywell-activlink", remotes.activlink),
    ("honeywell-doorbell", remotes.doorbell),
    ("honeywell-sec", security.honeywell),
    ("honeywell-door", security.honeywell),
    ("2gig", security.honeywell),
    ("vivint", security.honeywell),
    ("dsc", security.dsc),
    ("visonic", security.visonic),
    ("yale-hsa", security.yale),
    ("jasco", security.jasco),
    ("chuango", security.chuango),
    ("olympia", remotes.olympia),
    ("bresser-leak", remotes.leak_alarm),
    ("generic-motion", remotes.generic_motion),
    ("generic-temp", remotes.state),
    ("generic", remotes.code),
    ("ev1527", remotes.code),
    ("pt2262", remotes.code),
    ("sc226", remotes.code),
    ("hx2262", remotes.code),
    ("hcs200", remotes.hcs200),
    ("microchip-hcs200", remotes.hcs200),
    ("ht680", remotes.ht680),
    ("funkbus", remotes.funkbus),
    ("fs20", remotes.fs20),
    ("nexa", remotes.switch),
    ("x10-rf", remotes.switch),
    ("proove", remotes.switch),
    ("klikaanklikuit", remotes.switch),
    ("kaku", remotes.switch),
    ("newkaku", remotes.switch),
    ("intertechno", remotes.switch),
    ("brennenstuhl", remotes.switch),
    ("waveman", remotes.switch),
    ("elro-db", remotes.doorbell),
    ("byron", remotes.doorbell),
    ("advent", remotes.doorbell),
    ("heidemann", remotes.doorbell),
    ("fineoffset-wh55", remotes.quiet),
)
_CAR = re.compile(
    r"car-?remote|continental|astrostart|audiovox|chrysler|codealarm|compustar|akhan|siemens-5wk|denso|alps-|toyota|"
    r"hyundai|nissan|mazda|honda|^ford|^gm-|^kia"
)
# Its battery bit is not known: it always says empty.
_NO_BATTERY = ("jasco",)


def facts_of(payload: Payload, record: DeviceRecord | None) -> list[Fact]:
    """Everything that the message of one device says; a heartbeat where it says nothing else."""
    model = text_of(payload.get("model")).casefold().replace(" ", "-")
    if text_of(payload.get("type")).upper() == "TPMS" or "tpms" in model:
        return [alive()]
    words = described(record)
    # Old receivers send Cavius' messages without a model.
    said = _reader(model or ("cavius" if "senderid" in payload else ""))(payload, words)
    known = {fact.kind for fact in said}
    if meant(words) not in (None, Kind.CONTACT):
        # Its contact is only how it says something else.
        known.add(Kind.CONTACT)
    common = [fact for fact in values(payload) if fact.kind not in known]
    if model.startswith(_NO_BATTERY):
        common = [fact for fact in common if fact.kind != Kind.BATTERY_LOW]
    return with_test([*said, *_once(common)]) or [alive()]


def _reader(model: str) -> security.Reader:
    if _CAR.search(model):
        return remotes.car_key
    if "doorbell" in model or "chime" in model:
        return remotes.doorbell
    return next((reader for start, reader in _FAMILIES if model.startswith(start)), remotes.state)


def _once(facts: list[Fact]) -> list[Fact]:
    """Two keys of one kind say the same."""
    return list({fact.kind: fact for fact in reversed(facts)}.values())[::-1]


def about(facts: list[Fact], address: str) -> tuple[Fact, ...]:
    """The facts of the device with that address."""
    return tuple(replace(fact, sub_device=address) for fact in facts)
