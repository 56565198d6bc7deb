"""The topics of the log and how a home finds its partition. Kafka and the edge log use the same names."""

from enum import StrEnum
from zlib import crc32

from carebell.types import Reading, Tick


class Topic(StrEnum):
    URGENT = "carebell.readings.urgent"
    TELEMETRY = "carebell.readings.telemetry"
    HOMES = "carebell.homes"
    ALERTS = "carebell.alerts"
    CASES = "carebell.cases"
    REJECTED = "carebell.rejected"


def lane_of(event: Reading | Tick) -> Topic:
    """Urgent kinds travel apart, so that nothing queues in front of a call for help."""
    if isinstance(event, Reading) and event.is_urgent:
        return Topic.URGENT
    return Topic.TELEMETRY


def partition_of(key: str, partitions: int) -> int:
    """The same on every topic, so that all that concerns a home is judged in one place."""
    return crc32(key.encode("utf-8", "surrogatepass")) % partitions
