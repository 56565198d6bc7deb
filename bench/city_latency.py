"""Press → alert: from the moment a press is handed to the socket to the one at which its alert can be read from the log."""

from bench.stage import Bare, Stage
from carebell.topics import Topic
from tests.support.figures import HEADER, Figures
from tests.support.flow import Flow
from tests.support.part import Sink
from tests.support.room import Room

HOMES = 2000
# Messages a second, and the share of them that are presses: enough of them for a p99.9 to mean something.
RATES = ((100, 0.3), (2000, 0.02))
SECONDS, WARM_S = 36, 6
_ARRIVES_WITHIN_S = 60


def latency(stage: Stage) -> None:
    """A row for each rate and road."""
    print(f"\npress → alert, {SECONDS - WARM_S} s each, messages at random moments, no matter what comes back")
    print(HEADER)
    _warm_up(stage)
    for rate, share in RATES:
        bare = _without_logic(stage, rate, share, SECONDS)
        print(bare.row(f"{rate:>5}/s  no logic: MQTT → bridge → Kafka → relay → Kafka"), flush=True)
        ours = _through_carebell(stage, rate, share)
        print(ours.row(f"{rate:>5}/s  Carebell: MQTT → ingest → Kafka → rules → Kafka"))
        print(f"{rate:>5}/s  to the bare road: {ours.ratio_to(bare)}, {ours.p999 / bare.p999:.1f}× p99.9", flush=True)


def _warm_up(stage: Stage) -> None:
    """Kafka compiles its code as it goes: the first who comes must not pay for all."""
    _without_logic(stage, 2000, 0.02, 12)


def _without_logic(stage: Stage, rate: int, share: float, seconds: int) -> Figures:
    with stage.room() as room:
        bare = Bare.of(room)
        with bare.relay(), bare.bridge(), room.sink(bare.far) as sink:
            return _measure(room, sink, Flow("bare", HOMES, share), rate, seconds)


def _through_carebell(stage: Stage, rate: int, share: float) -> Figures:
    with stage.room() as room:
        room.append_homes(HOMES)
        room.start("rules")
        room.start("ingest")
        with room.sink(room.topic(Topic.ALERTS)) as sink:
            return _measure(room, sink, Flow("carebell", HOMES, share), rate, SECONDS)


def _measure(room: Room, sink: Sink, flow: Flow, rate: int, seconds: int) -> Figures:
    told = room.generate("steady", flow, "--rate", str(rate), "--seconds", str(seconds))
    marks = sink.wait_for(told["marked"], _ARRIVES_WITHIN_S)
    first = min(mark.said for mark in marks)
    return Figures.of([mark.seen - mark.said for mark in marks if mark.said > first + WARM_S])
