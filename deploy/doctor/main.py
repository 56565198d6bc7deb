"""Every examination of a city, all at the same time, told in a fixed order."""

import asyncio
from collections.abc import Callable, Sequence

from carebell.clock import SystemClock
from deploy.city_config import CityConfig
from deploy.doctor.database import examine_database
from deploy.doctor.finding import Finding, examine
from deploy.doctor.kafka import examine_kafka
from deploy.doctor.local import examine_local
from deploy.doctor.mqtt import examine_mqtt
from deploy.doctor.redis import examine_redis


async def examine_city(config: CityConfig) -> Sequence[Finding]:
    """What was found. Raises BadInput where the configuration cannot even be used to ask."""
    clock = SystemClock()
    redis, database = config.redis.url.get_secret_value(), config.database.url.get_secret_value()
    found = await asyncio.gather(
        examine("configuration", lambda: examine_local(config)),
        examine("kafka", lambda: examine_kafka(config)),
        examine("redis", lambda: examine_redis(redis, clock)),
        examine("database", lambda: examine_database(database, clock)),
        examine("mqtt", lambda: examine_mqtt(config.mqtt.address, clock)),
    )
    return [finding for findings in found for finding in findings]


def tell(findings: Sequence[Finding], say: Callable[[str], None]) -> int:
    """One line each; the exit code."""
    for finding in findings:
        say(finding.line())
    problems = sum(finding.is_problem for finding in findings)
    say("All is well." if not problems else f"{problems} problems.")
    return 1 if problems else 0
