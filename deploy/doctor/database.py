"""Is this a PostgreSQL that keeps every case?"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from carebell.clock import Clock
from carebell.errors import TryLater
from carebell.probe_sql import SqlFacts, SqlProbe
from deploy.doctor.finding import Finding, clock, reach
from deploy.migrate import schema_problem
from deploy.watch import difference

_AT_LEAST = 130000
# What one more notifier or desk may take.
_FREE_AT_LEAST = 25


async def examine_database(url: str, ours: Clock) -> Sequence[Finding]:
    """Reach, login, clock, version, durability, room, schema."""
    parts = urlsplit(url)
    findings = [await reach("database", parts.hostname or "localhost", parts.port or 5432)]
    if findings[0].is_problem:
        return findings
    probe = SqlProbe(url)
    try:
        asked_at = ours.now()
        told = await probe.look()
        findings.append(clock("database", difference(told, asked_at, ours.now())))
        return [*findings, *judge_database(await probe.facts()), *await _schema(url)]
    except TryLater as error:
        mend = "Check user, password and the name of the database in database.url, and pg_hba.conf of the server."
        return [*findings, Finding("database", error.reason, mend)]
    finally:
        await probe.close()


def judge_database(facts: SqlFacts) -> list[Finding]:
    """What its own words come to."""
    return [_version(facts.settings), _durability(facts.settings), _room(facts)]


def _version(settings: Mapping[str, str]) -> Finding:
    version = settings.get("server_version", "unknown")
    if int(settings.get("server_version_num", "0")) < _AT_LEAST:
        return Finding("database version", f"it is {version}", f"Install {_AT_LEAST // 10000} or newer.")
    return Finding("database version", version)


def _durability(settings: Mapping[str, str]) -> Finding:
    what = "database durability"
    off = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if settings.get(name, "on") == "off"]
    if off:
        said = f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} off: a power cut may take back what was told to people"
        return Finding(what, said, f"Set {' and '.join(f'{name} = on' for name in off)}.")
    return Finding(what, "what it has committed is on the disk")


def _room(facts: SqlFacts) -> Finding:
    most = int(facts.settings.get("max_connections", "100"))
    free = most - int(facts.settings.get("superuser_reserved_connections", "3")) - facts.connections
    said = f"{facts.connections} connections of {most} are taken"
    if free < _FREE_AT_LEAST:
        mend = "Raise max_connections: the next notifier or desk may get none, and then it cannot work."
        return Finding("database connections", said, mend)
    return Finding("database connections", said)


async def _schema(url: str) -> list[Finding]:
    problem = await schema_problem(url)
    if problem:
        said, _, mend = problem.rpartition(": ")
        return [Finding("database schema", said or problem, f"{mend[:1].upper()}{mend[1:]}.")]
    return [Finding("database schema", "it is the one of this program")]
