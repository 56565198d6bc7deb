"""From the registry onto the log: every changed home, within a second, in the order of its revisions."""

import asyncio
from datetime import timedelta

from carebell.clock import Clock, wait_set
from carebell.log import Entry, Log
from carebell.topics import Topic
from carebell.types import HomeProfile
from carebell.wire import Unreadable, decode, encode, headers
from devices.registry import Registry

SOURCE = "carebell/registry"
_LIMIT = 500
_LOOK_EVERY = timedelta(seconds=1)
# A profile has this since rules know of settings and ability levels.
_OF_THIS_FORM = b'"settings":'


async def publish_homes(registry: Registry, log: Log, clock: Clock, stop: asyncio.Event) -> None:
    """Until told to stop. It goes on from the newest revision that stands in the log, and repeats the batch before it: on
    a log of several partitions that batch may have been written in part."""
    after = max(0, await _published(log) - _LIMIT)
    while not stop.is_set():
        changes = await registry.changes(after, _LIMIT)
        if changes:
            await log.append([_entry(revision, profile, clock) for revision, profile in changes], clock.now())
            after = changes[-1][0]
        else:
            await wait_set(stop, clock, _LOOK_EVERY)


async def _published(log: Log) -> int:
    newest = 0
    records = await log.tail(Topic.HOMES, _LIMIT)
    if records and _OF_THIS_FORM not in records[0].value:
        return 0  # an older version wrote it: every home is told anew, with what rules know of it now
    for record in records:
        try:
            profile = decode(record.value)
        except Unreadable:
            continue
        if isinstance(profile, HomeProfile):
            newest = max(newest, profile.revision)
    return newest


def _entry(revision: int, profile: HomeProfile, clock: Clock) -> Entry:
    about = headers(profile, id=f"{profile.home_id}/{revision}", source=SOURCE, at=clock.now())
    return Entry(topic=Topic.HOMES, key=profile.home_id, value=encode(profile), headers=about)
