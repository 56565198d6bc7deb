"""Asks Kafka whether it can be used: which brokers live, and whether every partition of our topics has a leader."""

import asyncio
from collections.abc import Sequence

from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaError

from carebell.log_kafka_client import ended

_REQUEST_WITHIN_MS = 1000
_CLOSE_WITHIN_S = 2.0


class KafkaProbe:
    """On a connection of its own, opened at the first question. `topics` are whole names; Kafka tells no time."""

    def __init__(self, servers: str, topics: Sequence[str], client_id: str = "carebell-probe") -> None:
        self._servers = servers
        self._topics = tuple(topics)
        self._client_id = client_id
        self._client: AIOKafkaClient | None = None

    async def look(self) -> None:
        """Raises OSError that says what is wrong."""
        metadata = await self._metadata()
        missing = [topic for topic in self._topics if metadata.partitions_for_topic(topic) is None]
        if missing:
            raise OSError(f"topics are missing: {', '.join(missing)}; run: carebell admin topics")
        without = {
            topic: len(metadata.partitions_for_topic(topic)) - len(metadata.available_partitions_for_topic(topic))
            for topic in self._topics
        }
        if led := [f"{count} of {topic}" for topic, count in without.items() if count]:
            raise OSError(f"partitions have no leader: {', '.join(led)}; too few brokers live")

    async def brokers(self) -> int:
        """How many live. Raises OSError."""
        return len((await self._metadata()).brokers())

    async def _metadata(self) -> ClusterMetadata:
        client = self._client or AIOKafkaClient(
            bootstrap_servers=self._servers, client_id=self._client_id, request_timeout_ms=_REQUEST_WITHIN_MS
        )
        try:
            if self._client is None:
                await client.bootstrap()
                self._client = client
            return await client.fetch_all_metadata()
        except (KafkaError, OSError) as error:
            self._client = None  # it may know only brokers that are gone
            raise OSError(f"no broker answers at {self._servers}") from error
        finally:
            if self._client is None:
                await _close(client)

    async def close(self) -> None:
        if self._client is not None:
            await _close(self._client)
            self._client = None


async def _close(client: AIOKafkaClient) -> None:
    """A broker that hangs must not keep us."""
    await ended([asyncio.ensure_future(client.close())], _CLOSE_WITHIN_S)
