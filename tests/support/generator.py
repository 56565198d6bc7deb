"""Says what homes say, over a bare socket, as cheaply as it can: beside what is measured, it must not be felt.

A process of its own. `steady` speaks at random moments of a mean rate, whatever comes back; `all` as fast as the broker
takes it. It ends with one line of JSON on its standard output: how many of what it has said.
"""

import argparse
import json
import random
import select
import socket
import struct
import time
from collections.abc import Iterator

from tests.support.flow import Flow, Said, say

_WINDOW = 2000
_MIDS = 65_535
_PUBACK_BYTES = 4


class Publisher:
    """QoS 1, MQTT 3.1.1. Acknowledgements are only counted."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sent = 0
        self._bytes_heard = 0
        name = f"generator-{self._socket.getsockname()[1]}".encode()
        # Protocol name and level 4, clean session, no keep-alive, client id.
        body = b"\0\4MQTT\4\2\0\0" + struct.pack("!H", len(name)) + name
        self._socket.sendall(b"\x10" + _length(len(body)) + body)
        assert self._socket.recv(4)[3:] == b"\0", "the broker refuses us"

    @property
    def unacknowledged(self) -> int:
        return self._sent - self._bytes_heard // _PUBACK_BYTES

    def publish(self, topic: str, payload: bytes) -> None:
        self._socket.sendall(self.packet(topic, payload))

    def packet(self, topic: str, payload: bytes) -> bytes:
        """A message as it goes over the wire; it counts as sent."""
        name, mid = topic.encode(), self._sent % _MIDS + 1
        self._sent += 1
        body = struct.pack("!H", len(name)) + name + struct.pack("!H", mid) + payload
        return b"\x32" + _length(len(body)) + body

    def send(self, packets: bytes) -> None:
        self._socket.sendall(packets)

    def hear(self, until_s: float) -> None:
        """Acknowledgements, until this moment."""
        while (left := until_s - time.time()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                self._take()

    def hear_down_to(self, unacknowledged: int) -> None:
        """Until no more than so many are missing."""
        while self.unacknowledged > unacknowledged:
            self._take()

    def _take(self) -> None:
        heard = self._socket.recv(65_536)
        assert heard, "the broker has closed the connection"
        self._bytes_heard += len(heard)


def _length(number: int) -> bytes:
    coded = bytearray()
    while True:
        number, digit = divmod(number, 128)
        coded.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(coded)


def speak_steadily(publisher: Publisher, flow: Iterator[Said], rate: float, seconds: float, seed: int) -> None:
    """The moment that a message carries is the one at which it is handed to the socket."""
    chance = random.Random(seed)
    at = time.time()
    end = at + seconds
    while (at := at + chance.expovariate(rate)) < end:
        publisher.hear(at)
        publisher.publish(*say(next(flow), time.time()))
    publisher.hear_down_to(0)


def speak_all(publisher: Publisher, flow: Iterator[Said], count: int) -> None:
    """With a bounded number of messages under way."""
    for begun in range(0, count, 100):
        packets = [publisher.packet(*say(next(flow), time.time())) for _ in range(begun, min(begun + 100, count))]
        publisher.send(b"".join(packets))
        publisher.hear_down_to(_WINDOW)
    publisher.hear_down_to(0)


def main() -> None:
    """As the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("how", choices=("steady", "all"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--flow", type=Flow.read, required=True)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--count", type=int, default=0)
    options = parser.parse_args()
    publisher, flow = Publisher(options.port), options.flow
    if options.how == "steady":
        speak_steadily(publisher, flow.said(), options.rate, options.seconds, flow.seed)
    else:
        speak_all(publisher, flow.said(), options.count)
    print(json.dumps({"said": flow.count, "marked": flow.marked}))


if __name__ == "__main__":
    main()
