"""Acknowledged in order and only when the log has it; calls wait for nothing; time goes to every partition."""

import json

import pytest

from carebell.topics import Topic, partition_of
from carebell.types import Reading, Rejected, Tick
from ingest.lane import BATCH
from tests.support.build import seconds
from tests.support.intake import AT, PARTITIONS, PULSE, desk

MOTION, SOS = {"id": "m", "kind": "motion", "value": True}, {"id": "7", "kind": "sos"}


def home_of(partition: int) -> str:
    return next(name for name in map(str, range(100)) if partition_of(name, PARTITIONS) == partition)


async def test_a_press_is_in_the_log_before_it_is_acknowledged_and_answered() -> None:
    async with desk() as box:
        box.log.held = {Topic.URGENT}
        box.arrive(1, SOS)
        await box.settle()
        assert (box.outlet.acknowledged, box.outlet.replies) == ([], [])
        box.log.release()
        await box.work_off()
        [reading] = await box.held(Topic.URGENT)
        assert isinstance(reading, Reading)
        assert (reading.source_message_id, reading.received_at) == ("7", AT)
        assert box.outlet.acknowledged == [1]
        assert [told["type"] for told in box.told()] == ["received"]


async def test_a_call_waits_for_no_time_to_pass() -> None:
    async with desk() as box:
        box.arrive(1, SOS)
        await box.settle()
        assert box.outlet.acknowledged == [1]
        assert box.clock.now() == AT


async def test_telemetry_waits_a_moment_for_company() -> None:
    async with desk() as box:
        for mid in range(5):
            box.arrive(mid, MOTION)
            await box.settle()
        assert box.outlet.acknowledged == []
        await box.work_off()
        assert [len(entries) for entries in box.log.appends] == [5]


async def test_a_full_batch_waits_for_no_company() -> None:
    async with desk() as box:
        for mid in range(BATCH):
            box.arrive(mid, MOTION)
        await box.until(lambda: len(box.outlet.acknowledged) == BATCH, seconds(0))
        assert box.clock.now() == AT


async def test_a_call_waits_for_no_append_of_telemetry() -> None:
    async with desk() as box:
        box.log.held = {Topic.TELEMETRY}
        box.arrive(1, MOTION)
        await box.until(lambda: any(lane.began_s is not None for lane in box.intake._lanes))
        box.arrive(2, SOS)
        await box.settle()
        assert [one.kind for one in await box.held(Topic.URGENT) if isinstance(one, Reading)] == ["sos"]
        assert box.told() == [{"id": "7", "type": "received"}], "told at once"
        assert box.outlet.acknowledged == [], "the one before it is not in the log"
        box.log.release()
        await box.work_off()
        assert box.outlet.acknowledged == [1, 2]


async def test_a_message_with_a_call_goes_whole_with_the_call_unless_the_log_fails() -> None:
    async with desk() as box:
        box.arrive(1, [MOTION, SOS])
        await box.settle()
        assert [[entry.topic for entry in entries] for entries in box.log.appends] == [[Topic.URGENT, Topic.TELEMETRY]]
        box.log.refused = {Topic.TELEMETRY}
        box.arrive(2, [MOTION, {"id": "8", "kind": "sos"}])
        await box.until(lambda: {"id": "8", "type": "received"} in box.told())
        assert box.outlet.acknowledged == [1]
        box.log.refused.clear()
        await box.work_off()
        assert box.outlet.acknowledged == [1, 2]
        assert len(await box.held(Topic.TELEMETRY)) == 2
        assert len(await box.held(Topic.URGENT)) == 2


async def test_a_partition_whose_calls_are_not_taken_holds_up_no_other() -> None:
    async with desk() as box:
        box.log.held = {Topic.URGENT}
        box.arrive(1, SOS, f"carebell/{home_of(0)}/d1/up")
        await box.settle()
        box.log.held = set()
        box.arrive(2, SOS, f"carebell/{home_of(1)}/d1/up")
        await box.settle()
        assert len(await box.held(Topic.URGENT)) == 1
        box.log.release()
        await box.work_off()


async def test_calls_of_a_home_stay_in_order() -> None:
    async with desk() as box:
        box.log.refused = {Topic.URGENT}
        for mid in range(20):
            box.arrive(mid, {"id": str(mid), "kind": "sos", "value": "cleared" if mid % 2 else "active"})
            await box.settle()
        box.log.refused.clear()
        await box.work_off()
        calls = [one.source_message_id for one in await box.held(Topic.URGENT) if isinstance(one, Reading)]
        assert calls == [str(mid) for mid in range(20)]
        assert box.outlet.acknowledged == list(range(20))


async def test_what_salvage_makes_a_call_of_is_one() -> None:
    async with desk() as box:
        box.log.held = {Topic.TELEMETRY}
        box.arrive(1, b'{"kind": "sos", "id": "9", "value": ')
        await box.settle()
        assert box.outlet.acknowledged == [1]
        assert len(await box.held(Topic.URGENT)) == 1
        assert len(await box.held(Topic.REJECTED)) == 1
        box.log.release()


async def test_nothing_is_acknowledged_while_the_log_is_away() -> None:
    async with desk() as box:
        box.log.refused = {Topic.URGENT, Topic.TELEMETRY}
        box.arrive(1, SOS)
        box.arrive(2, MOTION)
        await box.until(lambda: box.intake.is_stuck and box.clock.now() >= AT + seconds(10))
        assert (box.outlet.acknowledged, box.outlet.replies) == ([], [])
        assert box.spooler.problem == "1 calls for help wait for the log"
        box.log.refused.clear()
        await box.work_off()
        assert box.outlet.acknowledged == [1, 2]
        assert not box.intake.is_stuck
        await box.until(lambda: box.spooler.problem == "")


async def test_told_to_stop_while_the_log_is_away_nothing_is_acknowledged() -> None:
    async with desk() as box:
        box.log.refused = {Topic.URGENT, Topic.TELEMETRY}
        box.arrive(1, SOS)
        box.arrive(2, MOTION)
        await box.until(lambda: box.intake.is_stuck)
        await box.end()
        assert (box.outlet.acknowledged, box.outlet.replies) == ([], [])


async def test_everything_goes_to_its_lane_and_is_acknowledged_in_order() -> None:
    async with desk() as box:
        box.arrive(1, [{"kind": "motion", "value": True}, {"kind": "smoke", "value": True}])
        box.arrive(2, b"rubbish")
        box.arrive(3, {"id": "7", "type": "received"}, "carebell/h1/d1/down")
        box.arrive(4, {"kind": "sos"}, "carebell/h2/d1/up")
        await box.work_off()
        assert {one.kind for one in await box.held(Topic.URGENT) if isinstance(one, Reading)} == {"smoke", "sos"}
        assert [one.kind for one in await box.held(Topic.TELEMETRY) if isinstance(one, Reading)] == ["motion"]
        assert [one.reason for one in await box.held(Topic.REJECTED) if isinstance(one, Rejected)] == ["not_json"]
        assert box.outlet.acknowledged == [1, 2, 3, 4]


async def test_a_button_that_is_called_down_is_heard() -> None:
    async with desk() as box:
        box.arrive(1, {"action": "emergency"}, "carebell/h1/zigbee2mqtt/stairs/down")
        await box.work_off()
        assert "sos" in {one.kind for one in await box.held(Topic.URGENT) if isinstance(one, Reading)}


@pytest.mark.parametrize("with_call", [False, True])
async def test_what_the_log_never_takes_is_rejected_and_the_stream_goes_on(with_call: bool) -> None:
    burst = {"id": "b", "kind": "other", "value": "x" * 5000}
    async with desk() as box:
        box.log.limit = 3000
        box.arrive(1, [burst, SOS] if with_call else burst)
        box.arrive(2, MOTION)
        await box.work_off()
        assert box.outlet.acknowledged == [1, 2]
        assert len(await box.held(Topic.URGENT)) == with_call
        assert [one.kind for one in await box.held(Topic.TELEMETRY) if isinstance(one, Reading)] == ["motion"]
        [rejected] = await box.held(Topic.REJECTED)
        assert isinstance(rejected, Rejected)
        assert (rejected.reason, rejected.detail) == ("too_large", "larger than the log takes")
        received = {told["id"] for told in box.told() if told["type"] == "received"}
        assert received >= ({"7", "m"} if with_call else {"m"})
        if not with_call:
            assert "b" not in received
            assert {
                "id": None,
                "type": "rejected",
                "reason": "too_large",
                "detail": "larger than the log takes",
            } in box.told()


async def test_a_call_that_the_log_refuses_is_not_given_up_and_holds_up_no_other() -> None:
    async with desk() as box:
        box.log.limit = 500
        box.arrive(1, {"id": "x" * 199, "kind": "sos", "at": "2026-03-01T07:59:58Z"})
        box.arrive(2, SOS)
        await box.until(lambda: box.told() == [{"id": "7", "type": "received"}])
        assert box.outlet.acknowledged == []
        box.log.limit = None
        await box.work_off()
        assert box.outlet.acknowledged == [1, 2]


# Time


async def test_a_node_is_asked_for_its_birth_when_the_log_has_what_could_not_be_read() -> None:
    async with desk() as box:
        box.log.held = {Topic.REJECTED}
        box.arrive(1, {"seq": 3, "metrics": [{"alias": 5, "value": True}]}, "spBv1.0/oak/DDATA/n/d")
        await box.settle()
        assert box.outlet.replies == []
        box.log.release()
        await box.work_off()
        [ask] = box.outlet.replies
        assert (ask.topic, ask.is_urgent) == ("spBv1.0/oak/NCMD/n", False)
        [rejected] = await box.held(Topic.REJECTED)
        assert isinstance(rejected, Rejected)
        assert '"alias": 5' in rejected.payload


@pytest.mark.parametrize(("said", "count"), [({"battery": 80}, 0), ({"sos": True}, 1)])
async def test_unregistered_messages_are_counted_where_something_of_them_went_through(said: object, count: int) -> None:
    async with desk() as box:
        box.arrive(1, {"fCnt": 1, "object": said}, "application/a/device/24e1000000000001/event/up")
        await box.work_off()
        assert f"carebell_unregistered_readings_total {count}.0" in box.telemetry.exposition().decode()


async def test_a_pulse_becomes_a_tick_in_every_partition() -> None:
    async with desk() as box:
        box.pulse(9)
        await box.work_off()
        ticks = await box.held(Topic.TELEMETRY)
        assert ticks == [Tick(at=AT, source="carebell/ingest", listening_since=AT)] * PARTITIONS
        assert (box.outlet.acknowledged, box.listening.pulse_at) == ([9], AT)


@pytest.mark.parametrize("lane", [Topic.URGENT, Topic.TELEMETRY])
async def test_a_tick_waits_for_all_that_came_before_it(lane: Topic) -> None:
    async with desk() as box:
        box.log.refused = {lane}
        box.arrive(1, SOS if lane == Topic.URGENT else MOTION)
        box.pulse(2)
        box.arrive(
            3, {"id": "8", "kind": "sos"} if lane == Topic.TELEMETRY else {"id": "9", "kind": "motion", "value": True}
        )
        await box.until(lambda: len(box.told()) == 1)
        assert [one for one in await box.held(Topic.TELEMETRY) if isinstance(one, Tick)] == []
        box.log.refused.clear()
        await box.work_off()
        assert box.outlet.acknowledged == [1, 2, 3]
        order = [entry.topic == lane and entry.partition is None for entries in box.log.appends for entry in entries]
        ticks = [entry.partition is not None for entries in box.log.appends for entry in entries]
        assert order.index(True) < ticks.index(True)


async def test_who_has_lost_the_connection_says_no_more_what_time_it_is() -> None:
    async with desk() as box:
        box.log.held = {Topic.URGENT}
        box.arrive(1, SOS)
        box.pulse(2)
        await box.settle()
        box.outlet.generation = 2
        box.log.release()
        await box.work_off()
        assert len(await box.held(Topic.URGENT)) == 1
        assert await box.held(Topic.TELEMETRY) == []
        assert box.outlet.acknowledged == []


async def test_a_pulse_that_is_no_time_is_passed_over() -> None:
    async with desk() as box:
        future = (AT + seconds(60)).isoformat().encode()
        for payload in (b"noon", b"\xff", b"", future):
            box.arrive(1, payload, PULSE)
        await box.work_off()
        assert await box.held(Topic.TELEMETRY, Topic.REJECTED) == []
        assert box.outlet.acknowledged == [1, 1, 1, 1]


# What the broker gives again


async def test_what_comes_again_is_not_kept_but_calls_and_what_comes_once_are() -> None:
    async with desk() as box:
        box.log.refused = {Topic.URGENT, Topic.TELEMETRY}
        box.arrive(1, MOTION)
        box.arrive(2, SOS)
        box.arrive(0, {"id": "once", "kind": "motion", "value": True}, qos=0)
        box.pulse(4)
        await box.until(lambda: box.intake.is_stuck)
        box.outlet.generation = 2
        box.intake.forget()
        box.log.refused.clear()
        await box.work_off()
        found = await box.held(Topic.URGENT, Topic.TELEMETRY)
        assert sorted(one.source_message_id for one in found if isinstance(one, Reading)) == ["7", "once"]
        assert not any(isinstance(one, Tick) for one in found)
        assert box.outlet.acknowledged == []


async def test_a_flood_is_acknowledged_in_order_while_calls_overtake() -> None:
    async with desk() as box:
        box.log.held = {Topic.TELEMETRY}
        for mid in range(3000):
            box.arrive(mid, SOS | {"id": str(mid)} if mid % 100 == 50 else MOTION, f"carebell/h{mid % 7}/d/up")
        await box.until(lambda: len(box.told()) == 30)
        assert box.outlet.acknowledged == []
        box.log.release()
        await box.work_off()
        assert box.outlet.acknowledged == list(range(3000))
        assert json.loads(box.outlet.replies[0].payload)["id"] == "50"


async def test_time_stands_still_while_no_home_is_heard_and_goes_on_anew_afterwards() -> None:
    async with desk() as box:
        for count in range(200):
            box.arrive(count, {"kind": "heartbeat"}, f"carebell/h{count % 20}/gateway/up")
            await box.settle()
            await box.clock.advance(seconds(1))
        box.pulse(300)
        await box.work_off()
        before = box.log.partitions
        assert len([one for one in await box.held(Topic.TELEMETRY) if isinstance(one, Tick)]) == before
        await box.clock.advance(seconds(120))
        box.pulse(301)
        await box.work_off()
        assert len([one for one in await box.held(Topic.TELEMETRY) if isinstance(one, Tick)]) == before
        box.arrive(302, {"kind": "heartbeat"}, "carebell/h1/gateway/up")
        await box.work_off()
        heard_at = box.clock.now()
        box.pulse(303)
        await box.work_off()
        ticks = [one for one in await box.held(Topic.TELEMETRY) if isinstance(one, Tick)]
        newest = max(one.at for one in ticks)
        assert {one.listening_since for one in ticks if one.at == newest} == {heard_at}


async def test_who_takes_the_seat_back_takes_nothing_for_a_repeat() -> None:
    async with desk() as box:
        topic, state = "carebell/h1/zigbee2mqtt/pendant", {"sos": True}

        async def calls() -> int:
            await box.work_off()
            return len(await box.held(Topic.URGENT))

        box.arrive(1, state, topic)
        box.arrive(2, state, topic)
        assert await calls() == 1
        box.intake.forget_repeats()
        box.arrive(3, state, topic)
        assert await calls() == 2
