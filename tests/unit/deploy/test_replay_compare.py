"""`carebell replay --compare`: what two rulebooks make of the same days."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from tests.unit.deploy.test_replay import event, lines, replayed

SHIPPED = files("deploy").joinpath("rulebook.yaml").read_text("utf-8")
HOME = {"home_id": "h1", "devices": [{"device_id": "gw", "is_gateway": True, "expected_every": "1h"}]}
BEATS = [event(f"2026-03-{day:02d}T08:00:00Z", kind="heartbeat", value=True, device_id="gw") for day in range(1, 32)]


def book(path: Path, intervals: float, again: str = "30d") -> Path:
    """The shipped rulebook with another patience for silent gateways."""
    text = SHIPPED.replace("intervals: 2\n", f"intervals: {intervals}\n")
    assert text != SHIPPED
    changed = text.replace("silent_again_after: 1d", f"silent_again_after: {again}")
    assert changed != text
    path.write_text(changed, "utf-8")
    return path


@pytest.fixture
def compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "homes.jsonl").write_bytes(lines(HOME))
    (tmp_path / "events.jsonl").write_bytes(lines(*BEATS))

    def compare(old: float, new: float, *more: object) -> tuple[int, str, str]:
        books = book(tmp_path / "old.yaml", old), book(tmp_path / "new.yaml", new)
        homes = ("--homes", tmp_path / "homes.jsonl")
        return replayed(capsys, tmp_path / "events.jsonl", *homes, "--compare", *books, *more)

    return compare


def test_alerts_that_move_are_told_with_both_times(compared) -> None:
    code, out, err = compared(3, 5)
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(told) == 30
    first = {key: told[0][key] for key in ("change", "rule", "home_id", "at", "was_at", "moved_by_s", "was_severity")}
    assert first == {
        "change": "moves",
        "rule": "supervision",
        "home_id": "h1",
        "at": "2026-03-01T13:00:00.000Z",
        "was_at": "2026-03-01T11:00:00.000Z",
        "moved_by_s": 7200.0,
        "was_severity": "low",
    }
    rows = {line.split()[0]: line.split()[1:] for line in err.splitlines()[2:-1]}
    assert err.splitlines()[0] == "31 readings of 1 homes, 1.00 home-months of 30 days"
    assert rows["supervision"] == ["30", "30", "0", "0", "30", "30.00", "30.00"]
    assert rows["all"][1:] == rows["supervision"]
    assert "every alert is a false one" in err.splitlines()[-1]


def test_alerts_that_go_and_come(compared) -> None:
    _, out, err = compared(3, 25)
    assert {json.loads(line)["change"] for line in out.splitlines()} == {"goes"}
    assert "supervision         30       0       0      30       0       30.00        0.00" in err
    _, out, err = compared(25, 3)
    assert {json.loads(line)["change"] for line in out.splitlines()} == {"comes"}
    assert "supervision          0      30      30       0       0        0.00       30.00" in err


def test_two_alerts_too_far_apart_are_two(compared) -> None:
    _, out, _ = compared(3, 5, "--moved-within", "1h", "--until", "2026-03-01T20:00:00Z")
    assert [json.loads(line)["change"] for line in out.splitlines()] == ["goes", "comes"]


def test_the_same_rulebook_changes_nothing_and_the_same_files_give_the_same_bytes(compared) -> None:
    assert compared(3, 3)[1] == ""
    assert compared(3, 5) == compared(3, 5)


def test_without_readings_there_is_no_rate(compared, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"")
    code, out, err = compared(3, 5)
    assert (code, out) == (0, "")
    assert err.splitlines()[2].split()[-2:] == ["-", "-"]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (("--rulebook", "r.yaml"), "leave out --rulebook and --plot"),
        (("--plot", "p.html"), "leave out --rulebook and --plot"),
        (("--moved-within", "5"), "--moved-within: a duration needs a number and a unit"),
        (("--until", "noon"), "--until: not an RFC 3339 time"),
    ],
)
def test_a_bad_argument_is_one_line(compared, more: tuple[str, ...], problem: str) -> None:
    code, out, err = compared(3, 5, *more)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert problem in err


def test_a_rulebook_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "events.jsonl").write_bytes(lines(*BEATS))
    there = book(tmp_path / "there.yaml", 3)
    code, out, err = replayed(capsys, tmp_path / "events.jsonl", "--compare", there, tmp_path / "nowhere.yaml")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "nowhere.yaml: cannot be read" in err
