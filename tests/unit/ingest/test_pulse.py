"""Since when we listen, and when pulses are sent."""

import asyncio
from datetime import timedelta

from carebell.clock import ManualClock
from ingest.pulse import EVERY, GAP, Listening, pulse_topic, send_pulses
from tests.support.build import START as AT
from tests.support.patience import PATIENCE_S

PULSE = pulse_topic("one")


def test_listening_begins_anew_after_a_gap_and_only_then() -> None:
    listening, now = Listening(), AT
    since = []
    for seconds in (0, 2, 30, 31, 2):
        now += timedelta(seconds=seconds)
        since.append(listening.heard(now, now, 0.0))
    assert since == [AT, AT, AT, AT + timedelta(seconds=63), AT + timedelta(seconds=63)]


def test_a_successor_goes_on_listening_unless_nobody_did_for_too_long() -> None:
    for gap, since in ((GAP, AT), (GAP + timedelta(seconds=1), AT + timedelta(seconds=131))):
        successor = Listening()
        successor.go_on(AT, AT + timedelta(seconds=100))
        at = AT + timedelta(seconds=100) + gap
        assert successor.heard(at, at, 0.0) == since


def test_a_broker_that_has_forgotten_us_ends_the_listening() -> None:
    listening = Listening()
    listening.heard(AT, AT, 0.0)
    listening.break_off()
    later = AT + timedelta(seconds=5)
    assert listening.heard(later, later, 0.0) == later


async def test_pulses_are_sent_only_while_connected_and_at_once_when_connected() -> None:
    clock, stop = ManualClock(AT), asyncio.Event()
    sent: list[str] = []
    connected = [True]
    task = asyncio.ensure_future(
        send_pulses(lambda topic, data: sent.append(data.decode()), lambda: connected[0], PULSE, clock, stop)
    )
    await clock.advance(EVERY * 2)
    connected[0] = False
    await clock.advance(EVERY * 5)
    assert sent == [(AT + EVERY * number).isoformat() for number in range(3)]
    connected[0] = True
    await clock.advance(timedelta(seconds=1))
    assert len(sent) == 4
    stop.set()
    await asyncio.wait_for(task, PATIENCE_S)
