"""The topics of a city: which there are, what each keeps, set up by `carebell admin topics` and checked by the doctor."""

from datetime import timedelta

from carebell.clock import Clock, SystemClock
from carebell.log_kafka_topics import TopicPlan, check, set_up
from carebell.topics import Topic

KEEP = timedelta(days=30)


def _plans(namespace: str, partitions: int, replication: int, keep: timedelta) -> list[TopicPlan]:
    """The profiles of homes are kept for ever, the newest of each: whoever starts reads them all."""
    return [
        TopicPlan(
            name=f"{namespace}{topic}",
            partitions=partitions,
            replication=replication,
            keep=None if topic is Topic.HOMES else keep,
        )
        for topic in Topic
    ]


async def set_up_topics(
    bootstrap: str,
    *,
    namespace: str = "",
    partitions: int = 12,
    replication: int = 3,
    keep: timedelta = KEEP,
    clock: Clock | None = None,
) -> list[str]:
    """Make and mend them; a line for the operator for each thing done or left to do. Raises OSError."""
    return await set_up(bootstrap, _plans(namespace, partitions, replication, keep), clock or SystemClock())


async def check_topics(
    bootstrap: str, *, namespace: str = "", partitions: int = 12, replication: int = 3, keep: timedelta = KEEP
) -> list[str]:
    """What is wrong with them, one sentence each, with what mends it. Raises OSError."""
    return await check(bootstrap, _plans(namespace, partitions, replication, keep))
