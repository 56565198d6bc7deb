"""A web server inside our own event loop: it takes a socket that is already bound and leaves signals to us."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn

_GRACE_S = 2
App = Callable[[Any, Any, Any], Awaitable[None]]


class Front:
    """A web application in front of another one, which may be replaced while it serves."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever runs all the rooms."""
        yield


async def serve(app: App, listening: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests until told to stop."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=_GRACE_S, server_header=False
    )
    server = _Server(config)
    # The server closes what it was given; started again, it finds the original still open.
    serving = asyncio.create_task(server.serve(sockets=[listening.dup()]))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopped.cancel()
    await serving
