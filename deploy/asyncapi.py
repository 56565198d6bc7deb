"""`python -m deploy.asyncapi` prints docs/asyncapi.yaml: the messages over MQTT and on the log, as AsyncAPI 3.0.

Schemas of the log come from the types themselves; every example is what the real code makes of one press.
"""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import yaml
from pydantic import TypeAdapter

from carebell.ids import computed
from carebell.topics import Topic
from carebell.types import Alert, CaseFact, DeviceProfile, HomeProfile, Kind, Reading, Rejected, Severity, Tick
from carebell.wire import Wire, encode, headers
from deploy.config import rulebook_of
from devices.dialect import Message
from devices.listener import Listener
from ingest.accept import Accepted, accept
from ingest.roster import Roster
from rules_engine.home import HomeStep
from rules_engine.ruleset import every_rule

_AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
_UP, _DOWN = "carebell/{home_id}/{device_id}/up", "carebell/{home_id}/{device_id}/down"
_ON_TOPIC: Mapping[Topic, tuple[type, ...]] = {
    Topic.URGENT: (Reading,),
    Topic.TELEMETRY: (Reading, Tick),
    Topic.HOMES: (HomeProfile,),
    Topic.ALERTS: (Alert,),
    Topic.CASES: (CaseFact,),
    Topic.REJECTED: (Rejected,),
}
_ABOUT = {
    Topic.URGENT: "Calls for help and other urgent readings.",
    Topic.TELEMETRY: "Every other reading, and the ticks that are the rules' clock.",
    Topic.HOMES: "The newest profile of each home, without names and addresses.",
    Topic.ALERTS: "What the rules raise.",
    Topic.CASES: "The history of every case, for whoever integrates.",
    Topic.REJECTED: "What could not be read: a bounded copy and the reason.",
}
_TEXT = {"type": "string"}
_ITEM = {
    "type": "object",
    "required": ["kind"],
    "properties": {
        "id": {"type": ["string", "number", "null"], "description": "Unique for the device; names the answer."},
        "kind": {"type": "string", "description": "Other words are kept as `other`.", "examples": list(Kind)},
        "value": {"description": "What is stated; `active` or `cleared` for a call for help."},
        "at": {"type": ["string", "number", "null"], "description": "RFC 3339, or seconds or milliseconds since 1970."},
        "battery": {"type": ["number", "null"], "minimum": 0, "maximum": 100},
        "unit": {"type": "string", "description": "Read for the kind `vital` only."},
        "test": {"type": "boolean", "description": "A press made to try the button."},
    },
}
_BURST = {
    "kind": "acceleration",
    "at": _AT.isoformat(),
    "value": {"rate_hz": 50, "unit": "mg", "samples": [[12, -4, 998], [15, -3, 1001]]},
}


def document() -> dict[str, Any]:
    """The whole description, in the order in which it is printed."""
    messages = _mqtt_messages() | _log_messages()
    operations = {"hearDevices": ("receive", "up"), "answerDevices": ("send", "down")}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Carebell messages",
            "version": "1",
            "license": {"name": "Apache-2.0"},
            "description": "MQTT between homes and Carebell, and the topics of the log. Types only grow: ignore unknown fields.",
        },
        "defaultContentType": "application/json",
        "channels": _mqtt_channels() | {topic.value: _log_channel(topic) for topic in Topic},
        "operations": {
            name: {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}
            for name, (action, channel) in operations.items()
        },
        "components": {"messages": messages, "schemas": _schemas()},
    }


def _refs(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _mqtt_channels() -> dict[str, Any]:
    where = {"home_id": {"description": "The home."}, "device_id": {"description": "The device in it."}}
    up = {"address": _UP, "description": "What a device says; QoS 1.", "parameters": where, "messages": _refs(("up",))}
    down = {
        "address": _DOWN,
        "description": "What a device is told. It repeats a call for help until it hears `received`.",
        "parameters": where,
        "messages": _refs(("received", "coming", "pre_alarm", "test_ok", "rejected")),
    }
    return {"up": up, "down": down}


def _log_channel(topic: Topic) -> dict[str, Any]:
    names = tuple(one.__name__ for one in _ON_TOPIC[topic])
    key = "device or topic" if topic is Topic.REJECTED else "home_id"
    return {"address": topic.value, "description": f"{_ABOUT[topic]} Key: {key}.", "messages": _refs(names)}


def _schemas() -> dict[str, Any]:
    kinds = [one for kinds in _ON_TOPIC.values() for one in kinds]
    inputs: list[Any] = [(one.__name__, "serialization", TypeAdapter(one)) for one in dict.fromkeys(kinds)]
    _, made = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    own = {
        "UpItem": _ITEM,
        "Up": {"oneOf": [_ref("UpItem"), {"type": "array", "minItems": 1, "items": _ref("UpItem")}]},
        "Received": _told("received", {"id": _TEXT}),
        "Coming": _told("coming", {"id": _TEXT, "who": _TEXT}),
        "PreAlarm": _told("pre_alarm", {"id": _TEXT, "until": {"type": "string", "format": "date-time"}}),
        "TestOk": _told("test_ok", {"id": _TEXT}),
        "NotRead": _told("rejected", {"id": {"type": "null"}, "reason": _TEXT, "detail": _TEXT}),
        "CloudEvent": {"type": "object", "properties": dict.fromkeys(_headers(), _TEXT), "required": list(_headers())},
    }
    return own | dict(sorted(made["$defs"].items()))


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _told(word: str, properties: dict[str, Any]) -> dict[str, Any]:
    known = {**properties, "type": {"const": word}}
    return {"type": "object", "required": list(known), "properties": known}


def _headers() -> dict[str, str]:
    return headers(_tick(), id="id", source="source", at=_AT)


def _mqtt_messages() -> dict[str, Any]:
    press = _press()
    (received,) = _heard(press).replies
    (unread,) = _heard({"kind": "battery", "value": "full"}).replies
    coming = {"id": press["id"], "type": "coming", "who": "Li Wei"}
    waits = {"id": press["id"], "type": "pre_alarm", "until": (_AT + timedelta(seconds=20)).isoformat()}
    tested = {"id": press["id"], "type": "test_ok"}
    return {
        "up": _message("Up", "What a device states: one object, or a list of them.", press, [_BURST]),
        "received": _message("Received", "The log has it; it cannot be lost any more.", orjson.loads(received.payload)),
        "coming": _message("Coming", "A person has accepted the call.", coming),
        "pre_alarm": _message(
            "PreAlarm", "A fall is suspected: people are called then, unless it is cancelled.", waits
        ),
        "test_ok": _message("TestOk", "A press made to try the button was heard; nobody is called.", tested),
        "rejected": _message("NotRead", "A part could not be read, and why.", orjson.loads(unread.payload)),
    }


def _message(schema: str, summary: str, *examples: Any) -> dict[str, Any]:
    return {"summary": summary, "payload": _ref(schema), "examples": [{"payload": one} for one in examples]}


def _log_messages() -> dict[str, Any]:
    made = {}
    for value in _examples():
        name = type(value).__name__
        message = _message(name, value.type, orjson.loads(encode(value)))
        made[name] = {"name": value.type, "headers": _ref("CloudEvent"), **message}
    return made


def _press() -> dict[str, Any]:
    return {"id": "4711", "kind": "sos", "value": "active", "at": _AT.isoformat(), "battery": 87}


def _heard(content: dict[str, Any]) -> Accepted:
    topic = _UP.format(home_id="home-001", device_id="button-001")
    message = Message(topic=topic, payload=orjson.dumps(content), received_at=_AT + timedelta(milliseconds=120))
    return accept(message, Listener(Roster([_home()])))


def _home() -> HomeProfile:
    button = DeviceProfile(device_id="button-001", model="one-key", place="bedroom", is_sos=True)
    return HomeProfile(home_id="home-001", timezone="Asia/Shanghai", devices=(button,), revision=7)


def _tick() -> Tick:
    return Tick(at=_AT, source="carebell/ingest", listening_since=_AT - timedelta(hours=1))


def _examples() -> tuple[Wire, ...]:
    reading = _heard(_press()).readings[0]
    rejected = _heard({"kind": "battery", "value": "full"}).rejected
    step = HomeStep(rulebook_of(None), every_rule())
    alert = step(step.start("home-001"), reading, reading.received_at).actions[0]
    assert rejected is not None and isinstance(alert, Alert)  # noqa: S101, PT018
    case_id = computed("case", alert.home_id, alert.id)
    opened = CaseFact(
        id=computed("case-fact", case_id, 1),
        case_id=case_id,
        home_id=alert.home_id,
        at=reading.received_at,
        what="opened",
        status="open",
        severity=Severity.CRITICAL,
    )
    return (reading, _tick(), _home(), alert, opened, rejected)


def text() -> str:
    """The document as YAML."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    said = orjson.loads(orjson.dumps(document()))
    return "# Written by `make docs`; do not edit.\n" + yaml.dump(
        said, Dumper=Plain, sort_keys=False, allow_unicode=True, width=120
    )


if __name__ == "__main__":
    sys.stdout.write(text())
