"""Appending to Kafka: acknowledged by all replicas in sync, in the order asked for, or an error within seconds.

The idempotent producer is not used: with it a batch never expires, so that an outage hangs whoever waits, and a refused
batch can leave it unusable. Without it an append that was tried again may stand in the log twice, under the same id.
Records do not linger for company, as whoever appends has gathered them already, and are not compressed: the only kind that
the client has by itself would hold up the process for longer than the network does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from carebell.clock import Clock
from carebell.errors import TooLarge
from carebell.log import Entry
from carebell.log_kafka_client import (
    METADATA_MS,
    RECORD_BYTES,
    STOP_S,
    bounded,
    ended,
    milliseconds,
    start,
    stop,
    to_bytes,
)

# A request that is not answered for so long has failed: a broker that is frozen is found by nothing else, and looking for
# another one takes as long again. Whoever appends a call for help must know soon; the rest would rather wait than be written
# twice.
PROMPT_MS = 2000
UNHURRIED_MS = 5000
# An append is given so much longer: the client says more than we could.
_LONGER_S = 2.0
# A client that has failed for so long is built anew: it may know only brokers that are gone.
REBUILD_AFTER_S = 15.0
# What a record needs besides key, value and headers, generously.
_FRAME = 128
_BATCH_BYTES = 262_144
Place = tuple[str, int]


class KafkaProducer:
    """One lane of appends: it waits for nothing that another lane has to carry."""

    def __init__(self, bootstrap: str, client_id: str, clock: Clock, request_ms: int) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._clock = clock
        self._request_ms = request_ms
        self._client: AIOKafkaProducer | None = None
        self._making = asyncio.Lock()
        self._orders: dict[Place, asyncio.Lock] = {}
        self._failing_since: dict[Place, float] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> AIOKafkaProducer:
        """The client, made where there is none that works."""
        async with self._making:
            if self._client is not None and self._client._sender.sender_task.done():
                await self._drop()
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> AIOKafkaProducer:
        client = self._make()
        await start(client, "connecting to append")
        return client

    def _make(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=False,
            request_timeout_ms=self._request_ms,
            retry_backoff_ms=100,
            metadata_max_age_ms=METADATA_MS,
            max_batch_size=_BATCH_BYTES,
            max_request_size=RECORD_BYTES,
            linger_ms=0,
            compression_type=None,
        )

    async def append(self, entries: Sequence[tuple[int, str, int, Entry]], at: datetime) -> None:
        """Entries as (place in the caller's append, Kafka's topic, partition, entry). All are there when it returns."""
        rows: dict[Place, list[tuple[int, Entry]]] = {}
        for number, topic, partition, entry in entries:
            rows.setdefault((topic, partition), []).append((number, entry))
        found = await asyncio.gather(*(self._append_to(place, some, at) for place, some in rows.items()))
        errors = {number: error for some in found for number, error in some.items()}
        passing = [error for error in errors.values() if not isinstance(error, _TOO_LARGE)]
        if passing:
            raise OSError(f"Kafka did not take {len(errors)} of {len(entries)} records: {passing[0]!r}") from passing[0]
        if errors:
            raise TooLarge("Kafka refuses it as too large: see `carebell admin topics`", list(errors))

    async def _append_to(
        self, place: Place, rows: Sequence[tuple[int, Entry]], at: datetime
    ) -> Mapping[int, BaseException]:
        """To one partition: those that have none of its trouble do not wait for it."""
        try:
            async with bounded("appending", self._request_ms / 1000 + _LONGER_S):
                waiting = await self._enqueue(place, rows, at)
                await asyncio.wait(waiting)
        except OSError as failure:
            self._note_failure(place)
            return {number: failure for number, _ in rows}
        errors = {number: error for (number, _), done in zip(rows, waiting, strict=True) if (error := done.exception())}
        if any(not isinstance(error, _TOO_LARGE) for error in errors.values()):
            self._note_failure(place)
        else:
            self._failing_since.pop(place, None)
        return errors

    async def _enqueue(
        self, place: Place, rows: Sequence[tuple[int, Entry]], at: datetime
    ) -> list[asyncio.Future[object]]:
        """One append at a time, so that what is appended together stays together."""
        waiting: list[asyncio.Future[object]] = []
        topic, partition = place
        timestamp = milliseconds(at)
        async with self._orders.setdefault(place, asyncio.Lock()):
            client = await self.start()
            for _, entry in rows:
                future: asyncio.Future[object] = await client.send(
                    topic,
                    key=to_bytes(entry.key),
                    value=entry.value,
                    partition=partition,
                    timestamp_ms=timestamp,
                    headers=headers_of(entry),
                )
                future.add_done_callback(_look_at)
                waiting.append(future)
        return waiting

    def _note_failure(self, place: Place) -> None:
        """That others are well says nothing of this partition, and they must not wait for what is done about it."""
        now = self._clock.monotonic()
        is_renewed = self._renewing is None or self._renewing.done()
        if now - self._failing_since.setdefault(place, now) > REBUILD_AFTER_S and is_renewed:
            self._failing_since.clear()
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            client = await self._connect()
        except OSError:
            return
        async with self._making:
            old, self._client = self._client, client
        if old is not None:
            await stop(old)

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await stop(client)

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await ended([self._renewing], STOP_S)
        await self._drop()


_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


def headers_of(entry: Entry) -> list[tuple[str, bytes]]:
    """Names are ours; the client would fail at one that is not text."""
    return [(name.encode("utf-8", "replace").decode(), to_bytes(value)) for name, value in entry.headers.items()]


def size_of(entry: Entry) -> int:
    """At most what the record will take."""
    about = sum(len(name) * 4 + len(to_bytes(value)) + 10 for name, value in entry.headers.items())
    return len(entry.value) + len(to_bytes(entry.key)) + about + _FRAME


def _look_at(done: asyncio.Future[Any]) -> None:
    """An append that was given up leaves futures that nobody asks: their errors are no news."""
    if not done.cancelled():
        done.exception()
