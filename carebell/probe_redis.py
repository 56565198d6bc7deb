"""Asks Redis whether it can be used: does it answer, what time it has, how it is set up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from carebell.errors import BadInput, TryLater

_ANSWER_WITHIN_S = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """What `INFO` and `CONFIG GET` say; settings are empty where the server keeps them to itself."""

    info: Mapping[str, str]
    settings: Mapping[str, str]


class RedisProbe:
    """On a connection of its own."""

    def __init__(self, url: str) -> None:
        try:
            self._client: Redis = Redis.from_url(
                url,
                socket_timeout=_ANSWER_WITHIN_S,
                socket_connect_timeout=_ANSWER_WITHIN_S,
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
            )
        except ValueError as error:
            raise BadInput(f"the Redis address cannot be read: {error}") from error

    async def look(self) -> datetime:
        """Its time. Raises TryLater where it does not answer or takes no writes."""
        try:
            seconds, micros = await self._client.time()
            role = (await self._client.info("replication")).get("role", "")
        except AuthenticationError as error:
            raise TryLater(f"Redis refuses our login: {error}") from error
        except (RedisError, OSError) as error:
            raise TryLater(f"Redis does not answer: {error}") from error
        if role not in ("", "master"):
            raise TryLater("this Redis is a replica: it takes no writes")
        return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(micros))

    async def facts(self) -> RedisFacts:
        """How it is set up. Raises TryLater."""
        try:
            info = {str(name): str(value) for name, value in (await self._client.info()).items()}
            try:
                told = await self._client.config_get("*")
            except ResponseError:  # a hosted Redis forbids it
                told = {}
        except (RedisError, OSError) as error:
            raise TryLater(f"Redis does not answer: {error}") from error
        return RedisFacts(info, {str(name): str(value) for name, value in told.items()})

    async def close(self) -> None:
        await self._client.aclose()
