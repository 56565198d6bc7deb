"""`carebell decode`: one line out for each line in, in one shape, whatever comes in."""

import json
import subprocess
import sys
from typing import Any

import pytest

from deploy.cli.decode import Decoding
from tests.support.patience import PATIENCE_S

SOS = {"topic": "carebell/h1/d1/up", "payload": {"id": "1", "kind": "sos"}}
READING = {
    "kind": "sos", "value": "active", "unit": "", "channel": "", "device_id": "d1", "is_test": False, "is_history": False,
}  # fmt: skip


def answer(content: Any, seen: Decoding | None = None) -> dict[str, Any]:
    line = content if isinstance(content, bytes) else json.dumps(content).encode()
    return (seen or Decoding()).answer(line)


def kinds(content: Any, seen: Decoding | None = None) -> list[str]:
    return [reading["kind"] for reading in answer(content, seen)["readings"]]


def test_a_message_is_answered_with_what_it_states() -> None:
    assert answer(SOS) == {"readings": [READING], "rejected": None}


@pytest.mark.parametrize(
    "payload", ['{"kind":"sos"}', "sos", '{"kind":"sos"', {"kind": "SOS"}, [{"kind": "sos"}], "SOS "]
)
def test_a_payload_is_an_object_or_a_text(payload: Any) -> None:
    assert answer({**SOS, "payload": payload})["readings"] == [READING]


def test_what_was_read_before_is_not_read_again() -> None:
    seen = Decoding()
    assert [kinds(SOS, seen) for _ in range(2)] == [["sos"], []]
    assert kinds({**SOS, "payload": {"id": "2", "kind": "sos"}}, seen) == ["sos"]


def test_presses_without_an_id_are_told_apart_by_when_they_came() -> None:
    seen = Decoding()
    plain = {**SOS, "payload": {"kind": "sos"}}
    times = ("2026-03-01T08:00:00Z", "2026-03-01T08:00:20Z", "2026-03-01T08:00:20Z", "2026-03-01T08:00:21")
    assert [kinds({**plain, "at": at}, seen) for at in times] == [["sos"], ["sos"], [], ["sos"]]
    assert [kinds({**plain, "at": at, "retain": True}, seen) for at in times] == [["sos"], [], [], []]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b"[]", "wrong_shape"),
        (b"{}", "wrong_shape"),
        ({"topic": 7, "payload": {}}, "wrong_shape"),
        ({"topic": "x", "payload": {"kind": "sos"}}, "unknown_topic"),
        ({"topic": "carebell//d/up", "payload": {"kind": "sos"}}, "bad_address"),
        ({"topic": "carebell/h/d/up"}, "wrong_shape"),
        ({"topic": "carebell/h/d/up", "payload": "{"}, "not_json"),
        ({"topic": "carebell/h/d/up", "payload": {}}, "missing_kind"),
        ({"topic": "carebell/h/d/up", "payload": {"kind": "battery", "value": 101}}, "bad_value"),
        (b'{"topic":"carebell/h/d/up","payload":' + b"[" * 500 + b"]" * 500 + b"}", "wrong_shape"),
    ],
)
def test_what_cannot_be_read_is_answered_with_a_reason(line: Any, reason: str) -> None:
    found = answer(line)
    assert found["readings"] == []
    assert found["rejected"]["reason"] == reason
    assert found["rejected"]["detail"]


def test_a_half_good_list_is_answered_with_both() -> None:
    found = answer({**SOS, "payload": [{"kind": "sos"}, {"kind": "battery", "value": "x"}]})
    assert found["readings"] == [READING]
    assert found["rejected"]["reason"] == "bad_value"


@pytest.mark.parametrize(
    ("bindings", "expected"),
    [
        ([{"gesture": "single", "kind": "sos"}], ["sos", "button"]),
        ([{"gesture": "single", "kind": "fall", "channel": None}], ["fall", "button"]),
        ([{"gesture": "double", "kind": "sos"}], ["button"]),
        ([{"gesture": "single", "kind": "sos", "channel": "2"}], ["button"]),
        ([{"gesture": "single", "kind": "no such kind"}], ["button"]),
        ([{"gesture": "single", "kind": []}, {"gesture": 5, "kind": "sos"}, 7, None], ["button"]),
        ([7, {"gesture": "single", "kind": "sos"}], ["sos", "button"]),
        ("none", ["button"]),
        (None, ["button"]),
    ],
)
def test_a_binding_says_what_a_gesture_means(bindings: Any, expected: list[str]) -> None:
    press = {**SOS, "payload": {"kind": "button", "value": "single"}}
    assert kinds({**press, "bindings": bindings}) == expected


def run(*arguments: str, lines: bytes) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "deploy", "decode", *arguments],
        input=lines,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_command_answers_line_by_line_and_forgets_when_told_to() -> None:
    lines = b"\n".join([json.dumps(SOS).encode()] * 2 + [b"", b"rubbish"])
    assert [len(one["readings"]) for one in run(lines=lines)] == [1, 0, 0]
    assert [len(one["readings"]) for one in run("--fresh", "--dialect", "native", lines=lines)] == [1, 1, 0]
