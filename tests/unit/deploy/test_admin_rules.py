"""`carebell admin rules` and the settings of `admin homes import`, on a box that is not running."""

import asyncio
import json
from pathlib import Path

import pytest

from carebell.clock import SystemClock
from carebell.log_sqlite import SqliteLog
from deploy.cli import main
from deploy.data_dir import log_path, registry_url, rulebook_path
from devices.registry import Home
from devices.registry_sql import SqlRegistry
from tests.support.homeline import shipped_rulebook, shipped_text
from tests.support.lived import live

# Without levels of its own.
RULES = shipped_text().partition("\nlevels:")[0] + "\n"
LEVELS = "levels:\n  2:\n    supervision: {intervals: 3}\n"
HOMES = """\
homes:
- home_id: h1
  residents:
  - {resident_id: r, name: N, ability_level: 2}
  - {resident_id: s, name: M}
  settings:
    supervision:
      battery_low_below: 20
"""


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """The directory of a box that has run with levels, and has one home."""
    rulebook_path(tmp_path).write_text(RULES + LEVELS, "utf-8")
    (tmp_path / "homes.yaml").write_text(HOMES, "utf-8")
    assert main(["admin", "homes", "import", str(tmp_path / "homes.yaml"), "--data", str(tmp_path)]) == 0
    return tmp_path


def explained(box: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    capsys.readouterr()
    assert main(["admin", "rules", "explain", "h1", "--json", "--data", str(box), *more]) == 0
    content: dict[str, object] = json.loads(capsys.readouterr().out)
    return content


def sources(content: dict[str, object]) -> dict[str, tuple[object, str]]:
    rows = content["parameters"]
    assert isinstance(rows, list)
    return {f"{one['rule']}.{one['parameter']}": (one["value"], one["source"]) for one in rows}


def test_explain_says_what_decided_each_parameter(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = explained(box, capsys)
    found = sources(content)
    assert (content["ability_level"], content["residents"], content["refused"]) == (2, 2, {})
    assert found["supervision.intervals"] == (3.0, "ability level 2")
    assert found["supervision.battery_low_below"] == (20.0, "this home's own settings")
    assert found["sos.enabled"] == (True, f"rulebook {content['rulebook']}")


def test_explain_is_a_table_that_also_tells_what_was_refused(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings that were right under the rulebook of their day."""

    async def settle() -> None:
        registry = await SqlRegistry.open(registry_url(box))
        await registry.put([Home(home_id="h1", settings={"gone": {"a": 1}})], by="test", at=SystemClock().now())
        await registry.close()

    asyncio.run(settle())
    other = box / "other.yaml"
    other.write_text(RULES.replace("battery_low_below: 15", "battery_low_below: 12"), "utf-8")
    capsys.readouterr()
    assert main(["admin", "rules", "explain", "h1", "--data", str(box), "--rulebook", str(other)]) == 0
    first, *rows, refused = [line for line in capsys.readouterr().out.splitlines() if line]
    assert first.startswith("Home h1, residents: 0, ability level not known. Rulebook 1+")
    row = next(line.split() for line in rows if "battery_low_below" in line)
    assert row == ["supervision", "battery_low_below", "rulebook", first.split()[-1].rstrip("."), "12.0"]
    assert refused.startswith("Refused, so that the rulebook holds: this home's own settings of gone: there is no rule")
    assert list(explained(box, capsys)["refused"]) == ["gone"]  # type: ignore[call-overload]


def test_a_home_that_nobody_knows_is_one_line(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["admin", "rules", "explain", "h9", "--data", str(box)]) == 2
    assert capsys.readouterr().err == "carebell admin: there is no home 'h9' in the registry\n"


@pytest.mark.parametrize(
    ("settings", "line", "said"),
    [
        ("    sos: {budget: 5s}", 7, "settings of sos: rule sos is the same in every home"),
        ("    nosuch: {a: 1}", 7, "settings of nosuch: there is no rule 'nosuch'"),
        ("    supervision:\n      intervals: 0", 7, "settings of supervision: intervals: "),
        ("    supervision: {budget: 5}", 7, "settings of supervision: budget: "),
    ],
)
def test_settings_that_do_not_fit_the_rulebook_in_force_are_refused_with_their_line(
    box: Path, capsys: pytest.CaptureFixture[str], settings: str, line: int, said: str
) -> None:
    bad = box / "bad.yaml"
    bad.write_text(HOMES.partition("    supervision:")[0].replace("h1", "h2") + settings + "\n", "utf-8")
    capsys.readouterr()
    assert main(["admin", "homes", "import", str(bad), "--data", str(box)]) == 2
    assert capsys.readouterr().err.startswith(f"carebell admin: bad.yaml:{line}: {said}")
    assert main(["admin", "rules", "explain", "h2", "--data", str(box)]) == 2  # nothing of it was taken


def test_check_tells_what_changes_and_warns_where_the_version_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(RULES, "utf-8")
    changed = RULES.replace("battery_low_below: 15", "battery_low_below: 12") + LEVELS
    new.write_text(changed, "utf-8")
    command = ["admin", "rules", "check", str(new), "--against", str(old)]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1:] == [
        "  supervision.battery_low_below: 15.0 → 12.0",
        "  levels.2.supervision.intervals: – → 3",
    ]
    assert "give it another than" in err
    new.write_text(changed.replace("version: ", "version: another # ", 1), "utf-8")
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "rulebook another+" in out
    assert err == ""


def test_check_compares_with_what_the_box_began_with(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["admin", "rules", "check", str(rulebook_path(box)), "--data", str(box)]) == 0
    assert capsys.readouterr().out.endswith("it changes: nothing\n")


def test_check_of_the_same_changes_nothing_and_of_a_wrong_one_tells_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = tmp_path / "same.yaml"
    same.write_text(shipped_text(), "utf-8")
    assert main(["admin", "rules", "check", str(same), "--against", str(same)]) == 0
    assert capsys.readouterr() == (
        f"{same}: rulebook {shipped_rulebook().label}; beside {shipped_rulebook().label} it changes: nothing\n",
        "",
    )
    same.write_text("format: 1\nversion: 2\n", "utf-8")
    assert main(["admin", "rules", "check", str(same), "--data", str(tmp_path)]) == 2
    assert f"{same}:2: version" in capsys.readouterr().err


def lived(folder: Path) -> None:
    """A box's log with the story in it."""

    async def fill() -> None:
        clock = SystemClock()
        log = await SqliteLog.open(log_path(folder), 2, clock)
        await live(log, shipped_rulebook(), clock.now().replace(microsecond=0))
        await log.close()

    asyncio.run(fill())


def test_replay_tells_the_fate_of_each_alert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lived(tmp_path)
    new = tmp_path / "new.yaml"
    new.write_text(shipped_text().replace("battery_low_below: 15", "battery_low_below: 5"), "utf-8")
    command = ["admin", "replay", "--from", "edge", "--data", str(tmp_path), "--days", "1"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert {json.loads(line)["change"] for line in out.splitlines()} == {"stays"}
    assert "of 3 homes" in err
    assert main([*command, "--rulebook", str(new), "--home", "h2", "--home", "h7"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert {(one["rule"], one["change"]) for one in lines} == {("sos", "stays"), ("supervision", "goes")}
    assert {one["home_id"] for one in lines} == {"h2"}
    assert "the log has no reading of home h7" in err
    assert main([*command, "--compare", str(new), str(rulebook_copy(tmp_path))]) == 0
    changed = {json.loads(line)["change"] for line in capsys.readouterr().out.splitlines()}
    assert changed == {"stays", "comes"}


def rulebook_copy(folder: Path) -> Path:
    path = folder / "shipped.yaml"
    path.write_text(shipped_text(), "utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "kafka"], "--from kafka goes with --config FILE"),
        (["--from", "edge", "--config", "city.yaml"], "--from kafka goes with --config FILE"),
        (["--from", "edge", "--data", "nowhere"], "no such directory"),
        (["--from", "edge", "--data", "."], "there is no log"),
    ],
)
def test_replay_says_what_is_wrong_with_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["admin", "replay", "--days", "1", *arguments]) == 2
    assert said in capsys.readouterr().err
