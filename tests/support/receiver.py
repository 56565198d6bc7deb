"""A webhook endpoint of a person: a real HTTP server in this process that keeps what it was sent, and when."""

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn

from carebell.clock import SystemClock


@dataclass
class Receiver:
    """`calls` holds (webhook-id, body, seconds since 1970) in order of arrival."""

    calls: list[tuple[str, dict[str, Any], float]] = field(default_factory=list)
    port: int = 0
    _server: uvicorn.Server | None = None
    _task: "asyncio.Task[None] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def __aenter__(self) -> "Receiver":
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(self._answer, interface="asgi3", log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._task is not None
        self._server.should_exit = True
        await self._task

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        came_at = SystemClock().now().timestamp()
        body, more = b"", True
        while more:
            part = await receive()
            body += part.get("body", b"")
            more = part.get("more_body", False)
        headers = dict(scope["headers"])
        self.calls.append((headers[b"webhook-id"].decode(), orjson.loads(body), came_at))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
