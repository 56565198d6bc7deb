"""Is this a Redis that keeps what the rules remember?"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from carebell.clock import Clock
from carebell.errors import TryLater
from carebell.probe_redis import RedisFacts, RedisProbe
from deploy.doctor.finding import Finding, clock, reach
from deploy.watch import difference

_AT_LEAST = (6, 2)
_FULL = 0.8


async def examine_redis(url: str, ours: Clock) -> Sequence[Finding]:
    """Reach, login, clock, version, durability, memory."""
    parts = urlsplit(url)
    findings: list[Finding] = []
    if parts.hostname:
        findings = [await reach("redis", parts.hostname, parts.port or 6379)]
        if findings[0].is_problem:
            return findings
    probe = RedisProbe(url)
    try:
        asked_at = ours.now()
        told = await probe.look()
        findings.append(clock("redis", difference(told, asked_at, ours.now())))
        return findings + judge_redis(await probe.facts())
    except TryLater as error:
        mend = "Check user, password, database number and whether it is a master, in redis.url and in its own log."
        return [*findings, Finding("redis", error.reason, mend)]
    finally:
        await probe.close()


def judge_redis(facts: RedisFacts) -> list[Finding]:
    """What its own words come to."""
    return [_version(facts.info), _durability(facts), _policy(facts), _memory(facts)]


def _version(info: Mapping[str, str]) -> Finding:
    version = info.get("redis_version", "0")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _AT_LEAST:
        return Finding("redis version", f"it is {version}", f"Install {'.'.join(map(str, _AT_LEAST))} or newer.")
    return Finding("redis version", version)


def _durability(facts: RedisFacts) -> Finding:
    what = "redis durability"
    if facts.info.get("aof_enabled", "0") != "1":
        mend = "Set appendonly yes: a restart would forget what the rules have learned, though no call is lost."
        return Finding(what, "it forgets everything when it restarts", mend)
    if facts.info.get("aof_last_write_status", "ok") != "ok":
        return Finding(what, "its last write to the disk failed", "Look at its disk and its log.")
    return Finding(what, "appendonly is on")


def _policy(facts: RedisFacts) -> Finding:
    what = "redis maxmemory-policy"
    policy = facts.settings.get("maxmemory-policy") or facts.info.get("maxmemory_policy", "")
    if policy != "noeviction":
        return Finding(
            what, f"it is {policy}: a full Redis would silently forget homes", "Set maxmemory-policy noeviction."
        )
    return Finding(what, policy)


def _memory(facts: RedisFacts) -> Finding:
    used, most = int(facts.info.get("used_memory", "0")), int(facts.info.get("maxmemory", "0"))
    said = f"{used / 2**20:.0f} MiB used, {f'{most / 2**20:.0f} MiB allowed' if most else 'without a bound'}"
    if most and used > most * _FULL:
        return Finding("redis memory", said, "Raise maxmemory before it is full: then nothing more can be saved.")
    return Finding("redis memory", said)
