"""Case facts for anyone who integrates: the lines of all cases, onto the log, in order, without names and addresses."""

import asyncio
from datetime import timedelta

from pydantic import JsonValue

from carebell.bell import Bell
from carebell.clock import Clock, wait_set
from carebell.ids import computed
from carebell.log import Entry, Log
from carebell.topics import Topic
from carebell.types import CaseFact, Severity
from carebell.wire import encode, headers
from notifier.casebook import Casebook, LineRow

NAME = "cases"
SOURCE = "carebell/notifier"
_LIMIT = 200
_LOOK_EVERY = timedelta(seconds=1)
# Nobody's call waits for these facts: they are gathered, so that they do not take the disk from those who do.
_GATHER_FOR = timedelta(milliseconds=250)
_PERSONAL = frozenset({"person", "summary_zh"})


async def relay_cases(casebook: Casebook, log: Log, clock: Clock, bell: Bell, stop: asyncio.Event) -> None:
    """Until told to stop. A crash between append and mark appends again: the ids of the facts are computed."""
    rung = bell.subscribe()
    try:
        while not stop.is_set():
            rung.clear()
            after = await casebook.relayed(NAME)
            lines = await casebook.lines(after=after, limit=_LIMIT)
            if not lines:
                await wait_set(rung, clock, _LOOK_EVERY)
                continue
            await log.append([_entry(line) for line in lines], clock.now())
            await casebook.relay_to(NAME, lines[-1].id)
            await wait_set(stop, clock, _GATHER_FOR)
    finally:
        bell.unsubscribe(rung)


def _entry(line: LineRow) -> Entry:
    data: dict[str, JsonValue] = {key: value for key, value in line.data.items() if key not in _PERSONAL}
    fact = CaseFact(
        id=computed("case-fact", line.case_id, line.id),
        case_id=line.case_id,
        home_id=line.home_id,
        at=line.at,
        what=line.what,
        status=line.status,
        severity=Severity(line.severity),
        cause_id=line.source_id,
        data=data,
    )
    about = headers(fact, id=fact.id, source=SOURCE, at=line.at)
    return Entry(topic=Topic.CASES, key=line.home_id, value=encode(fact), headers=about)
