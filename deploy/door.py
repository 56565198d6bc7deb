"""One MQTT port for every version of the protocol: the embedded broker has a listener for 3.1.1 and one for 5.

A connection's first packet says which it speaks; from then on bytes pass through unread.
"""

import asyncio
import contextlib
import socket
from collections.abc import Coroutine, Mapping

_CONNECT = 0x10
_PIECE = 65536
_FIRST_WITHIN_S = 10
_LONGEST_NAME = 6
VERSION_5 = 5


class Door:
    """Passes connections on to the listener of their version; `ports` by protocol level, the lowest for anything else."""

    def __init__(self, ports: Mapping[int, int]) -> None:
        self._ports = dict(ports)
        self._open: set[asyncio.StreamWriter] = set()
        self._closed = asyncio.Event()

    async def run(self, listening: socket.socket, stop: asyncio.Event) -> None:
        """Accept until told to stop, then drop every connection."""
        server = await asyncio.start_server(self._pass, sock=listening)
        try:
            await stop.wait()
        finally:
            server.close()
            for writer in list(self._open):
                writer.transport.abort()  # a device that does not read would keep a polite close waiting
            while self._open:
                self._closed.clear()
                await self._closed.wait()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with asyncio.timeout(_FIRST_WITHIN_S):
                first, level = await read_connect(reader)
                port = self._ports.get(level, self._ports[min(self._ports)])
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            inner_writer.write(first)
            await _both(_copy(reader, inner_writer), _copy(inner_reader, writer))
            inner_writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()
            self._open.discard(writer)
            self._closed.set()


async def read_connect(reader: asyncio.StreamReader) -> tuple[bytes, int]:
    """The bytes up to and with the protocol level (MQTT 5.0, section 3.1.2). Raises ValueError for anything else."""
    taken = await reader.readexactly(1)
    if taken[0] != _CONNECT:
        raise ValueError("the first packet is no CONNECT")
    for _ in range(4):
        taken += await reader.readexactly(1)
        if taken[-1] < 0x80:
            break
    length = await reader.readexactly(2)
    size = int.from_bytes(length, "big")
    if not 0 < size <= _LONGEST_NAME:
        raise ValueError("not the name of the protocol")
    rest = await reader.readexactly(size + 1)
    return taken + length + rest, rest[-1]


async def _both(*copies: Coroutine[None, None, None]) -> None:
    """Until either side has ended."""
    tasks = [asyncio.ensure_future(copy) for copy in copies]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
