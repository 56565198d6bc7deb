"""The far end of a measured road: a process of its own that reads a topic and notes every mark, when it came and where.

A line for each mark on the standard output: its number, when it was said, when it was seen, the partition. It says `ready`
first and ends when its standard input does.
"""

import argparse
import asyncio
import sys
import time
from typing import Any

from aiokafka import AIOKafkaConsumer

from tests.support.flow import MARK


async def sink(bootstrap: str, topic: str) -> None:
    """From the end of the topic on."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, auto_offset_reset="latest"
    )
    async with consumer:
        await consumer.seek_to_end()
        for place in consumer.assignment():
            await consumer.position(place)
        say_ready()
        while True:
            batches = await consumer.getmany(timeout_ms=1000)
            seen = time.time()
            for record in (record for batch in batches.values() for record in batch):
                if mark := MARK.search(record.value):
                    said = mark[2].decode()
                    sys.stdout.write(f"{mark[1].decode()} {said} {seen:.6f} {record.partition}\n")
            sys.stdout.flush()


def say_ready() -> None:
    print("ready", flush=True)


async def until_told(work: Any) -> None:
    """Until the standard input ends."""
    working = asyncio.create_task(work)
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    await asyncio.wait([working, ended], return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        working.result()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


def main() -> None:
    """As the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--topic", required=True)
    options = parser.parse_args()
    asyncio.run(until_told(sink(options.kafka, options.topic)))


if __name__ == "__main__":
    main()
