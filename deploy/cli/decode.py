"""`carebell decode`: messages on stdin, what they state on stdout, one JSON line each. Never a traceback.

A line in: {"topic", "payload" (object or string), "retain"?, "at"?, "device"?, "bindings"?: [{"channel"?, "gesture", "kind"}]}
A line out: {"readings": [{"kind", "value", "unit", "channel", "device_id", "is_test", "is_history"}], "rejected": null | {…}}
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from carebell.types import Kind, Reading
from devices.binding import Binding, bound
from devices.dialect import Message, readings_of, summary_of
from devices.dialects import native

_START = datetime(1970, 1, 1, tzinfo=UTC)
_DIALECTS = {native.NAME: native}


def add(commands: Any) -> None:
    """The command and its arguments."""
    parser = commands.add_parser(
        "decode",
        help="read messages as ingest would",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dialect", choices=("auto", *_DIALECTS), default="auto", help="default: by topic")
    parser.add_argument("--fresh", action="store_true", help="forget between lines")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """One line out for each line in."""
    seen: set[str] = set()
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        if options.fresh:
            seen = set()
        sys.stdout.write(orjson.dumps(decode_line(line, seen)).decode() + "\n")
        sys.stdout.flush()
    return 0


def decode_line(line: bytes, seen: set[str]) -> dict[str, Any]:
    """The answer to one line; `seen` holds the ids of the readings of earlier lines."""
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _refused("not_json", f"the line is not JSON: {error}")
    if not isinstance(content, dict) or not isinstance(content.get("topic"), str):
        return _refused("wrong_shape", "a line is an object with a topic and a payload")
    try:
        message = _message(content)
    except orjson.JSONEncodeError as error:
        return _refused("wrong_shape", f"the payload cannot be read: {error}")
    decoded = native.decode(message)
    decoded = replace(decoded, facts=bound(decoded.facts, _bindings(content.get("bindings")), is_sos=False))
    readings = [one for one in readings_of(decoded, message, dialect=native.NAME) if one.id not in seen]
    seen.update(one.id for one in readings)
    rejected = None
    if decoded.problems:
        reason, detail = summary_of(decoded.problems)
        rejected = {"reason": reason.value, "detail": detail}
    return {"readings": [_reading_json(one) for one in readings], "rejected": rejected}


def _refused(reason: str, detail: str) -> dict[str, Any]:
    return {"readings": [], "rejected": {"reason": reason, "detail": detail}}


def _message(content: dict[str, Any]) -> Message:
    payload = content.get("payload")
    return Message(
        topic=content["topic"],
        payload=payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else orjson.dumps(payload),
        received_at=_time(content.get("at")),
        retained=content.get("retain") is True,
    )


def _time(stated: Any) -> datetime:
    try:
        at = datetime.fromisoformat(stated)
    except (TypeError, ValueError):
        return _START
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _bindings(stated: Any) -> Sequence[Binding]:
    if not isinstance(stated, list):
        return ()
    return [
        Binding(gesture=one["gesture"], kind=one["kind"], channel=one.get("channel"))
        for one in stated
        if isinstance(one, dict) and isinstance(one.get("gesture"), str) and one.get("kind") in list(Kind)
    ]


def _reading_json(reading: Reading) -> dict[str, Any]:
    return {
        "kind": reading.kind,
        "value": reading.value,
        "unit": reading.unit,
        "channel": reading.channel,
        "device_id": reading.device_id,
        "is_test": reading.is_test,
        "is_history": reading.is_history,
    }
