"""A member of a group in a process of its own, which a test may freeze or kill: says what it owns and what it reads.

`python -m tests.support.log_member BOOTSTRAP NAMESPACE GROUP TOPIC,TOPIC` writes a JSON line at each new assignment and for
each batch, before it commits it.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import timedelta

from carebell.clock import SystemClock
from tests.support.patience import patiently
from tests.support.topics import open_log


async def read(bootstrap: str, namespace: str, group: str, topics: Sequence[str]) -> None:
    """For ever."""
    log = await open_log(bootstrap, SystemClock(), namespace, topics)
    while True:
        reader = await patiently(lambda: log.reader(group, topics))
        try:
            epoch = None
            while True:
                assignment = reader.assignment()
                if assignment.epoch != epoch:
                    epoch = assignment.epoch
                    say(epoch=epoch, owns=sorted(assignment.partitions))
                records = await reader.poll(100, timedelta(milliseconds=200))
                if records:
                    say(read=[[record.topic, record.partition, record.value.decode()] for record in records])
                    await reader.commit({record.place: record.offset + 1 for record in records})
        except OSError as error:
            say(failed=str(error))
            await reader.close()


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].split(",")))
