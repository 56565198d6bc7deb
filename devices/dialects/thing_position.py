"""Where a device says it is: latitude and longitude in one object, or as two identifiers of one message. Pure."""

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import moment, number, word
from devices.dialect import Fact
from devices.dialects.thing_items import Item
from devices.facts import event

_LATITUDES, _LONGITUDES = ("latitude", "lat"), ("longitude", "lng", "lon")
# Of Alibaba's structure GeoLocation: 1 is WGS-84; 2 is shifted by some hundred metres, as maps of China are.
_SHIFTED = "2"


def positions(items: Iterable[Item]) -> list[Fact]:
    """The positions that a message states. Two numbers that make none (0 and 0 before there is a fix) are left out."""
    found: list[Fact] = []
    apart: dict[tuple[str, bool], dict[str, JsonValue]] = {}
    for item in items:
        if isinstance(item.value, dict):
            found += _position(item.value, item)
        elif item.identifier.casefold() in (*_LATITUDES, *_LONGITUDES):
            together = apart.setdefault((item.sub_device, item.is_history), {})
            together[item.identifier] = item.value
            found += _position(together, item)
    return found


def _position(stated: Mapping[str, JsonValue], item: Item) -> list[Fact]:
    named = {name.casefold(): value for name, value in stated.items() if len(name) <= len("coordinatesystem")}
    latitude, longitude = _first(named, _LATITUDES), _first(named, _LONGITUDES)
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return []
    if latitude == longitude == 0:
        return []
    return [
        event(
            Kind.POSITION,
            {"latitude": latitude, "longitude": longitude},
            sub_device=item.sub_device,
            is_history=item.is_history,
            observed_at=moment(item.stated_time),
            note="coordinates of GCJ-02" if word(named.get("coordinatesystem")) == _SHIFTED else "",
        )
    ]


def _first(named: Mapping[str, JsonValue], names: Iterable[str]) -> int | float | None:
    return next((read for name in names if (read := number(named.get(name))) is not None), None)
