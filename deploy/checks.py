"""What `/healthz` and `/readyz` look at. A check answers with what is wrong, and with nothing while all is well."""

from collections.abc import Callable, Collection

from carebell.clock import Clock
from carebell.instruments import Instruments
from carebell.progress import STANDING_AFTER_S, Progress
from deploy.watch import Watch
from ingest.main import IngestView
from notifier.auditor import Auditor

_DEAF_AFTER_S = 60.0
Check = Callable[[], str]


def alive_of_ingest(ingest: IngestView, clock: Clock) -> dict[str, Check]:
    """A pulse that no longer comes back: nothing is heard, whatever the connection says."""
    began_s = clock.monotonic()

    def pulse() -> str:
        age_s = clock.monotonic() - (ingest.pulse_heard_s or began_s)
        return f"no pulse for {age_s:.0f} s" if age_s > _DEAF_AFTER_S else ""

    return {"pulse": pulse}


def ready_of_ingest(ingest: IngestView) -> dict[str, Check]:
    """Whether what the homes say comes in and goes on."""
    return {
        "mqtt": lambda: "" if ingest.is_connected else "not connected to the MQTT broker",
        "log": lambda: "the log cannot be written" if ingest.is_stuck else "",
        "spool": lambda: ingest.spool_problem,
    }


def ready_of_notifier(auditor: Auditor) -> dict[str, Check]:
    """Whether every open case is dealt with in time."""
    return {"cases": lambda: auditor.problem}


def alive_of_loops(progress: Progress) -> dict[str, Check]:
    """Loops that stand still."""
    return {"loops": progress.standing_still}


def ready_of_loops(progress: Progress) -> dict[str, Check]:
    """Loops that stand still, or move and cannot keep up."""
    return {"loops": progress.standing_still, "late": progress.too_late}


def alive_of_seat(ingest: IngestView, clock: Clock) -> dict[str, Check]:
    """As in a box, but only while the broker is there: to start this process again would not bring it back."""
    deaf = alive_of_ingest(ingest, clock)["pulse"]
    return {"pulse": lambda: deaf() if ingest.is_connected else ""}


def alive_of_city(instruments: Instruments, watch: Watch, lookouts: Collection[str] = ()) -> dict[str, Check]:
    """While a server is away, loops stand still for its sake: to start this process again would mend nothing. Nor are
    `lookouts`, which only tell of others, worth the work that the other loops still do."""

    def loops() -> str:
        if watch.well_for_s() <= STANDING_AFTER_S:
            return ""
        return instruments.progress.standing_still(but=lookouts)

    return {"loops": loops}


def ready_of_city(watch: Watch) -> dict[str, Check]:
    """Whether the clocks of this process and its servers agree."""
    return {"clock": watch.clocks}
