"""What `carebell replay` reads and writes: readings and homes from files of JSON lines (.gz too), alerts as JSON lines."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import fields, make_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson

from carebell.duration import parse_duration
from carebell.errors import BadInput
from carebell.ids import computed
from carebell.types import Alert, DeviceProfile, HomeProfile, Reading, ResidentProfile

Content = dict[str, Any]
# A reading that can be written to. A frozen one is filled field by field through `object.__setattr__`, which would be most
# of the time that a line takes; a draft has the same slots and becomes a Reading.
_Draft: Any = make_dataclass("_Draft", [(one.name, one.type, one) for one in fields(Reading)], slots=True, kw_only=True)
One = TypeVar("One")


def read_readings(path: Path) -> Iterator[Reading]:
    """One by one, in the order of the file. Raises BadInput on the way."""
    return _each(path, _reading)


def read_homes(path: Path) -> list[HomeProfile]:
    """Raises BadInput."""
    return list(_each(path, _home))


def write_time(at: datetime) -> str:
    """To the millisecond, in UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def alert_content(alert: Alert) -> Content:
    """An alert as it is written."""
    return {
        "rule": alert.rule,
        "home_id": alert.home_id,
        "status": alert.status.value,
        "at": write_time(alert.at),
        "severity": alert.severity.value,
        "summary": alert.summary,
        "summary_zh": alert.summary_zh,
        "evidence": list(alert.evidence),
        "id": alert.id,
        "rulebook": alert.rulebook,
    }


def read_time(stated: Any) -> datetime:
    """An RFC 3339 time, in UTC. Raises BadInput."""
    try:
        at = datetime.fromisoformat(stated)
        if at.tzinfo is UTC:
            return at
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise BadInput(f"not an RFC 3339 time: {str(stated)[:64]!r}") from None
    raise BadInput(f"a time needs a zone, such as Z: {stated!r}")


def _each(path: Path, read: Callable[[Content], One]) -> Iterator[One]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rb") as file:
            for number, line in enumerate(file, 1):  # noqa: B007 - a problem is told with it
                if not line.isspace():
                    yield read(_object(line))
    except BadInput as error:
        raise BadInput([f"{path}:{number}: {problem}" for problem in error.problems]) from error
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _object(line: bytes) -> Content:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInput("expected a JSON object")
    return content


def _text(content: Content, key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{key} is missing or not a text")
    return value


def _reading(content: Content) -> Reading:
    home_id, device_id, kind = _text(content, "home_id"), _text(content, "device_id"), _text(content, "kind")
    stated = content.get("observed_at")
    observed_at = read_time(stated)
    received = content.get("received_at")
    value, source_id = content.get("value"), content.get("id")
    if isinstance(source_id, str):
        id = computed("reading", home_id, device_id, source_id)
    else:
        # As a person finds it again in the file. What a device says twice without a number of its own is one reading.
        source_id = f"{kind} {stated} {_value_text(value)}"
        id = f"{home_id}/{device_id} {source_id}"
    draft = _Draft(
        id=id,
        home_id=home_id,
        device_id=device_id,
        kind=kind,
        value=value,
        unit=str(content.get("unit") or ""),
        place=str(content.get("place") or ""),
        observed_at=observed_at,
        received_at=observed_at if received is None else read_time(received),
        source_message_id=source_id,
    )
    draft.__class__ = Reading
    reading: Reading = draft
    return reading


def _value_text(value: Any) -> str:
    if not isinstance(value, list | dict):
        return repr(value)
    try:
        return computed(orjson.dumps(value))
    except orjson.JSONEncodeError:
        raise BadInput("value is nested too deeply") from None


def _home(content: Content) -> HomeProfile:
    return HomeProfile(
        home_id=_text(content, "home_id"),
        timezone=str(content.get("timezone") or "UTC"),
        devices=tuple(_device(one) for one in _objects(content, "devices")),
        residents=tuple(_resident(one) for one in _objects(content, "residents")),
        settings=_settings(content.get("settings")),
    )


def _objects(content: Content, key: str) -> list[Content]:
    stated = content.get(key)
    if stated is None:
        return []
    if not isinstance(stated, list) or not all(isinstance(one, dict) for one in stated):
        raise BadInput(f"{key} is a list of objects")
    return stated


def _device(device: Content) -> DeviceProfile:
    every = device.get("expected_every")
    try:
        expected_every = None if every is None else parse_duration(every)
    except ValueError as error:
        raise BadInput(f"expected_every: {error}") from error
    return DeviceProfile(
        device_id=_text(device, "device_id"),
        model=str(device.get("model") or ""),
        place=str(device.get("place") or ""),
        gateway_id=str(device.get("gateway_id") or ""),
        is_gateway=device.get("is_gateway") is True,
        is_sos=device.get("is_sos") is True,
        expected_every=expected_every,
    )


def _resident(resident: Content) -> ResidentProfile:
    level = resident.get("ability_level")
    if level is not None and (type(level) is not int or not 0 <= level <= 4):
        raise BadInput(f"ability_level is 0 (intact) to 4 (total dependence), not {str(level)[:32]!r}")
    return ResidentProfile(ability_level=level)


def _settings(stated: Any) -> dict[str, dict[str, Any]]:
    if stated is None:
        return {}
    if not isinstance(stated, dict) or not all(isinstance(changes, dict) for changes in stated.values()):
        raise BadInput("settings are objects by rule: parameters with values")
    return stated
