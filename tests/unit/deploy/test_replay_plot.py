"""`carebell replay --plot`: the days of homes as a page or a picture."""

import base64
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from carebell.types import HomeProfile
from deploy.config import rulebook_of
from deploy.life import HOMES, Life, Lives
from deploy.plot_days import Day, days_of, rooms_of
from deploy.plot_figure import COLOURS, OTHER, colours_of
from deploy.recording import read_homes, read_readings
from rules_engine.replay import Replay
from tests.unit.deploy.test_replay import event, lines, replayed

Run = Callable[..., tuple[int, str, str]]
START = datetime(2026, 3, 1, 16, tzinfo=UTC)  # midnight in Shanghai
PNG = re.compile(r"data:image/png;base64,([\w+/=]+)")


def moves(hour: float, room: str, home_id: str = "h1", **more: Any) -> dict[str, Any]:
    at = (START + timedelta(hours=hour)).isoformat()
    return event(at, home_id=home_id, device_id=f"pir-{room}", kind="motion", value=True, place=room, **more)


def press(hour: float, home_id: str = "h1") -> dict[str, Any]:
    return event((START + timedelta(hours=hour)).isoformat(), home_id=home_id, place="<hall>")


DAY = [moves(7, "卧室"), moves(7.1, "卧室"), moves(7.2, "厨房"), moves(12, "<hall>"), press(13), moves(30, "卧室")]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    homes = [{"home_id": home_id, "timezone": "Asia/Shanghai"} for home_id in ("h1", "h2")]
    (tmp_path / "homes.jsonl").write_bytes(lines(*homes))
    (tmp_path / "events.jsonl").write_bytes(lines(*DAY))
    return tmp_path


@pytest.fixture
def plotted(files: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def plot(name: str, *more: object) -> tuple[int, str, str]:
        homes = ("--homes", files / "homes.jsonl")
        return replayed(capsys, files / "events.jsonl", *homes, "--plot", files / name, *more)

    return plot


def life(folder: Path, until: datetime | None = None) -> Life:
    run = Replay(rulebook_of(None))
    homes = read_homes(folder / "homes.jsonl")
    lives = Lives(run, homes, ["h1"])
    for alert in run.run(homes, read_readings(folder / "events.jsonl"), until, lives.hear):
        lives.alert(alert)
    return lives.ended()[0]


def test_a_page_has_everything_in_it_and_nothing_from_elsewhere(files: Path, plotted: Run) -> None:
    code, out, err = plotted("days.html")
    page = (files / "days.html").read_text("utf-8")
    assert code == 0
    assert '"rule":"sos"' in out
    assert err.splitlines()[-1] == f"{files / 'days.html'} shows 1 homes"
    assert "<title>" in page
    assert "<h2>h1</h2>" in page
    assert not re.search(r"https?://|<script|<link|url\(", page)
    assert all(room in page for room in ("卧室", "厨房", "&lt;hall&gt;"))
    assert "<hall>" not in page
    assert "button b1 in the &lt;hall&gt; was pressed" in page
    assert "2026-03-02 13:00" in page
    (picture,) = PNG.findall(page)
    assert base64.b64decode(picture).startswith(b"\x89PNG")


def test_the_same_days_give_the_same_bytes(files: Path, plotted: Run) -> None:
    for name in ("one.html", "two.html", "one.png", "two.png"):
        assert plotted(name)[0] == 0
    assert (files / "one.html").read_bytes() == (files / "two.html").read_bytes()
    assert (files / "one.png").read_bytes() == (files / "two.png").read_bytes()


def test_the_alerts_are_those_of_a_replay_that_draws_nothing(
    files: Path, plotted: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = replayed(capsys, files / "events.jsonl", "--homes", files / "homes.jsonl")
    assert plotted("days.png")[1] == plain[1] != ""


def test_long_times_are_cut_into_pages(files: Path, plotted: Run) -> None:
    assert plotted("days.html", "--until", "2026-06-01T00:00:00Z")[0] == 0
    page = (files / "days.html").read_text("utf-8")
    assert re.findall(r"<h3>(.*)</h3>", page) == [
        "2026-03-02 – 2026-04-01",
        "2026-04-02 – 2026-05-02",
        "2026-05-03 – 2026-06-01",
    ]
    assert len(set(PNG.findall(page))) == 3
    assert "31 of 92 days; an .html shows everything" in plotted("days.png", "--until", "2026-06-01T00:00:00Z")[2]


def test_the_first_ten_homes_are_drawn_or_those_that_are_chosen(files: Path, plotted: Run) -> None:
    (files / "events.jsonl").write_bytes(lines(*(moves(n / 10, "hall", f"h{n}") for n in range(HOMES + 2))))
    drawn = []
    for more in ((), ("--home", "h11", "--home", "h3", "--home", "h11")):
        assert plotted("days.html", *more)[0] == 0
        drawn.append(re.findall(r"<h2>(.*)</h2>", (files / "days.html").read_text("utf-8")))
    assert drawn == [[f"h{n}" for n in range(HOMES)], ["h11", "h3"]]


def test_rooms_are_spans_of_local_days(files: Path) -> None:
    days = days_of(life(files))
    assert [day.rooms for day in days] == [
        [(7.0, 7.2, "卧室"), (7.2, 7.25, "厨房"), (12.0, 12.05, "<hall>"), (13.0, 13.05, "<hall>")],
        [(6.0, 6.05, "卧室")],
    ]
    assert rooms_of(life(files)) == ["卧室", "<hall>", "厨房"]


def test_a_silence_goes_on_over_midnight_and_knows_how_long_it_may_last(files: Path) -> None:
    first, second = days_of(life(files))
    assert [(begin, end, so_far) for begin, end, so_far, _ in first.silences] == [
        (7.2, 12.0, 0.0),
        (12.0, 13.0, 0.0),
        (13.0, 24.0, 0.0),
    ]
    assert [(begin, end, so_far) for begin, end, so_far, _ in second.silences] == [(0.0, 6.0, 11.0)]
    assert all(allowed is not None and allowed > 0 for day in (first, second) for *_, allowed in day.silences)


def test_the_alert_stands_where_the_silence_reaches_the_line(files: Path) -> None:
    drawn = life(files, START + timedelta(days=9))
    silent = next(alert for alert in drawn.alerts if alert.rule == "inactivity")
    before = next(quiet for quiet in drawn.silences if quiet.from_ms < silent.at.timestamp() * 1000 <= quiet.to_ms)
    assert before.allowed_ms is not None
    assert before.from_ms + before.allowed_ms == silent.at.timestamp() * 1000


def test_alerts_are_numbered_through(files: Path) -> None:
    (files / "events.jsonl").write_bytes(lines(press(1), moves(2, "hall"), press(25), moves(26, "hall")))
    numbers = [number for day in days_of(life(files)) for _, number, _ in day.alerts]
    assert len(numbers) > 1
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_home_that_only_said_how_warm_it_is_has_its_days_too() -> None:
    quiet = Life(HomeProfile(home_id="h"), 0, 1000)
    assert days_of(quiet) == [Day(0)]
    assert rooms_of(quiet) == []


def test_rooms_beyond_the_colours_share_a_grey() -> None:
    colours = list(colours_of([f"room {n}" for n in range(len(COLOURS) + 2)]).values())
    assert colours == [*COLOURS, OTHER, OTHER]
    assert len(set(COLOURS)) == len(COLOURS)


@pytest.mark.parametrize(
    ("name", "more", "problem"),
    [
        ("days.svg", (), "the name ends in .html or .png"),
        ("nowhere/days.html", (), "cannot be written"),
        ("days.html", ("--home", "nobody"), "--home nobody: there is no reading of this home"),
        ("days.html", ("--until", "2020-01-01T00:00:00Z"), "there are no readings to draw"),
    ],
)
def test_a_bad_argument_is_named(plotted: Run, name: str, more: tuple[str, ...], problem: str) -> None:
    code, _, err = plotted(name, *more)
    assert code == 2
    assert err.splitlines()[-1].startswith("carebell replay: --")
    assert problem in err


def test_a_home_is_chosen_for_a_plot_only(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = replayed(capsys, files / "events.jsonl", "--home", "h1")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "give --plot too" in err


def test_without_matplotlib_one_line_says_what_to_install(files: Path) -> None:
    hidden = "import sys; sys.modules['matplotlib'] = None; from deploy.cli import main; sys.exit(main())"
    arguments = ("replay", str(files / "events.jsonl"), "--plot", str(files / "days.html"))
    done = subprocess.run([sys.executable, "-c", hidden, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "carebell replay: --plot needs matplotlib: pip install 'carebell[plot]'\n"
