"""Webhooks, signed after Standard Webhooks 1.0.0: `webhook-id` is the idempotency key and the same at every attempt."""

import asyncio
from datetime import datetime, timedelta

import httpx2
import orjson
from standardwebhooks import Webhook

from carebell.clock import Clock
from carebell.errors import Refused, TryLater
from notifier.message import Outgoing

_GONE = 410
_TRY_AGAIN = frozenset({408, 409, 425, 429})


class WebhookChannel:
    """POSTs JSON. 2xx is taken; 408, 409, 425, 429 and 5xx are tried again; anything else is refused."""

    name = "webhook"

    def __init__(self, *, secret: str, timeout: timedelta, clock: Clock) -> None:
        self._signer = Webhook(secret)
        self._clock = clock
        self._timeout = timeout
        self._client = httpx2.AsyncClient(
            timeout=timeout.total_seconds(),
            follow_redirects=False,
            # Endpoints that hang must not take the connections of those that answer; delivery bounds how many there are.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64),
        )

    async def send(self, message: Outgoing) -> str:
        now = self._clock.now()
        body = orjson.dumps(
            {
                "type": "carebell.delivery.v1",
                "timestamp": now.isoformat(),
                "data": {**message.data, "subject": message.subject, "text": message.text},
            }
        )
        try:
            # the client's own timeout is per read: an answer that drips would never end
            async with asyncio.timeout(self._timeout.total_seconds()):
                answer = await self._client.post(
                    message.to, content=body, headers=self._headers(message.key, now, body)
                )
        except httpx2.InvalidURL as error:
            raise Refused(f"not an address: {error}") from error
        except httpx2.UnsupportedProtocol as error:
            raise Refused(f"not an address: {error}") from error
        except (httpx2.HTTPError, TimeoutError) as error:
            raise TryLater(f"no answer: {type(error).__name__}") from error
        return _judge(answer)

    def _headers(self, key: str, now: datetime, body: bytes) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(key, now, body.decode()),
        }

    async def close(self) -> None:
        await self._client.aclose()


def _judge(answer: httpx2.Response) -> str:
    status = answer.status_code
    if answer.is_success:
        return f"accepted with {status}"
    if status in _TRY_AGAIN or status >= 500:
        raise TryLater(f"answered {status}", _wish(answer))
    raise Refused("the endpoint is gone for good" if status == _GONE else f"answered {status}")


def _wish(answer: httpx2.Response) -> timedelta | None:
    text = answer.headers.get("retry-after", "")
    return timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else None
