"""What a process knows of its servers: who answers, whose clock is off, and for how long all has been well."""

from datetime import datetime, timedelta

import pytest

from carebell.clock import ManualClock
from carebell.errors import TryLater
from deploy.watch import CLOCKS_APART, Watch, difference
from tests.support import build

SECOND = timedelta(seconds=1)


class Server:
    """One whose answers a test decides on."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.ahead: timedelta | None = timedelta(0)
        self.failure: Exception | None = None

    async def look(self) -> datetime | None:
        if self.failure is not None:
            raise self.failure
        return None if self.ahead is None else self.clock.now() + self.ahead


def watched(*names: str) -> tuple[Watch, ManualClock, list[Server]]:
    clock = ManualClock(build.START)
    watch, servers = Watch(build.instruments(clock)), [Server(clock) for _ in names]
    for name, server in zip(names, servers, strict=True):
        watch.add(name, server.look)
    return watch, clock, servers


async def test_a_server_is_of_no_use_until_it_has_answered() -> None:
    watch, _, _ = watched("redis")
    assert watch.problem("redis") == "not asked yet"
    await watch.turn()
    assert watch.problem("redis") == ""


@pytest.mark.parametrize("failure", [OSError("refused"), TryLater("refused")])
async def test_what_is_wrong_is_told_and_forgotten_when_it_answers_again(failure: Exception) -> None:
    watch, _, (redis, kafka) = watched("redis", "kafka")
    redis.failure, kafka.ahead = failure, None
    await watch.turn()
    assert (watch.problem("redis"), watch.problem("kafka")) == ("refused", "")

    redis.failure = None
    await watch.turn()
    assert watch.problem("redis") == ""


async def test_all_is_well_since_the_last_one_that_was_away_came_back() -> None:
    watch, clock, (redis, _) = watched("redis", "kafka")
    await watch.turn()
    await clock.advance(10 * SECOND)
    assert watch.well_for_s() == 10

    redis.failure = OSError("gone")
    await watch.turn()
    assert watch.well_for_s() == 0

    redis.failure = None
    await watch.turn()
    await clock.advance(3 * SECOND)
    assert watch.well_for_s() == 3


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(0), ""),
        (CLOCKS_APART, ""),
        (-CLOCKS_APART, ""),
        (1.5 * SECOND, "the clock of database is 1.5 s ahead of ours"),
        (-2 * SECOND, "the clock of database is 2.0 s behind ours"),
    ],
)
async def test_a_clock_that_differs_is_told(ahead: timedelta, said: str) -> None:
    watch, _, (database,) = watched("database")
    database.ahead = ahead
    await watch.turn()
    assert watch.clocks() == said


@pytest.mark.parametrize(
    ("told", "apart"), [(-2, -2), (0, 0), (2, 0), (4, 0), (7, 3)], ids=["before", "at", "between", "end", "after"]
)
def test_only_what_the_way_does_not_explain_counts(told: int, apart: int) -> None:
    asked = build.START
    assert difference(asked + told * SECOND, asked, asked + 4 * SECOND) == apart * SECOND
