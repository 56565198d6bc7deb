"""Two ingest processes over a real Kafka: it freezes, the holder dies, and every call is in the log and its device told."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from carebell.clock import SystemClock
from carebell.topics import Topic
from carebell.types import Reading
from carebell.wire import decode
from deploy.topics import set_up_topics
from tests.integration.test_ingest_seat import Callers
from tests.integration.test_ingest_spool import spooled
from tests.support.box import wait_until
from tests.support.ingest_process import IngestProcess
from tests.support.patience import PATIENCE_S
from tests.support.servers.kafka import KafkaCluster
from tests.support.servers.mosquitto import Mosquitto
from tests.support.topics import open_log

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
NAMESPACE = "ingest."


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[KafkaCluster]:
    with KafkaCluster(tmp_path / "kafka") as made:
        asyncio.run(set_up_topics(made.bootstrap, namespace=NAMESPACE, partitions=4, replication=1))
        yield made


def held(bootstrap: str) -> list[Reading]:
    async def read() -> list[Reading]:
        log = await open_log(bootstrap, SystemClock(), NAMESPACE)
        reader = await log.reader(None, [Topic.URGENT])
        found: list[Reading] = []
        while records := await reader.poll(1000, timedelta(0)):
            found += [value for record in records if isinstance(value := decode(record.value), Reading)]
        await reader.close()
        await log.close()
        return found

    return asyncio.run(read())


def test_a_kafka_that_freezes_and_a_holder_that_dies_lose_no_call(
    cluster: KafkaCluster, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    log = {"kafka": cluster.bootstrap, "namespace": NAMESPACE}
    spool = tmp_path / "spool"
    first = IngestProcess(tmp_path, "a", mosquitto.port, log, spool=str(spool))
    second = IngestProcess(tmp_path, "b", mosquitto.port, log, spool=str(spool))
    callers = Callers(mosquitto.port)
    with ExitStack() as ending:
        ending.enter_context(first).wait_seated()
        ending.enter_context(second).wait_standby()
        callers.begin()
        time.sleep(2)
        cluster.brokers[0].freeze()
        wait_until(lambda: spooled(spool) > 0, "calls are on disk")
        time.sleep(3)
        cluster.brokers[0].thaw()
        wait_until(lambda: spooled(spool) == 0, "the spool is empty")
        time.sleep(1)
        (first if first.is_seated() else second).kill()
        time.sleep(3)
        callers.rest()
        wait_until(callers.are_told, "every device is told", 2 * PATIENCE_S)
        found = held(cluster.bootstrap)
        assert {one.source_message_id for one in found} == set(callers.sent)
        assert len({one.id for one in found}) == len(callers.sent)
        print(
            f"\nKafka frozen, holder killed: {len(callers.sent)} calls, {len(found) - len(callers.sent)} written twice"
        )
    callers.close()
