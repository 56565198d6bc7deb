"""What all that speak with Kafka share: every call is bounded, its errors become ours, its bytes become our words."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from carebell.log import Positions, Record

CALL_S = 6.0
STOP_S = 3.0
_CANCEL_AGAIN_S = 1.0
# Shorter than a call of ours, so that a frozen broker is given up and another one asked within it.
REQUEST_MS = 5000
# How often the places of brokers and leaders are asked for anew without a cause.
METADATA_MS = 30_000
# The largest record that the log takes, key and headers included: well above the largest message that a broker of homes
# lets through, as it grows when it is written down.
RECORD_BYTES = 4 * 1024 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Within:
    """As asyncio.timeout, but whoever swallows the cancellation is cancelled again, and again: the client does so in places,
    and what it awaits after that is bounded by nothing."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times = 0

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("nobody is here to be cancelled")
        self._task, self._before = task, task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._cancel)

    def _cancel(self) -> None:
        self._times += 1
        self._task.cancel()
        self._timer = asyncio.get_running_loop().call_later(_CANCEL_AGAIN_S, self._cancel)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: Any) -> None:
        self._timer.cancel()
        for _time in range(self._times):
            self._task.uncancel()
        if self._times and kind is asyncio.CancelledError and self._task.cancelling() <= self._before:
            raise TimeoutError from error


@asynccontextmanager
async def bounded(what: str, seconds: float = CALL_S) -> AsyncIterator[None]:
    """Kafka does this within so long, or it is away: OSError."""
    try:
        async with Within(seconds):
            yield
    except TimeoutError as error:
        raise OSError(f"Kafka did not answer within {seconds:g} s ({what})") from error
    except KafkaError as error:
        raise OSError(f"Kafka failed ({what}): {error!r}") from error


async def stop(client: Any, seconds: float = STOP_S) -> None:
    """In good order within so long, or else by force: a task left over would go on as a member of its group."""
    if await ended([asyncio.ensure_future(client.stop())], seconds):
        return
    tasks = [task for task in _tasks_of(client) if task is not None]
    for task in tasks:
        task.cancel()
    connections = client.client if hasattr(client, "client") else client._client
    await ended([*tasks, asyncio.ensure_future(connections.close())], seconds)


async def ended(tasks: Sequence[asyncio.Future[Any]], seconds: float) -> bool:
    """Whether they all ended within so long; those that did not are cancelled and left behind.

    Not awaited with a timeout: the client swallows a cancellation in places, and what comes after is bounded by nothing.
    """
    if not tasks:
        return True
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    for task in done:
        if not task.cancelled():
            task.exception()  # looked at, so that nobody is told of it again
    return not late


def _tasks_of(client: Any) -> list[asyncio.Task[None] | None]:
    coordinator, fetcher = getattr(client, "_coordinator", None), getattr(client, "_fetcher", None)
    sender = getattr(client, "_sender", None)
    return [
        getattr(coordinator, "_coordination_task", None),
        getattr(coordinator, "_heartbeat_task", None),
        getattr(coordinator, "_commit_refresh_task", None),
        getattr(coordinator, "_reset_committed_task", None),
        getattr(fetcher, "_fetch_task", None),
        getattr(sender, "_sender_task", None),
    ]


async def start(client: Any, what: str, seconds: float = CALL_S) -> None:
    """Started, or stopped again: a client that was half started would stay."""
    try:
        async with bounded(what, seconds):
            await client.start()
    except BaseException:
        await stop(client)
        raise


def consumer(bootstrap: str, client_id: str, request_ms: int = REQUEST_MS, **settings: Any) -> AIOKafkaConsumer:
    """A consumer with everything set that all of ours have in common; none ever commits by itself."""
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id=client_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_uncommitted",
        request_timeout_ms=request_ms,
        retry_backoff_ms=100,
        metadata_max_age_ms=METADATA_MS,
        **settings,
    )


def named(namespace: str, positions: Positions) -> Mapping[TopicPartition, int]:
    """Positions as Kafka names them."""
    return {TopicPartition(namespace + topic, part): position for (topic, part), position in positions.items()}


def to_bytes(text: str) -> bytes:
    """Devices write what they like, half of a surrogate pair included: it must come back, and never stop a call."""
    return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes | None) -> str:
    """What `to_bytes` made, or what somebody else wrote, as well as it can be read."""
    try:
        return (data or b"").decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return (data or b"").decode("utf-8", "replace")


def milliseconds(at: datetime) -> int:
    """As Kafka keeps time."""
    return (at - _EPOCH) // _MILLISECOND


def record_of(raw: Any, namespace: str) -> Record:
    """A record of Kafka as ours."""
    try:
        appended_at = _EPOCH + timedelta(milliseconds=raw.timestamp)
    except OverflowError:
        appended_at = _EPOCH
    return Record(
        topic=raw.topic[len(namespace) :],
        partition=raw.partition,
        offset=raw.offset,
        key=to_text(raw.key),
        value=raw.value or b"",
        headers={name: to_text(value) for name, value in raw.headers},
        appended_at=appended_at,
    )
