"""What the documents say is so: trees, tables, tests, commands, paths, links and examples are compared with the code."""

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from carebell.clock import SystemClock
from carebell.duration import format_duration
from carebell.instruments import Instruments
from carebell.telemetry import Telemetry
from carebell.topics import Topic
from carebell.types import BindingProfile
from deploy.asyncapi import document
from deploy.city_config import CityConfig, HttpPart, read_city
from deploy.cli import main
from deploy.cli.up import HTTP_PORT, MQTT_PORT
from deploy.config import Common, Config, policies_of, read_config, rulebook_of
from devices.products import read_products
from devices.registry import Contact, Device, Home, Resident, Role, Service
from devices.registry_csv import SETTING
from devices.registry_file import read_homes
from notifier.case_value import Move
from notifier.desk.app import Health, Page, desk_app
from notifier.desk.auth import Tokens
from rules_engine.in_force import settings_problems
from rules_engine.rulebook import Rules
from tests.unit.test_house import MODULES, PACKAGES, ROOT, name_of, text_of

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ARCHITECTURE, RUNBOOK, CONFIGURATION = (
    ROOT / "docs" / f"{name}.md" for name in ("architecture", "runbook", "configuration")
)
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path: Path, language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(text_of(path)) if name == language]


def code(path: Path) -> str:
    """What stands in code: blocks, indented lines, and `spans`."""
    text = text_of(path)
    indented = re.findall(r"^ {4}.*$", text, re.MULTILINE)
    spans = re.findall(r"`([^`]+)`", BLOCK.sub("", text))
    return "\n".join([*(body for _, body in BLOCK.findall(text)), *indented, *(" ".join(one.split()) for one in spans)])


def tables(path: Path) -> Iterator[list[list[str]]]:
    """Every table as rows of cells, the header first."""
    for rows in re.findall(r"(?:^\|.*\|\n)+", text_of(path), re.MULTILINE):
        cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]
        yield [row for row in cells if set("".join(row)) - set("-|")]


def table(path: Path, *header: str) -> list[list[str]]:
    """The rows below a header."""
    for rows in tables(path):
        if tuple(cell.strip("| ") for cell in rows[0]) == header:
            return [[cell.strip("| ") for cell in row] for row in rows[1:]]
    raise AssertionError(f"{path.name} has no table with the header {header}")


def word(cell: str) -> str:
    return cell.strip("`")


# The tree and the tables of the architecture


def tree() -> dict[str, list[str]]:
    """The rooms drawn in the architecture: folder -> the modules named in it."""
    drawn: dict[str, list[str]] = {}
    folder = ""
    section = text_of(ARCHITECTURE).partition("## Rooms")[2].partition("Imports run downward")[0]
    for line in re.findall(r"^ {4}(.*)$", section, re.MULTILINE):
        first, *rest = line.split()
        folder = first if first.endswith("/") else folder
        drawn.setdefault(folder, []).extend(rest if first.endswith("/") else [first, *rest])
    return drawn


def test_the_tree_of_rooms_is_the_tree_on_the_disk() -> None:
    drawn = {f"{folder}{module}.py" for folder, modules in tree().items() for module in modules}
    assert drawn == {name_of(path) for path in MODULES if not path.stem.startswith("__")}


def test_no_module_is_drawn_twice() -> None:
    for modules in tree().values():
        assert len(modules) == len(set(modules))


def test_the_tree_begins_with_every_room() -> None:
    assert tuple(dict.fromkeys(folder.partition("/")[0] for folder in tree())) == PACKAGES


def test_the_topics_are_those_of_the_log() -> None:
    rows = table(ARCHITECTURE, "topic", "value", "key", "written by", "read by")
    assert [word(row[0]) for row in rows] == [topic.value for topic in Topic]
    channels = document()["channels"]
    for name, value, *_ in rows:
        assert value.split(", ") == list(channels[word(name)]["messages"])


def functions_of(path: Path) -> set[str]:
    found = ast.walk(ast.parse(text_of(path)))
    return {one.name for one in found if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_that_is_named_exists() -> None:
    for path in DOCUMENTS:
        for name, _, function in re.findall(r"(tests/[\w/]+\.py)(::(\w+))?", text_of(path)):
            assert (ROOT / name).is_file(), f"{path.name} names {name}"
            assert not function or function in functions_of(ROOT / name), f"{path.name} names {name}::{function}"


def test_every_guarantee_names_a_test() -> None:
    rows = table(ARCHITECTURE, "what is promised", "tests")
    assert rows
    assert all(re.search(r"`tests/[\w/]+\.py::\w+`", tests) for _, tests in rows)


# Decisions


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        assert f"](decisions/{path.name})" in text_of(ARCHITECTURE)


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_what_it_costs(path: Path) -> None:
    text = text_of(path)
    assert text.startswith(f"# {path.name[:4]} ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "What it costs"]


# Commands, make targets, links, paths


@cache
def help_of(*command: str) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        main([*command, "--help"])
    return said.getvalue()


def subcommands(*command: str) -> set[str]:
    return set(re.findall(r"^ {4}([a-z]+)(?: |$)", help_of(*command), re.MULTILINE))


def commands(path: Path) -> list[list[str]]:
    """Every `carebell …` in code, word by word."""
    found = re.findall(r"(?<![-\w/.])(?:\.venv/bin/|/opt/carebell/bin/)?carebell ([a-z].*)", code(path))
    return [line.split() for line in found]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_exists(path: Path) -> None:
    for words in commands(path):
        place: list[str] = []
        while words[len(place) :] and words[len(place)] in subcommands(*place):
            place.append(words[len(place)])
        assert place, f"there is no command: carebell {' '.join(words)}"
        assert not subcommands(*place), f"unfinished: carebell {' '.join(words)}"
        known = set(re.findall(r"--[a-z-]+", help_of(*place)))
        assert {one for one in words if one.startswith("--")} <= known, " ".join(words)


@pytest.mark.parametrize("path", [*DOCUMENTS], ids=lambda path: path.name)
def test_every_option_that_is_named_alone_exists(path: Path) -> None:
    everything = " ".join(help_of(name) for name in subcommands())
    for option in re.findall(r"`(--[a-z-]+)[^`]*`", text_of(path)):
        assert option in re.findall(r"--[a-z-]+", everything), option


def test_every_command_there_is_is_named_in_the_architecture() -> None:
    named = {words[0] for words in commands(ARCHITECTURE)}
    assert named == subcommands()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", text_of(ROOT / "Makefile"), re.MULTILINE))
    for path in DOCUMENTS:
        named = set(re.findall(r"(?:^|`|In )make ([a-z-]+)", code(path), re.MULTILINE))
        named |= set(re.findall(r"`make ([a-z-]+)`", text_of(path)))
        assert named <= targets, path.name
    assert {"run", "test"} <= targets


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text_of(path))):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        aim = (path.parent / name).resolve() if name else path
        assert aim.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(aim), f"{path.name}: {target}"


class Nothing:
    """Stands for a part that is only asked when a route is called."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@cache
def api() -> dict[str, set[str]]:
    """Every path of the desk and its methods, from the app itself."""
    nothing: Any = Nothing()
    app = desk_app(
        casebook=nothing,
        library=nothing,
        feed=nothing,
        log=nothing,
        tokens=Tokens({"token": "desk"}),
        health=Health(alive={}, ready={}),
        instruments=Instruments(SystemClock(), Telemetry(), nothing),
        page=Page(),
    )
    found = {path: {method.upper() for method in methods} for path, methods in app.openapi()["paths"].items()}
    hidden = {"/metrics": "metrics", "/docs": "swagger_ui_html"}
    return found | {path: {"GET"} for path, name in hidden.items() if app.url_path_for(name) == path}


def route_of(path: str) -> str | None:
    """The route that a path in a document means. `{…}` and CAPITALS stand for anything."""
    for route in api():
        pattern = re.sub(r"\\{\w+_id\\}", "[^/]+", re.escape(route))
        pattern = pattern.replace(r"\{move\}", "(?:" + "|".join(Move) + ")")
        if re.fullmatch(pattern, path):
            return route
    return None


PATH = re.compile(
    r"(?:\b(GET|POST|DELETE) )?(?<![\w./}>-])(?:http://127\.0\.0\.1:\d+)?(/(?:api/v1/[\w/{}-]+|metrics|healthz|readyz|docs)\b\}?)"
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_http_path_exists(path: Path) -> None:
    for method, named in PATH.findall(code(path)):
        route = route_of(named)
        assert route is not None, f"{path.name}: {named}"
        assert not method or method in api()[route], f"{path.name}: {method} {named}"


def test_every_route_is_named_in_the_architecture() -> None:
    named = {route_of(path) for _, path in PATH.findall(code(ARCHITECTURE))}
    assert named == set(api())


def test_every_move_is_named_in_the_architecture() -> None:
    contracts = text_of(ARCHITECTURE).partition("**HTTP.**")[2].partition("\n\n")[0]
    for move in Move:
        assert f"`{move}`" in contracts or f"/{move}`" in contracts, move


# The runbook


def test_the_metrics_are_those_that_are_exported() -> None:
    exported = re.findall(r"^# HELP (\w+)", Telemetry().exposition().decode(), re.MULTILINE)
    named = [word(row[0]) for row in table(RUNBOOK, "metric", "what it tells")]
    assert sorted(named) == sorted(name for name in exported if not name.endswith("_created"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_metric_that_is_named_is_exported(path: Path) -> None:
    exported = re.findall(r"^# HELP (\w+)", Telemetry().exposition().decode(), re.MULTILINE)
    assert set(re.findall(r"\bcarebell_\w+", text_of(path))) <= set(exported)


def test_the_checks_are_those_of_health() -> None:
    rows = table(RUNBOOK, "check", "on", "what it means", "what to do")
    known: dict[str, set[str]] = {"healthz": set(), "readyz": set()}
    for function in ast.walk(ast.parse(text_of(ROOT / "deploy/checks.py"))):
        where = {"alive": "healthz", "ready": "readyz"}.get(getattr(function, "name", "").partition("_")[0])
        for one in ast.walk(function) if where else ():
            if isinstance(one, ast.Return) and isinstance(one.value, ast.Dict):
                known[str(where)] |= {str(key.value) for key in one.value.keys if isinstance(key, ast.Constant)}
    assert all(known.values())
    known["readyz"] |= set(re.findall(r'_watched\(process, "(\w+)"', text_of(ROOT / "deploy/roles.py")))
    known["readyz"] |= set(re.findall(r'ready: dict\[str, Check\] = \{"(\w+)"', text_of(ROOT / "deploy/city.py")))
    assert {(word(name), where) for name, where, *_ in rows} == {
        (name, where) for where, names in known.items() for name in names
    }


def test_the_files_of_the_data_directory_are_written_by_the_code() -> None:
    written = {
        one.value
        for path in MODULES
        if name_of(path).startswith("deploy/")
        for one in ast.walk(ast.parse(text_of(path)))
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
    named = [word(row[0]) for row in table(RUNBOOK, "file", "what is in it")]
    assert len(named) > 4
    assert set(named) <= written
    assert {one for one in written if one.endswith((".db", ".toml")) and " " not in one} <= set(named)


def test_the_usual_ports_are_those_of_the_command() -> None:
    ports = [row[1] for row in table(RUNBOOK, "what", "usual port", "who must reach it")]
    city = HttpPart()
    assert city.desk == HTTP_PORT
    others = f"{city.ingest}, {city.rules}, {city.notify}"
    assert ports == [f"{MQTT_PORT} (`--mqtt-port`)", f"{HTTP_PORT} (`--http-port`)", f"{others} (`--http-port`)"]
    for path in DOCUMENTS:
        assert set(re.findall(r"127\.0\.0\.1:(\d+)", text_of(path))) <= {str(HTTP_PORT)}, path.name
        assert set(re.findall(r"mosquitto_\w+ -p (\d+)", text_of(path))) <= {str(MQTT_PORT)}, path.name
    assert f"Desk: http://127.0.0.1:{HTTP_PORT}/  MQTT: {MQTT_PORT}  token: demo" in text_of(ROOT / "README.md")


# The configuration


def examples() -> dict[str, str]:
    found = {}
    for block in blocks(CONFIGURATION, "yaml"):
        name = block.splitlines()[0].removeprefix("# ")
        found[name] = block
    return found


def written_out(folder: Path) -> Path:
    for name, body in examples().items():
        (folder / name).write_text(body, "utf-8")
    return folder


def test_the_examples_are_read_by_the_real_readers(tmp_path: Path) -> None:
    folder = written_out(tmp_path)
    config = read_config(folder / "carebell.yaml")
    assert config.policies == folder / "policies.yaml"
    assert config.rulebook == folder / "rulebook.yaml"
    policies_of(config)
    rulebook_of(config.rulebook)
    assert [responder.person().reach for responder in config.responders]
    assert read_city(folder / "city.yaml").desk.tokens
    assert set(examples()) == {
        "carebell.yaml",
        "city.yaml",
        "policies.yaml",
        "rulebook.yaml",
        "homes.yaml",
        "product.yaml",
    }
    assert set(read_products([folder / "product.yaml"])) == {"alink/a1XyZ", "onenet/Q8r2"}


def test_the_example_homes_are_read_from_yaml_and_csv() -> None:
    from_yaml = read_homes(examples()["homes.yaml"].encode(), "homes.yaml")
    (text,) = blocks(CONFIGURATION, "csv")
    from_csv = read_homes(text.encode(), "homes.csv")
    assert [home.home_id for home in from_yaml] == [home.home_id for home in from_csv]
    assert {one.device_id for one in from_yaml[0].devices} == {one.device_id for one in from_csv[0].devices}
    assert from_yaml[0].settings == from_csv[0].settings != {}
    assert settings_problems(rulebook_of(None), from_yaml[0].profile(1)) == []


def test_yaml_and_csv_stand_nowhere_else() -> None:
    for path in DOCUMENTS:
        assert path == CONFIGURATION or not [*blocks(path, "yaml"), *blocks(path, "csv")], path.name


def part_of(info: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, also in a tuple or as an option."""
    for one in (info.annotation, *get_args(info.annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def default_of(info: FieldInfo) -> str:
    if info.is_required():
        return "needed"
    value = info.get_default(call_default_factory=True)
    if value in (None, {}, (), ""):
        return "none"
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def keys(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, str]]:
    for name, info in model.model_fields.items():
        part = part_of(info)
        if part is None:
            yield f"{before}{name}", default_of(info)
            continue
        if not before and not info.is_required() and isinstance(info.get_default(), BaseModel):
            yield from keys(part, f"{name}.")
            continue
        if not isinstance(info.get_default(), BaseModel) and before + name not in RULES:
            yield f"{before}{name}", default_of(info)
        yield from keys(part, f"{before}{name}.")


RULES = frozenset(Rules.model_fields)


@pytest.mark.parametrize(("model", "number"), [(Config, 0), (CityConfig, 1), (Rules, 2)])
def test_every_key_is_told_with_its_default(model: type[BaseModel], number: int) -> None:
    found = [rows for rows in tables(CONFIGURATION) if rows[0][0].strip("| ") == "key"][number]
    told = {word(row[0].strip("| ")): row[1].strip() for row in found[1:]}
    # What a city has in common with a box is told once.
    known_already = dict(keys(Common)) if model is CityConfig else {}
    assert told == {key: default for key, default in keys(model) if known_already.get(key) != default}


def test_the_fields_of_the_registry_are_all_named() -> None:
    told = {row[0]: [word(name) for name in row[1].split(", ")] for row in table(CONFIGURATION, "record", "fields")}
    people = {"home": Home, "resident": Resident, "contact": Contact, "service": Service}
    shapes: dict[str, Any] = {**people, "device": Device, "binding": BindingProfile}
    assert told.pop("setting") == list(SETTING)
    assert told == {name: [one.name for one in fields(shape)] for name, shape in shapes.items()}


def test_every_role_is_named() -> None:
    (line,) = re.findall(r"^The roles are (.*)\.$", text_of(CONFIGURATION), re.MULTILINE)
    assert re.findall(r"`(\w+)`", line) == [role.value for role in Role]
