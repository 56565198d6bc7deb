"""`carebell replay`: the same input gives the same bytes; a bad line is named and ends it with exit code 2."""

import dataclasses
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from carebell.ids import computed
from carebell.types import Reading
from deploy.cli import main
from deploy.recording import read_homes, read_readings

PRESS = {"home_id": "h1", "device_id": "b1", "kind": "sos", "value": "active", "observed_at": "2026-03-01T08:00:00Z"}


def event(at: str, **more: Any) -> dict[str, Any]:
    return {**PRESS, "observed_at": at, **more}


def lines(*contents: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in contents)


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def replayed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["replay", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


DAY = [
    event("2026-03-01T08:00:00Z", id="1", place="bedroom"),
    event("2026-03-01T08:00:02Z", id="1"),
    event("2026-03-01T16:00:05+08:00", id="2", value="cleared"),
    event("2026-03-01T09:00:00Z", kind="battery", value=9, unit="%", device_id="s1"),
    event("2026-03-02T09:00:00Z", kind="battery", value=9, device_id="s1"),
    event("2026-03-02T10:00:00Z", home_id="h2"),
]


def told_by(out: str, *rules: str) -> list[dict[str, Any]]:
    """The alerts of some rules: others may find more in the same readings."""
    return [alert for alert in map(json.loads, out.splitlines()) if alert["rule"] in rules]


def test_readings_become_alerts_in_their_own_time(capsys: pytest.CaptureFixture[str], events: Path) -> None:
    events.write_bytes(lines(*DAY))
    code, out, err = replayed(capsys, events)
    alerts = told_by(out, "sos", "supervision")
    assert code == 0
    assert [(one["rule"], one["home_id"], one["status"], one["at"], one["severity"]) for one in alerts] == [
        ("sos", "h1", "opened", "2026-03-01T08:00:00.000Z", "critical"),
        ("sos", "h1", "resolved", "2026-03-01T08:00:05.000Z", "critical"),
        ("supervision", "h1", "opened", "2026-03-01T09:00:00.000Z", "low"),
        ("supervision", "h1", "opened", "2026-03-02T09:00:00.000Z", "low"),
        ("sos", "h2", "opened", "2026-03-02T10:00:00.000Z", "critical"),
    ]
    assert {"rule", "home_id", "status", "at", "severity", "summary", "evidence"} <= set(alerts[0])
    assert "bedroom" in alerts[0]["summary"]
    assert alerts[0]["id"] == alerts[1]["id"]
    assert err.startswith("6 readings, 0 homes; alerts: ")
    assert "sos opened: 2, sos resolved: 1, supervision opened: 2" in err


def test_the_same_input_gives_the_same_bytes(capsys: pytest.CaptureFixture[str], events: Path, tmp_path: Path) -> None:
    homes = tmp_path / "homes.jsonl"
    homes.write_bytes(lines({"home_id": "h1", "timezone": "Asia/Shanghai", "devices": [{"device_id": "b1"}]}))
    events.write_bytes(lines(*DAY))
    runs = {replayed(capsys, events, "--homes", homes, "--until", "2026-04-01T00:00:00Z") for _ in range(2)}
    assert len(runs) == 1
    packed = tmp_path / "events.jsonl.gz"
    packed.write_bytes(gzip.compress(lines(*DAY)))
    assert {replayed(capsys, packed, "--homes", homes, "--until", "2026-04-01T00:00:00Z")} == runs


def test_homes_are_read_and_counted(capsys: pytest.CaptureFixture[str], events: Path, tmp_path: Path) -> None:
    homes = tmp_path / "homes.jsonl"
    devices = [{"device_id": "b1", "model": "m", "place": "p"}, {"device_id": "b2", "model": None}]
    homes.write_bytes(lines({"home_id": "h1", "timezone": None, "devices": devices}, {"home_id": "h2"}))
    events.write_bytes(lines(PRESS))
    code, out, err = replayed(capsys, events, "--homes", homes)
    assert (code, len(out.splitlines())) == (0, 1)
    assert err.startswith("1 readings, 2 homes;")


@pytest.mark.parametrize(
    ("until", "count"),
    [
        ("2026-03-01T07:59:59Z", 0),
        ("2026-03-01T08:00:00Z", 1),
        ("2026-03-01T17:00:00+08:00", 3),
        ("2027-01-01T00:00:00Z", 5),
    ],
)
def test_nothing_behind_until_is_read(capsys: pytest.CaptureFixture[str], events: Path, until: str, count: int) -> None:
    events.write_bytes(lines(*DAY))
    code, out, _ = replayed(capsys, events, "--until", until)
    assert (code, len(told_by(out, "sos", "supervision"))) == (0, count)


def test_an_empty_file_and_empty_lines_are_fine(capsys: pytest.CaptureFixture[str], events: Path) -> None:
    events.write_bytes(b"")
    assert replayed(capsys, events) == (0, "", "0 readings, 0 homes; alerts: none\n")
    events.write_bytes(b"\n \n" + lines(PRESS) + b"\n")
    assert replayed(capsys, events)[2] == "1 readings, 0 homes; alerts: sos opened: 1\n"


def test_a_field_that_is_null_is_as_good_as_none(capsys: pytest.CaptureFixture[str], events: Path) -> None:
    events.write_bytes(lines(event("2026-03-01T08:00:00Z", place=None, unit=None)))
    assert "None" not in replayed(capsys, events)[1]


DEEP = b"[" * 1000 + b"]" * 1000


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "not JSON"),
        (b"[]", "expected a JSON object"),
        (b"7", "expected a JSON object"),
        (b"\xff", "not JSON"),
        (lines({**PRESS, "observed_at": None}), "not an RFC 3339 time: 'None'"),
        (lines({**PRESS, "observed_at": 5}), "not an RFC 3339 time: '5'"),
        (lines({**PRESS, "observed_at": "noon"}), "not an RFC 3339 time: 'noon'"),
        (lines({**PRESS, "observed_at": "0001-01-01T00:00:00+08:00"}), "not an RFC 3339 time"),
        (lines({**PRESS, "observed_at": "2026-03-01T08:00:00"}), "a time needs a zone, such as Z"),
        (lines({**PRESS, "home_id": ""}), "home_id is missing or not a text"),
        (lines({**PRESS, "device_id": 7}), "device_id is missing or not a text"),
        (lines({**PRESS, "kind": None}), "kind is missing or not a text"),
        (lines(PRESS)[:-2] + b',"value":' + DEEP + b"}", "nested too deeply"),
    ],
    ids=lambda one: str(one)[:30],
)
def test_a_bad_line_is_named(capsys: pytest.CaptureFixture[str], events: Path, line: bytes, problem: str) -> None:
    events.write_bytes(lines(PRESS) + b"\n" + line)
    code, _, err = replayed(capsys, events)
    assert code == 2
    assert err.startswith(f"carebell replay: {events}:3: ")
    assert problem in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"home_id": "h", "devices": {}}, "devices is a list of objects"),
        ({"home_id": "h", "devices": [1]}, "devices is a list of objects"),
        ({"home_id": "h", "devices": [{}]}, "device_id is missing"),
        ({"devices": []}, "home_id is missing"),
    ],
)
def test_a_bad_home_is_named(
    capsys: pytest.CaptureFixture[str], events: Path, tmp_path: Path, content: Any, problem: str
) -> None:
    homes = tmp_path / "homes.jsonl"
    homes.write_bytes(lines(content))
    events.write_bytes(lines(PRESS))
    code, out, err = replayed(capsys, events, "--homes", homes)
    assert (code, out) == (2, "")
    assert f"{homes}:1: " in err
    assert problem in err


def test_a_file_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    packed = gzip.compress(lines(*[event(f"2026-03-01T08:00:{n:02d}Z", id=str(n * 7919)) for n in range(60)]))
    broken = {
        "missing.jsonl": None,
        "plain.jsonl.gz": b"not gzip",
        "cut.jsonl.gz": packed[: len(packed) // 2],
        "torn.jsonl.gz": packed[:30] + b"\xff" * 40 + packed[70:],
    }
    for name, content in broken.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        code, _, err = replayed(capsys, tmp_path / name)
        assert (code, len(err.splitlines())) == (2, 1)
        assert f"{tmp_path / name}: cannot be read" in err
    assert replayed(capsys, tmp_path)[0] == 2


def test_a_bad_argument_is_one_line(capsys: pytest.CaptureFixture[str], events: Path, tmp_path: Path) -> None:
    events.write_bytes(lines(PRESS))
    code, out, err = replayed(capsys, events, "--until", "tomorrow")
    assert (code, out, err) == (2, "", "carebell replay: --until: not an RFC 3339 time: 'tomorrow'\n")
    book = tmp_path / "book.yaml"
    book.write_text("rules: [")
    code, out, err = replayed(capsys, events, "--rulebook", book)
    assert (code, out) == (2, "")
    assert f"{book}:1: not YAML" in err


def test_a_device_with_an_interval_is_told_silent(
    events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    homes = tmp_path / "homes.jsonl"
    devices = [{"device_id": "gw", "is_gateway": True, "expected_every": "5m"}]
    homes.write_bytes(lines({"home_id": "h1", "timezone": "UTC", "devices": devices}))
    events.write_bytes(lines(event("2026-03-01T08:00:00Z", kind="heartbeat", value=True, device_id="gw")))
    code, out, _ = replayed(capsys, events, "--homes", homes, "--until", "2026-03-01T09:00:00Z")
    assert code == 0
    alerts = [json.loads(line) for line in out.splitlines()]
    assert [(one["rule"], one["at"]) for one in alerts] == [("supervision", "2026-03-01T08:10:00.000Z")]


def test_an_interval_without_a_unit_is_refused(
    events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    homes = tmp_path / "homes.jsonl"
    homes.write_bytes(lines({"home_id": "h1", "devices": [{"device_id": "gw", "expected_every": 5}]}))
    events.write_bytes(lines(PRESS))
    code, _, err = replayed(capsys, events, "--homes", homes)
    assert code == 2
    assert "homes.jsonl:1: expected_every: a duration needs a number and a unit" in err


def test_a_reading_is_what_its_line_says(events: Path) -> None:
    events.write_bytes(lines(event("2026-03-01T16:00:05+08:00", id="7", unit="x", place="hall")))
    (read,) = read_readings(events)
    plain = Reading(**{one.name: getattr(read, one.name) for one in dataclasses.fields(Reading)})
    assert (read, type(read), hash(read)) == (plain, Reading, hash(plain))
    assert read.id == computed("reading", "h1", "b1", "7")
    assert (read.source_message_id, read.unit, read.place) == ("7", "x", "hall")
    assert read.observed_at.isoformat() == read.received_at.isoformat() == "2026-03-01T08:00:05+00:00"
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.place = "kitchen"  # type: ignore[misc]


def test_a_line_without_an_id_has_one_of_its_content(events: Path) -> None:
    burst = {"rate_hz": 50, "samples": [[0, 0, 1000]]}
    at = "2026-03-01T08:00:00Z"
    stated = [event(at), event(at), event(at, value="cleared"), event(at, value=burst), event(at, value=burst)]
    events.write_bytes(lines(*stated))
    first, again, other, motion, same = (reading.id for reading in read_readings(events))
    assert first == again == "h1/b1 sos 2026-03-01T08:00:00Z 'active'"
    assert motion == same
    assert len({first, other, motion}) == 3


def test_a_reading_that_came_late_is_judged_when_it_came(capsys: pytest.CaptureFixture[str], events: Path) -> None:
    late = event("2026-03-01T06:00:00Z", received_at="2026-03-01T09:00:00Z")
    events.write_bytes(lines(PRESS, late))
    code, out, _ = replayed(capsys, events, "--until", "2026-03-01T09:00:00Z")
    assert code == 0
    assert [json.loads(line)["at"] for line in out.splitlines()] == [
        "2026-03-01T08:00:00.000Z",
        "2026-03-01T09:00:00.000Z",
    ]
    assert len(replayed(capsys, events, "--until", "2026-03-01T08:59:59Z")[1].splitlines()) == 1


def test_a_home_says_who_lives_there_and_what_is_set_for_it(tmp_path: Path) -> None:
    homes = tmp_path / "homes.jsonl"
    settings = {"supervision": {"intervals": 5}}
    homes.write_bytes(lines({"home_id": "h", "residents": [{"ability_level": 3}, {}], "settings": settings}))
    (home,) = read_homes(homes)
    assert [resident.ability_level for resident in home.residents] == [3, None]
    assert home.settings == settings


def test_what_is_set_for_a_home_is_in_force(events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events.write_bytes(lines(event("2026-03-01T08:00:00Z", kind="battery", value=30, device_id="s1")))
    homes = tmp_path / "homes.jsonl"
    raised = []
    for settings in ({}, {"supervision": {"battery_low_below": 40, "battery_good_from": 50}}):
        homes.write_bytes(lines({"home_id": "h1", "devices": [{"device_id": "s1"}], "settings": settings}))
        raised.append(len(replayed(capsys, events, "--homes", homes)[1].splitlines()))
    assert raised == [0, 1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"residents": None, "settings": None}, ""),
        ({"residents": {}}, "residents is a list of objects"),
        ({"residents": [1]}, "residents is a list of objects"),
        ({"residents": [{"ability_level": 5}]}, "ability_level is 0 (intact) to 4"),
        ({"residents": [{"ability_level": True}]}, "ability_level is 0 (intact) to 4"),
        ({"settings": [1]}, "settings are objects by rule"),
        ({"settings": {"supervision": 1}}, "settings are objects by rule"),
    ],
)
def test_what_a_home_says_badly_is_named(
    events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, problem: str
) -> None:
    homes = tmp_path / "homes.jsonl"
    homes.write_bytes(lines({"home_id": "h", **content}))
    events.write_bytes(lines(PRESS))
    code, _, err = replayed(capsys, events, "--homes", homes)
    assert code == (2 if problem else 0)
    assert problem in err


def test_a_tiny_replay_loads_no_server_and_no_picture(events: Path) -> None:
    events.write_bytes(lines(PRESS))
    loaded = (
        "import sys; from deploy.cli import main; code = main(); print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    for arguments in ((str(events),), ("--help",)):
        done = subprocess.run(
            [sys.executable, "-c", loaded, "replay", *arguments], capture_output=True, text=True, check=False
        )
        heavy = {"aiokafka", "asyncio", "fastapi", "matplotlib", "paho", "prometheus_client", "redis", "sqlalchemy"}
        assert done.returncode == 0
        assert not heavy & set(done.stderr.split())
