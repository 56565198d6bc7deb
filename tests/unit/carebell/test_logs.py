"""What libraries log stands among our own lines, and does not flood them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from carebell.logs import adopt_libraries, open_logs

LIBRARY = logging.getLogger("some.library")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    before = list(logging.getLogger().handlers)
    adopt_libraries(open_logs(stream))
    yield stream
    logging.getLogger().handlers = before


def said(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_warning_of_a_library_is_a_line_of_ours(lines: io.StringIO) -> None:
    LIBRARY.info("all is well")
    LIBRARY.warning("node %s is away", 1)
    (line,) = said(lines)
    assert (line["level"], line["library"], line["said"]) == ("warning", "some.library", "node 1 is away")


def test_what_is_said_again_and_again_is_counted(lines: io.StringIO) -> None:
    record = LIBRARY.makeRecord(LIBRARY.name, logging.ERROR, __file__, 1, "node %s is away", (1,), None)
    for second in (0.0, 0.1, 0.2, 9.9, 10.0, 10.1, 25.0):
        record.created = 1_000_000 + second
        LIBRARY.handle(record)
    LIBRARY.error("something else")
    assert [(line["said"], line["unsaid"]) for line in said(lines)] == [
        ("node 1 is away", 0),
        ("node 1 is away", 3),
        ("node 1 is away", 1),
        ("something else", 0),
    ]


def test_the_same_failure_is_said_once_in_a_while_and_another_at_once() -> None:
    stream = io.StringIO()
    logger = open_logs(stream)
    for _ in range(50):
        logger.error("append failed", error="Kafka is away", lane="urgent-0")
    logger.error("append failed", error="Kafka is away", lane="urgent-1")
    logger.error("append failed", error="the disk is full", lane="urgent-0")
    logger.warning("message rejected", detail="no kind")
    logger.warning("message rejected", detail="no kind")
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line.get("error"), line.get("lane")) for line in said] == [
        ("append failed", "Kafka is away", "urgent-0"),
        ("append failed", "Kafka is away", "urgent-1"),
        ("append failed", "the disk is full", "urgent-0"),
        ("message rejected", None, None),
        ("message rejected", None, None),
    ]
