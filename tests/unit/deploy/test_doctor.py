"""What the words of a server come to: a problem that says what to do, or nothing."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from carebell.probe_redis import RedisFacts
from carebell.probe_sql import SqlFacts
from deploy.doctor.database import judge_database
from deploy.doctor.finding import Finding, clock
from deploy.doctor.local import examine_spool
from deploy.doctor.redis import judge_redis

REDIS = {
    "redis_version": "7.0.15",
    "aof_enabled": "1",
    "maxmemory_policy": "noeviction",
    "used_memory": "1000",
    "maxmemory": "0",
}
POSTGRES = {"server_version": "15.14", "server_version_num": "150014", "max_connections": "200"}


def problems(findings: list[Finding]) -> list[str]:
    return [finding.line() for finding in findings if finding.is_problem]


def redis(**more: str) -> list[str]:
    return problems(judge_redis(RedisFacts({**REDIS, **more}, {})))


def postgres(connections: int = 10, **more: str) -> list[str]:
    settings: Mapping[str, str] = {**POSTGRES, **more}
    return problems(judge_database(SqlFacts(settings, connections)))


def test_a_good_server_has_no_problem() -> None:
    assert redis() == []
    assert postgres() == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"redis_version": "5.0.14"}, "redis version: it is 5.0.14"),
        ({"aof_enabled": "0"}, "Set appendonly yes"),
        ({"aof_last_write_status": "err"}, "its last write to the disk failed"),
        ({"maxmemory_policy": "allkeys-lru"}, "Set maxmemory-policy noeviction"),
        ({"maxmemory": "1200"}, "Raise maxmemory"),
    ],
)
def test_a_redis_that_would_forget_is_told(more: dict[str, str], said: str) -> None:
    (line,) = redis(**more)
    assert said in line


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"server_version": "12.1", "server_version_num": "120001"}, "database version: it is 12.1"),
        ({"fsync": "off"}, "Set fsync = on"),
        ({"synchronous_commit": "off"}, "synchronous_commit is off"),
        ({"fsync": "off", "full_page_writes": "off"}, "fsync and full_page_writes are off"),
        ({"max_connections": "30"}, "Raise max_connections"),
    ],
)
def test_a_database_that_would_forget_or_is_full_is_told(more: dict[str, str], said: str) -> None:
    (line,) = postgres(**more)
    assert said in line


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, ""), (1, ""), (-1, ""), (2, "differs from ours by +2.0 s"), (-90, "by -90.0 s")]
)
def test_a_clock_that_differs_is_told(seconds: int, said: str) -> None:
    finding = clock("redis", timedelta(seconds=seconds))
    assert finding.is_problem == bool(said)
    assert said in finding.line()


def test_a_spool_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    assert not examine_spool(tmp_path / "not" / "yet" / "there").is_problem
    assert examine_spool(Path("/proc/carebell-spool")).is_problem
