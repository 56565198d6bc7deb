"""`carebell decode`: messages on stdin, what they state on stdout, one JSON line each. Never a traceback.

A line in: {"topic", "payload" (object or string), "retain"?, "at"?, "device"?, "bindings"?: [{"channel"?, "gesture", "kind"}]}
A line out: {"readings": [{"kind", "value", "unit", "channel", "device_id", "is_test", "is_history"}], "rejected": null | {…}}
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from carebell.types import Kind, Reading
from devices.binding import Binding
from devices.dialect import DeviceRecord, Message, summary_of
from devices.ecosystems import BY_NAME
from devices.listener import NO_PRODUCTS, Listener, Products, Registered
from devices.products import read_products

_START = datetime(1970, 1, 1, tzinfo=UTC)


def add(commands: Any) -> None:
    """The command and its arguments."""
    parser = commands.add_parser(
        "decode",
        help="read messages as ingest would",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dialect", choices=("auto", *BY_NAME), default="auto", help="default: by topic")
    parser.add_argument("--fresh", action="store_true", help="forget between lines")
    parser.add_argument("--products", type=Path, metavar="PATH", help="what words of products mean: a file or a folder")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """One line out for each line in."""
    products = NO_PRODUCTS if options.products is None else read_products([options.products])
    decoding = Decoding(options.dialect, products)
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        if options.fresh:
            decoding = Decoding(options.dialect, products)
        sys.stdout.write(orjson.dumps(decoding.answer(line)).decode() + "\n")
        sys.stdout.flush()
    return 0


class LineDevices:
    """The registry of one line: every device is the one that it describes."""

    def __init__(self) -> None:
        self.record: DeviceRecord | None = None
        self.bindings: tuple[Binding, ...] = ()

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        if self.record is None and not self.bindings:
            return None
        record = self.record or DeviceRecord()
        return Registered(home_id=home_id, device_id=address, record=record, bindings=self.bindings)

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return None


class Decoding:
    """What earlier lines said is remembered."""

    def __init__(self, dialect: str = "auto", products: Products = NO_PRODUCTS) -> None:
        self._dialect = dialect
        self._devices = LineDevices()
        self._listener = Listener(self._devices, products)
        self._seen: set[str] = set()

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line."""
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
        self._devices.record, self._devices.bindings = (
            _record(content.get("device")),
            _bindings(content.get("bindings")),
        )
        heard = self._listener.hear(message, dialect=self._dialect)
        readings = [one for one in heard.readings if one.id not in self._seen]
        self._seen.update(one.id for one in readings)
        rejected = None
        if heard.decoded.problems:
            reason, detail = summary_of(heard.decoded.problems)
            rejected = {"reason": reason.value, "detail": detail}
        return {"readings": [_reading_json(one) for one in readings], "rejected": rejected}


def _record(stated: Any) -> DeviceRecord | None:
    if not isinstance(stated, dict):
        return None
    words = {name: stated.get(name) for name in ("vendor", "model", "description")}
    return DeviceRecord(**{name: text for name, text in words.items() if isinstance(text, str)})


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


def _bindings(stated: Any) -> tuple[Binding, ...]:
    if not isinstance(stated, list):
        return ()
    return tuple(
        Binding(gesture=one["gesture"], kind=one["kind"], channel=one.get("channel"))
        for one in stated
        if isinstance(one, dict) and isinstance(one.get("gesture"), str) and one.get("kind") in list(Kind)
    )


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
