"""The first packet of a connection: which protocol it speaks, and nothing more is taken than is needed to know."""

import asyncio

import pytest

from deploy.door import VERSION_5, read_connect


def reader_of(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


def connect(name: bytes, level: int, length: bytes = b"\x20") -> bytes:
    return b"\x10" + length + len(name).to_bytes(2, "big") + name + bytes([level])


@pytest.mark.parametrize(
    ("first", "level"),
    [
        (connect(b"MQIsdp", 3), 3),
        (connect(b"MQTT", 4), 4),
        (connect(b"MQTT", 5), VERSION_5),
        (connect(b"MQTT", 0x84), 0x84),
        (connect(b"MQTT", 5, b"\x80\x01"), 5),
        (connect(b"MQTT", 5, b"\xff\xff\x7f"), 5),
        (connect(b"MQTT", 4, b"\xff\xff\xff\x7f"), 4),
    ],
)
async def test_a_connect_tells_its_version_and_leaves_the_rest(first: bytes, level: int) -> None:
    reader = reader_of(first + b"\x02the rest")
    assert await read_connect(reader) == (first, level)
    assert await reader.read() == b"\x02the rest"


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x05hello",
        b"\x11\x20\x00\x04MQTT\x04",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        connect(b"", 4),
        connect(b"MQTTxyz", 4),
        b"\x10\x20\xff\xff" + b"x" * 100,
    ],
)
async def test_what_is_no_connect_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no CONNECT|not the name"):
        await read_connect(reader_of(data))


@pytest.mark.parametrize("length", range(9))
async def test_a_connect_that_is_cut_off_is_told(length: int) -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await read_connect(reader_of(connect(b"MQTT", 5)[:length]))
