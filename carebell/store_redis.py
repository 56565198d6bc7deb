"""The Store port on Redis: one hash a partition holds its fence, its positions and its states, and scripts write it.

Fence, positions and states live and die together, whatever Redis forgets. The hashes of a namespace and scope share a hash
tag, so that one script may write several of them on a cluster too. Commands of Redis 7.0 are enough. Time is a parameter.

Nothing is retried here: whoever saves tries again with what has changed since, which writes the same and more. A claim that
is repeated gives a higher fence, which is what a claim is for.
"""

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from carebell.errors import BadInput, Fenced, TryLater
from carebell.store import Change, Claim, Saved, Snapshot, next_fence

CONNECTIONS = 8
TIMEOUT_S = 2.0
# What is written in one piece because it belongs together may be a whole partition: nobody waits for that.
LARGE_BYTES = 1_000_000
PATIENT_S = 20.0
PIECE = 1000
_OWNER = ("fence", "version")
Result = TypeVar("Result")

_CLAIM = """
local previous = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '-1')
local fence = math.max(previous + 1, tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'fence', string.format('%.0f', fence), 'version', '0')
return {fence, previous, version}
"""

# For every partition: its fence, the number of the last save that was answered, that of this one, how many fields and values
# follow, and these. A number lower than the first: Redis went back to an older copy of itself. One not lower than the
# second: this save was given up long ago, and a later one has come before it (Redis was frozen and read its connections in
# another order). All is checked before anything is written, and what would stop a write stops the first one.
_SAVE = """
local at = 1
for number, key in ipairs(KEYS) do
  local owner = redis.call('HMGET', key, 'fence', 'version')
  local seen = tonumber(owner[2] or '-1')
  if owner[1] ~= ARGV[at] then return {number, 'fence'} end
  if seen < tonumber(ARGV[at + 1]) or seen >= tonumber(ARGV[at + 2]) then return {number, 'version'} end
  at = at + 4 + tonumber(ARGV[at + 3])
end
at = 1
for _, key in ipairs(KEYS) do
  local last = at + 3 + tonumber(ARGV[at + 3])
  redis.call('HSET', key, 'version', ARGV[at + 2])
  for first = at + 4, last, 2000 do
    redis.call('HSET', key, unpack(ARGV, first, math.min(first + 1999, last)))
  end
  at = last + 1
end
return {0, ''}
"""


@dataclass(slots=True)
class _Saves:
    """The numbers of the last save that was answered, and of the last that was tried."""

    answered: int = 0
    tried: int = 0


class RedisStore:
    """Build with `RedisStore.open(url)`."""

    def __init__(self, client: Redis, patient: Redis, namespace: str) -> None:
        self._client = client
        self._patient = patient
        self._namespace = namespace
        self._claim: Any = client.register_script(_CLAIM)
        self._save: Any = client.register_script(_SAVE)
        # The saves of each claim of ours are numbered: what Redis has forgotten would be missing behind positions that
        # have gone on.
        self._saves: dict[tuple[str, int, int], _Saves] = {}

    @classmethod
    async def open(cls, url: str, *, namespace: str = "") -> "RedisStore":
        """Connects when it is first asked: the rules must start although Redis is away."""
        try:
            return cls(_client(url, TIMEOUT_S), _client(url, PATIENT_S), namespace)
        except ValueError as error:
            raise BadInput(f"{url.rpartition('@')[2]} is no address of a Redis: {error}") from error

    async def claim(self, scope: str, partition: int, at: datetime) -> Claim:
        # next_fence(0, at) is the least; the script raises it above the one before.
        keys = [self._key(scope, partition)]
        fence, previous, version = await _asked(self._claim(keys=keys, args=[next_fence(0, at)]))
        ours = self._saves.get((scope, partition, previous))
        if ours is not None and version < ours.answered:
            previous = 0  # it went back to an older copy of itself since our last save
        for place in [one for one in self._saves if one[:2] == (scope, partition)]:
            del self._saves[place]
        return Claim(fence, previous)

    async def load(self, scope: str, partition: int) -> Snapshot:
        key, cursor = self._key(scope, partition), 0
        owner = await _asked(self._client.hmget(key, list(_OWNER)))
        states: dict[str, Saved] = {}
        positions: dict[tuple[str, int], int] = {}
        while True:
            cursor, piece = await _asked(self._client.hscan(key, cursor, count=PIECE))
            try:
                for name, value in piece.items():
                    if name.startswith(b"="):
                        saved = _read(_text(name[1:]), value)
                        states[saved.key] = saved
                    elif name.startswith(b"@"):
                        positions[_text(name[1:]), partition] = int(value)
            except ValueError as error:
                raise TryLater(f"Redis: {key} holds what the rules have not written: {error}"[:300]) from error
            if not cursor:
                break
        if await _asked(self._client.hmget(key, list(_OWNER))) != owner:
            raise Fenced(f"partition {partition} of {scope} was claimed or saved by another while it was loaded")
        return Snapshot(states, positions)

    async def save(self, scope: str, changes: Sequence[Change]) -> None:
        if not changes:
            return
        given: list[bytes] = []
        numbers: list[tuple[_Saves, int]] = []
        for change in changes:
            fields = list(_fields(change))
            saves = self._saves.setdefault((scope, change.partition, change.fence), _Saves())
            saves.tried += 1
            numbers.append((saves, saves.tried))
            given += [b"%d" % one for one in (change.fence, saves.answered, saves.tried, len(fields))]
            given += fields
        keys = [self._key(scope, change.partition) for change in changes]
        client = self._patient if sum(map(len, given)) > LARGE_BYTES else self._client
        number, what = await _asked(self._save(keys=keys, args=given, client=client))
        if number:
            refused = changes[number - 1]
            why = "has another owner than" if what == b"fence" else "has forgotten what was saved by"
            raise Fenced(f"partition {refused.partition} of {scope} {why} {refused.fence}")
        for saves, tried in numbers:
            saves.answered = max(saves.answered, tried)

    async def close(self) -> None:
        for client in (self._client, self._patient):
            await client.aclose()
            await client.connection_pool.disconnect()

    def _key(self, scope: str, partition: int) -> str:
        return f"{{carebell:{self._namespace}{scope}}}:{partition}"


def _client(url: str, answers_within_s: float) -> Redis:
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT_S,
        socket_timeout=answers_within_s,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


async def _asked(answer: Awaitable[Any]) -> Any:
    """Whatever keeps Redis from answering or writing (away, frozen, loading, read only, full) may be over later."""
    try:
        return await answer
    except (RedisError, OSError) as error:
        raise TryLater(f"Redis: {type(error).__name__}: {error}"[:300]) from error


def _fields(change: Change) -> Iterator[bytes]:
    """What a change writes: fields and values in turn."""
    for (topic, _), offset in change.positions.items():
        yield b"@" + _bytes(topic)
        yield b"%d" % offset
    for state in change.states:
        due = b"" if state.due_at is None else state.due_at.astimezone(UTC).isoformat().encode()
        yield b"=" + _bytes(state.key)
        yield due + b"\n" + state.value


def _bytes(text: str) -> bytes:
    """Whatever a device may have called itself."""
    return text.encode("utf-8", "surrogatepass")


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogatepass")


def _read(key: str, content: bytes) -> Saved:
    due, _, value = content.partition(b"\n")
    return Saved(key, value, datetime.fromisoformat(due.decode()) if due else None)
