"""The rules of this house that no linter knows."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("carebell", "devices", "ingest", "rules_engine", "notifier", "deploy")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
SQL_MODULES = {path for path in MODULES if path.stem.endswith("_sql")} | {ROOT / "carebell/log_sqlite.py"}

# A library, and the only modules that may import it: a folder ends in /, a star stands for anything.
DOORS = {
    "paho": ("carebell/mqtt.py",),
    "sqlalchemy": ("*_sql.py", "deploy/migrations/"),
    "asyncpg": ("*_sql.py",),
    "alembic": ("deploy/migrate.py", "deploy/migrations/"),
    "aiokafka": ("carebell/log_kafka*.py",),
    "redis": ("*_redis.py",),
    "google": ("devices/dialects/sparkplug_payload.py",),
    "sqlite3": ("carebell/log_sqlite.py", "carebell/sqlite_thread.py", "ingest/spool_sqlite.py"),
    "httpx2": ("notifier/channels/", "deploy/channels.py"),
    "iotcore": ("deploy/broker.py",),
    "aiosmtplib": ("notifier/channels/email.py",),
    "standardwebhooks": ("notifier/channels/webhook.py",),
    "sse_starlette": ("notifier/desk/",),
    "fastapi": ("notifier/desk/", "deploy/wiring.py"),
    "starlette": ("notifier/desk/",),
    "uvicorn": ("deploy/serve.py",),
    "prometheus_client": ("carebell/telemetry.py", "notifier/desk/health.py"),
    "structlog": ("carebell/logs.py",),
    "numpy": ("rules_engine/acceleration*.py", "rules_engine/fall_*.py"),
    "matplotlib": ("deploy/plot*.py",),
    "yaml": ("carebell/file_yaml.py", "deploy/asyncapi.py", "devices/registry_yaml.py"),
}
# Who may catch everything, each with the reason on its line: the home guard, the outermost frame, the delivery, the
# reading of one message, and the writers of log and databases, which hand the error to whoever waits for the append.
CATCH_ALL = {
    "rules_engine/home.py",
    "deploy/supervise.py",
    "notifier/delivery.py",
    "ingest/decoding.py",
    "devices/listener.py",
    "carebell/log_sqlite.py",
    "carebell/engine_sql.py",
}
FILE_LIMIT, FUNCTION_LIMIT = 300, 40


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def kept_files() -> list[Path]:
    """What git keeps, or would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return sorted({path for path in paths if path.is_file()})


@cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")


def test_the_packages_are_found() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(PACKAGES)


def test_files_are_short() -> None:
    sources = [*MODULES, *(ROOT / "notifier/desk/page/src").glob("*.ts")]
    lengths = {name_of(path): len(text_of(path).splitlines()) for path in sources}
    assert not {name: length for name, length in lengths.items() if length >= FILE_LIMIT}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_are_short() -> None:
    lengths = {
        f"{name_of(path)}:{one.name}": (one.end_lineno or 0) - one.lineno + 1
        for path in MODULES
        for one in functions(path)
    }
    assert not {name: length for name, length in lengths.items() if length >= FUNCTION_LIMIT}


def test_every_module_says_what_lives_in_it() -> None:
    assert not [name_of(path) for path in MODULES if not ast.get_docstring(tree_of(path))]


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def passes(name: str, door: str) -> bool:
    if "*" in door:
        return fnmatch(name, door)
    return name.startswith(door) if door.endswith("/") else name == door


@pytest.mark.parametrize("library", sorted(DOORS))
def test_each_library_has_one_door(library: str) -> None:
    users = {name_of(path) for path in MODULES if library in imported(path)}
    assert users, f"{library} is not used: take it out of this list"
    assert not {name for name in users if not any(passes(name, door) for door in DOORS[library])}


def test_the_desk_takes_only_the_content_type_from_the_metrics_library() -> None:
    taken = {
        alias.name
        for node in ast.walk(tree_of(ROOT / "notifier/desk/health.py"))
        if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client"
        for alias in node.names
    }
    assert taken == {"CONTENT_TYPE_LATEST"}


def test_sql_never_asks_a_database_for_the_time() -> None:
    in_text = re.compile(r"\bnow\s*\(\s*\)|current_(?:timestamp|time|date)\b|\(\s*'now'|\blocaltime", re.IGNORECASE)
    in_code = re.compile(r"\bfunc\.(?:now|current_\w+|localtime\w*|clock_timestamp|strftime|datetime)\b")
    asking = []
    for path in MODULES:
        texts = [
            one.value
            for one in ast.walk(tree_of(path))
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and path in SQL_MODULES
        ]
        if any(in_text.search(text) for text in texts) or in_code.search(text_of(path)):
            asking.append(name_of(path))
    assert not asking


def broad_handlers(path: Path) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            names = (
                {one.id for one in ast.walk(node.type) if isinstance(one, ast.Name)} if node.type else {"BaseException"}
            )
            if names & {"Exception", "BaseException"}:
                yield node


def passes_on(handler: ast.ExceptHandler) -> bool:
    """What is only tidied up after and raised again is not caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_only_named_places_catch_everything_and_each_says_why() -> None:
    catching = set()
    for path in MODULES:
        lines = text_of(path).splitlines()
        for handler in broad_handlers(path):
            if passes_on(handler):
                continue
            catching.add(name_of(path))
            _, _, comment = lines[handler.lineno - 1].partition("#")
            reason = re.sub(r"noqa: [A-Z0-9, ]+", "", comment).strip(" -")
            assert len(reason.split()) >= 4, f"{name_of(path)}:{handler.lineno} does not say why it catches everything"
    assert catching == CATCH_ALL


def test_nothing_is_left_to_do_in_a_comment() -> None:
    marks = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
    kept = [path for path in kept_files() if path.suffix not in (".json", ".gz")]
    assert not [name_of(path) for path in kept if marks.search(text_of(path))]


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    places = {"/".join(("", "work", "")), "/".join(("", "root", "")), "/".join(("", "home", "")) + "[a-z]+/"}
    if len(ROOT.parts) > 2:
        places.add(re.escape(f"{ROOT}/"))
    inside = re.compile(r"(?<![\w.}-])(?:" + "|".join(sorted(places)) + ")")
    assert not [name_of(path) for path in kept_files() if inside.search(text_of(path))]


def test_no_file_names_a_registry_of_packages() -> None:
    hosts = [("py", "pi.org"), ("files.python", "hosted.org"), ("registry.npm", "js.org"), ("npm", "mirror.com")]
    hosts += [("proxy.go", "lang.org"), ("deb.deb", "ian.org"), ("index-", "url"), ("mirrors", ".")]
    named = re.compile("|".join(re.escape("".join(host)) for host in hosts))
    assert not [name_of(path) for path in kept_files() if named.search(text_of(path))]


def test_the_wheel_holds_every_package_and_what_they_read() -> None:
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))
    assert tuple(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    read_at_run_time = [
        files("deploy").joinpath("rulebook.yaml"),
        files("deploy").joinpath("policies/default.yaml"),
        files("deploy").joinpath("migrations/env.py"),
        files("deploy").joinpath("migrations/versions/v0001_first_tables.py"),
        files("notifier.desk").joinpath("page/static/index.html"),
    ]
    kept = {path.resolve() for path in kept_files()}
    for one in read_at_run_time:
        assert one.is_file()
        assert Path(str(one)).resolve() in kept, f"{one} is ignored by git and so by the wheel"


def test_every_part_of_the_page_is_compiled_and_kept() -> None:
    page = ROOT / "notifier/desk/page"
    kept = {name_of(path) for path in kept_files()}
    compiled = {f"notifier/desk/page/static/{path.stem}.js" for path in (page / "src").glob("*.ts")}
    assert compiled
    assert compiled <= kept
    assert {name for name in kept if name.startswith("notifier/desk/page/static/") and name.endswith(".js")} == compiled


def test_the_licence_is_the_one_that_is_declared() -> None:
    licence = text_of(ROOT / "LICENSE")
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]["license"] == "Apache-2.0"
