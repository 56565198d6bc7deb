"""The payload of Sparkplug B: protobuf as the specification has it, or the JSON that some publishers send instead.

Only the fields that are read here are described; names are taken as bytes, for a name that is not UTF-8 is still a name.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import orjson
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
from pydantic import JsonValue

from devices.coercion import number, word

METRIC_LIMIT = 1000
NAME_LIMIT = 200
TEMPLATE = 19
_FIELDS = {
    "Payload": {
        "timestamp": (1, "UINT64"),
        "metrics": (2, "Metric"),
        "seq": (3, "UINT64"),
    },
    "Metric": {
        "name": (1, "BYTES"),
        "alias": (2, "UINT64"),
        "timestamp": (3, "UINT64"),
        "datatype": (4, "UINT32"),
        "is_historical": (5, "BOOL"),
        "is_null": (7, "BOOL"),
        "properties": (9, "PropertySet"),
        "int_value": (10, "UINT32"),
        "long_value": (11, "UINT64"),
        "float_value": (12, "FLOAT"),
        "double_value": (13, "DOUBLE"),
        "boolean_value": (14, "BOOL"),
        "string_value": (15, "BYTES"),
        "template_value": (18, "Template"),
    },
    "Template": {
        "metrics": (2, "Metric"),
        "is_definition": (5, "BOOL"),
    },
    "PropertySet": {
        "keys": (1, "repeated BYTES"),
        "values": (2, "PropertyValue"),
    },
    "PropertyValue": {
        "int_value": (3, "UINT32"),
        "long_value": (4, "UINT64"),
        "string_value": (8, "BYTES"),
    },
}
_UNIT_NAMES = frozenset({"engunit", "unit", "units", "engineeringunit", "engineeringunits"})
_PROPERTY_LIMIT = 64
# How deep templates may stand in templates.
_DEPTH_LIMIT = 8
# Below 64 OPC and Sparkplug call a value bad; from 500 on it is stale, or bad in the words of Ignition.
_BAD_BELOW, _STALE_FROM = 64, 500
_VALUES = ("int_value", "long_value", "float_value", "double_value", "boolean_value", "string_value")
_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
_BY_NAME = {"int8": 1, "int16": 2, "int32": 3, "int64": 4, "template": TEMPLATE}
_REBIRTH = "Node Control/Rebirth"
_BOOLEAN = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. `name` or `alias` says which; `datatype` is the specification's number, 0 where it is not stated.

    A member of a template is named by its path, `pendant/SOS`; `template` is the alias of one that came without its name.
    `unit` as the publisher writes it. `is_doubtful`: its
    publisher says that the value is bad or stale.
    """

    name: str = ""
    alias: int | None = None
    timestamp: int | None = None
    datatype: int = 0
    is_history: bool = False
    value: JsonValue = None
    unit: str = ""
    is_doubtful: bool = False
    template: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A message: its time in milliseconds, its number from 0 to 255, its metrics. `is_json`: the form it came in."""

    timestamp: int | None = None
    seq: int | None = None
    metrics: tuple[Metric, ...] = ()
    is_json: bool = False


def _class() -> Any:
    """The class of the message, made of its description."""
    file = descriptor_pb2.FileDescriptorProto(name="carebell/sparkplug_b.proto", package="carebell", syntax="proto2")
    for name, fields in _FIELDS.items():
        described = file.message_type.add(name=name)
        for field, (place, kind) in fields.items():
            one = described.field.add(
                name=field, number=place, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
            )
            if kind in _FIELDS or kind.startswith("repeated "):
                one.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
            if kind in _FIELDS:
                one.type, one.type_name = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE, f".carebell.{kind}"
            else:
                one.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.split()[-1]}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("carebell.Payload"))


PROTOBUF = _class()


def read_payload(data: bytes) -> Payload:
    """The payload of a message. Raises ValueError where it is none."""
    if data[:1] == b"{":
        # No payload in protobuf can begin with this byte.
        return _of_json(data)
    stated = PROTOBUF()
    try:
        stated.ParseFromString(data)
    except message.DecodeError as error:
        raise ValueError("no Sparkplug B payload in protobuf") from error
    return Payload(
        timestamp=stated.timestamp if stated.HasField("timestamp") else None,
        seq=stated.seq if stated.HasField("seq") else None,
        metrics=tuple(islice(_metrics(stated.metrics), METRIC_LIMIT)),
    )


def rebirth(at_ms: int, *, is_json: bool) -> bytes:
    """The payload of the command that has a node be born again. `at_ms` since 1970; in the form that the node speaks."""
    if is_json:
        metric = {"name": _REBIRTH, "timestamp": at_ms, "dataType": "Boolean", "value": True}
        return orjson.dumps({"timestamp": at_ms, "metrics": [metric]})
    command = PROTOBUF(timestamp=at_ms)
    command.metrics.add(name=_REBIRTH.encode(), timestamp=at_ms, datatype=_BOOLEAN, boolean_value=True)
    data: bytes = command.SerializeToString()
    return data


def _metrics(listed: Iterable[Any], path: str = "", depth: int = 0) -> Iterator[Metric]:
    """Metrics, and behind each template its members; what a template is defined as states nothing."""
    for stated in listed:
        one = _metric(stated, path)
        yield one
        for template in stated.template_value[:1]:
            if not template.is_definition and depth < _DEPTH_LIMIT:
                yield from _members(_metrics(template.metrics, f"{one.name}/" if one.name else path, depth + 1), one)


def _members(found: Iterable[Metric], owner: Metric) -> Iterable[Metric]:
    if owner.name or owner.alias is None:
        return found
    return (replace(one, template=owner.alias) for one in found)


def _metric(stated: Any, path: str = "") -> Metric:
    field = next((name for name in _VALUES if stated.HasField(name)), None)
    value = None if field is None or stated.is_null else getattr(stated, field)
    return Metric(
        name=(path + _text(stated.name) if stated.name else "")[:NAME_LIMIT],
        alias=stated.alias if stated.HasField("alias") else None,
        timestamp=stated.timestamp if stated.HasField("timestamp") else None,
        datatype=stated.datatype,
        is_history=stated.is_historical,
        value=_kept(value, field),
        **_properties(_told(stated)),
    )


def _told(stated: Any) -> dict[str, JsonValue]:
    """The properties of a metric that are text or whole numbers."""
    if not stated.properties:
        return {}
    keys, values = stated.properties[0].keys[:_PROPERTY_LIMIT], stated.properties[0].values[:_PROPERTY_LIMIT]
    found: dict[str, JsonValue] = {}
    for key, one in zip(keys, values, strict=False):
        field = next((name for name in ("int_value", "long_value", "string_value") if one.HasField(name)), None)
        if field is not None:
            found[_text(key)] = _kept(getattr(one, field), field)
    return found


def _properties(told: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Unit and quality."""
    named = {word(name).replace(" ", ""): value for name, value in told.items()}
    unit = next((value for name, value in named.items() if name in _UNIT_NAMES and isinstance(value, str)), "")
    quality = number(named.get("quality"))
    return {
        "unit": unit[:NAME_LIMIT],
        "is_doubtful": quality is not None and not _BAD_BELOW <= quality < _STALE_FROM,
    }


def _kept(value: Any, field: str | None) -> JsonValue:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, float):
        # Seven digits are all that a float has: 21.7 is not 21.700000762939453.
        kept = float(f"{value:.7g}") if field == "float_value" else value
        return kept if math.isfinite(kept) else None
    return value if isinstance(value, bool | int) else None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def signed(value: JsonValue, datatype: int) -> JsonValue:
    """A whole number below zero, which the wire has as its complement."""
    bits = _BITS.get(datatype)
    if bits is None or not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return value
    kept = value & ((1 << bits) - 1)
    return kept - (1 << bits) if kept >> (bits - 1) else kept


def _of_json(data: bytes) -> Payload:
    stated = orjson.loads(data)
    metrics = stated.get("metrics")
    return Payload(
        timestamp=_whole(stated.get("timestamp")),
        seq=_whole(stated.get("seq")),
        metrics=tuple(islice(_json_metrics(metrics), METRIC_LIMIT)),
        is_json=True,
    )


def _json_metrics(listed: JsonValue, path: str = "", depth: int = 0) -> Iterator[Metric]:
    for stated in listed if isinstance(listed, list) else ():
        if not isinstance(stated, dict):
            continue
        one = _json_metric(stated, path)
        template = stated.get("value")
        if not isinstance(template, dict):
            yield one
            continue
        yield replace(one, value=None)
        is_definition = template.get("isDefinition", template.get("is_definition")) is True
        if not is_definition and depth < _DEPTH_LIMIT:
            members = _json_metrics(template.get("metrics"), f"{one.name}/" if one.name else path, depth + 1)
            yield from _members(members, one)


def _json_metric(stated: dict[str, JsonValue], path: str) -> Metric:
    name, datatype = stated.get("name"), stated.get("dataType", stated.get("datatype"))
    return Metric(
        name=(path + name)[:NAME_LIMIT] if isinstance(name, str) and name else "",
        alias=_whole(stated.get("alias")),
        timestamp=_whole(stated.get("timestamp")),
        datatype=_whole(datatype) or _BY_NAME.get(word(datatype), 0),
        is_history=stated.get("isHistorical", stated.get("is_historical")) is True,
        value=None if stated.get("isNull", stated.get("is_null")) is True else stated.get("value"),
        **_properties(_json_told(stated.get("properties"))),
    )


def _json_told(stated: JsonValue) -> dict[str, JsonValue]:
    """Properties as `{name: value}`, or `{name: {"type": …, "value": …}}`."""
    if not isinstance(stated, dict):
        return {}
    listed = list(stated.items())[:_PROPERTY_LIMIT]
    return {name: one.get("value") if isinstance(one, dict) else one for name, one in listed}


def _whole(stated: JsonValue) -> int | None:
    read = number(stated)
    return read if isinstance(read, int) and read >= 0 else None
