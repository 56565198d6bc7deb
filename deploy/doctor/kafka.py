"""Is this a Kafka that keeps every call?"""

from collections.abc import Sequence

from carebell.log_kafka_probe import KafkaProbe
from deploy.city_config import CityConfig
from deploy.doctor.finding import Finding, reach
from deploy.topics import check_topics


async def examine_kafka(config: CityConfig) -> Sequence[Finding]:
    """Reach, live brokers, topics."""
    part = config.kafka
    servers = [server.rpartition(":") for server in part.servers.split(",")]
    findings = [await reach("kafka", host.strip("[]"), int(port)) for host, _, port in servers]
    if all(finding.is_problem for finding in findings):
        return findings
    probe = KafkaProbe(part.servers, ())
    try:
        living = await probe.brokers()
    except OSError as error:
        mend = "Something listens there that does not speak as a broker does: check the port and its own log."
        return [*findings, Finding("kafka", str(error), mend)]
    finally:
        await probe.close()
    return [*findings, _enough(living, part.replication), *await _topics(config)]


def _enough(living: int, replication: int) -> Finding:
    said = f"{living} live, and each record is kept by {replication}"
    if living < replication:
        return Finding(
            "kafka brokers", said, "Start the brokers that are down: the next one to fail may stop all writing."
        )
    return Finding("kafka brokers", said)


async def _topics(config: CityConfig) -> list[Finding]:
    part = config.kafka
    try:
        problems = await check_topics(
            part.servers,
            namespace=part.namespace,
            partitions=part.partitions,
            replication=part.replication,
            keep=config.keep_readings,
        )
    except OSError as error:
        return [Finding("kafka topics", str(error), "Look at the brokers' own logs.")]
    if not problems:
        return [Finding("kafka topics", f"all are there, with {part.partitions} partitions and as they should be kept")]
    told = [problem.partition("; ") for problem in problems]
    return [Finding("kafka topics", said, f"{mend[:1].upper()}{mend[1:]}.") for said, _, mend in told]
