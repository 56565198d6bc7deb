"""How the event loop drives an MQTT client: it reads and writes when the socket can, and needs no thread."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

# So many packets are read before others have their turn.
_AT_ONCE = 32


class Client(Protocol):
    """The part of paho's client that is driven. A code other than 0 means that the connection is lost."""

    def loop_read(self) -> int: ...

    def loop_write(self) -> int: ...

    def want_write(self) -> bool: ...

    def socket(self) -> Any: ...


class SocketDriver:
    """Its methods are paho's socket callbacks. Make it inside the loop; connecting may go on in a thread."""

    def __init__(self, client: Client, packets: Callable[[], int], on_lost: Callable[[], None]) -> None:
        self._client = client
        self._packets = packets
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()

    def opened(self, _client: Any, _userdata: Any, sock: Any) -> None:
        self._on_loop(lambda: self._watch(sock))

    def closed(self, _client: Any, _userdata: Any, sock: Any) -> None:
        number = sock.fileno()
        self._on_loop(lambda: self._unwatch(number))

    def wants_to_write(self, _client: Any, _userdata: Any, sock: Any) -> None:
        self._on_loop(lambda: self._watch_writing(sock))

    def wants_no_more(self, _client: Any, _userdata: Any, sock: Any) -> None:
        self._on_loop(lambda: self._unwatch_writing(sock))

    def drop(self) -> None:
        """End a connection that could not be ended politely: a broker that hangs takes nothing more from us."""
        sock = self._client.socket()
        if sock is not None:
            self._unwatch(sock.fileno())
            sock.close()

    def _on_loop(self, do: Callable[[], None]) -> None:
        """Now, or as soon as the loop comes round when paho calls from the thread that connects."""
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            do()
        else:
            self._loop.call_soon_threadsafe(do)

    def _watch(self, sock: Any) -> None:
        if sock.fileno() >= 0:
            # An answer behind an acknowledgement would wait for the other side's delayed one.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._loop.add_reader(sock.fileno(), self._readable)

    def _unwatch(self, number: int) -> None:
        if number >= 0:
            self._loop.remove_reader(number)
            self._loop.remove_writer(number)

    def _watch_writing(self, sock: Any) -> None:
        if sock.fileno() >= 0 and self._client.want_write():
            self._loop.add_writer(sock.fileno(), self._writable)

    def _unwatch_writing(self, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock.fileno())

    def _readable(self) -> None:
        """As long as messages come, without asking the loop for each."""
        for _ in range(_AT_ONCE):
            before = self._packets()
            if self._client.loop_read() != 0:
                self._on_lost()
                return
            if self._packets() == before and not self._holds_more():
                return
        sock = self._client.socket()
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            self._loop.call_soon(self._readable)

    def _holds_more(self) -> bool:
        """What TLS has already taken from the socket wakes no loop."""
        sock = self._client.socket()
        return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0

    def _writable(self) -> None:
        if self._client.loop_write() != 0:
            self._on_lost()
