"""Mapping files of products: what they may say, and that every bad line is named."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from carebell.errors import BadInput
from devices.dialect import DeviceRecord, Message
from devices.listener import Listener, Registered
from devices.products import read_product, read_products

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
PENDANT = """\
products: [alink/a1Pendant, onenet/Qx8, tuyalink/neck-2]
vendor: Example
model: Neck 2
identifiers:
  KeyState: {kind: sos, values: {1: active, 0: cleared}, is: event}
  Posture: {kind: fall, values: {"0": cleared, "1": suspected, "2": detected}}
  T: {kind: temperature, factor: 0.1}
  Door: {kind: contact, values: {on: open, off: closed}, channel: front}
  SOS: {kind: other}
"""


class Nobody:
    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        return None

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return None


class Everybody(Nobody):
    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        record = DeviceRecord(vendor="Example", model="neck-2")
        return Registered(home_id="h", device_id="d", record=record)


def said(topic: str, payload: Any, *, devices: Nobody | None = None) -> list[tuple[str, Any, str]]:
    listener = Listener(devices or Nobody(), read_product(PENDANT, "pendant.yaml"))
    heard = listener.hear(Message(topic=topic, payload=orjson.dumps(payload), received_at=AT))
    return [(one.kind, one.value, one.channel) for one in heard.readings]


def alink(**params: Any) -> list[tuple[str, Any, str]]:
    return said("/sys/a1Pendant/one/thing/event/property/post", {"id": "1", "params": params})


@pytest.mark.parametrize(
    ("params", "reading"),
    [
        ({"KeyState": 1}, ("sos", "active", "")),
        ({"KeyState": {"value": 1.0}}, ("sos", "active", "")),
        ({"KeyState": "1"}, ("sos", "active", "")),
        ({"KeyState": 0}, ("sos", "cleared", "")),
        ({"Posture": 1}, ("fall", "suspected", "")),
        ({"Posture": 2}, ("fall", "detected", "")),
        ({"T": 215}, ("temperature", 21.5, "")),
        ({"Door": True}, ("contact", "open", "front")),
        ({"Door": "off"}, ("contact", "closed", "front")),
        ({"SOS": 1}, ("other", 1, "")),
        ({"neck:T": 215}, ("temperature", 21.5, "neck")),
        ({"neck:SOS": 1}, ("other", 1, "neck")),
        ({"SOS": {"Latitude": 1.5, "Longitude": 2.5}}, ("other", None, "")),
        ({"Smoke": 1}, ("smoke", True, "")),
    ],
)
def test_the_words_of_the_product_go_before_everybodys(params: dict[str, Any], reading: tuple[str, Any, str]) -> None:
    assert alink(**params) == [reading]


def test_a_mapping_may_name_an_identifier_with_its_block() -> None:
    listener = Listener(Nobody(), read_product(PENDANT.replace("  T:", '  "neck:SOS":'), "pendant.yaml"))
    payload = orjson.dumps({"id": "1", "params": {"neck:SOS": 215}})
    message = Message(topic="/sys/a1Pendant/one/thing/event/property/post", payload=payload, received_at=AT)
    assert [(one.kind, one.value) for one in listener.hear(message).readings] == [("temperature", 21.5)]


def test_other_products_keep_the_words_of_everybody() -> None:
    topic = "/sys/a1Other/one/thing/event/property/post"
    assert said(topic, {"id": "1", "params": {"SOS": 1}}) == [("sos", "active", "")]
    assert said(topic, {"id": "1", "params": {"Posture": 2}}) == [("other", 2, "Posture")]


def test_a_tuya_device_is_known_by_its_model_in_the_registry() -> None:
    payload = {"msgId": "m-1", "data": {"KeyState": {"value": 1}}}
    topic = "tylink/6cneck/thing/property/report"
    assert said(topic, payload, devices=Everybody()) == [("sos", "active", "")]
    assert said(topic, payload) == [("other", 1, "KeyState")]


def test_an_event_that_is_a_state_in_the_mapping_is_said_again_without_news() -> None:
    listener = Listener(Nobody(), read_product(PENDANT.replace("is: event", "is: level"), "pendant.yaml"))
    payload = orjson.dumps({"id": "1", "params": {"KeyState": 1}})
    message = Message(topic="/sys/a1Pendant/one/thing/event/property/post", payload=payload, received_at=AT)
    assert [one.kind for one in listener.hear(message).readings] == ["sos"]
    assert [one.kind for one in listener.hear(message).readings] == ["heartbeat"]


def test_a_mapped_event_without_a_value_is_an_event() -> None:
    topic = "/sys/a1Pendant/one/thing/event/KeyState/post"
    assert said(topic, {"id": "1", "params": {"value": {}}}) == [("sos", "active", "")]


@pytest.mark.parametrize(
    ("line", "number", "words"),
    [
        ("  X: {kind: flood}", 10, "kind"),
        ("  X: {kind: position}", 10, "cannot be mapped"),
        ("  X: {kind: sos, factor: 2}", 10, "factor"),
        ("  X: {kind: temperature, factor: -1}", 10, "greater than 0"),
        ("  X: {kind: temperature, is: event}", 10, "measured"),
        ("  X: {kind: contact, values: {1: ajar}}", 10, "expected open or closed"),
        ("  X: {kind: sos, sort: event}", 10, "sort"),
        ("  KeyState: {kind: sos}", 10, "second time"),
        ("more: 1", 10, "more"),
    ],
)
def test_a_bad_line_is_named(line: str, number: int, words: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_product(PENDANT + line + "\n", "pendant.yaml")
    assert any(one.startswith(f"pendant.yaml:{number}:") and words in one for one in raised.value.problems)


@pytest.mark.parametrize("key", ["alink", "alink/", "zigbee/x", "alink/a/b", "alink/a b"])
def test_a_product_is_named_with_its_ecosystem(key: str) -> None:
    with pytest.raises(BadInput, match=r"pendant.yaml:1: products"):
        read_product(PENDANT.replace("alink/a1Pendant", f'"{key}"'), "pendant.yaml")


def test_a_folder_is_read_and_every_bad_file_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PENDANT, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no mapping", encoding="utf-8")
    assert set(read_products([tmp_path])) == {"alink/a1Pendant", "onenet/Qx8", "tuyalink/neck-2"}
    (tmp_path / "b.yaml").write_text(PENDANT, encoding="utf-8")
    (tmp_path / "c.yaml").write_text("products: [", encoding="utf-8")
    with pytest.raises(BadInput) as raised:
        read_products([tmp_path, tmp_path / "none.yaml"])
    text = "\n".join(raised.value.problems)
    assert "alink/a1Pendant has a mapping already" in text
    assert "c.yaml:1: not YAML" in text
    assert "none.yaml: cannot be read: No such file or directory" in text
