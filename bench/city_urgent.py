"""Urgent beside telemetry: SOS → alert while the rules work off a flood of telemetry as fast as they can, and while not."""

from bench.stage import Stage
from tests.support.figures import HEADER, Figures
from tests.support.lanes import PER_S, measure_lanes


def urgent(stage: Stage) -> None:
    """Two rows and their ratio."""
    print(f"\nSOS → alert over all processes, {PER_S:g} presses a second, phases in turn")
    print(HEADER)
    with stage.room() as room:
        found = measure_lanes(room)
    idle, flooded = Figures.of(found.idle), Figures.of(found.saturated)
    print(idle.row("telemetry lane idle"))
    print(flooded.row(f"telemetry lane saturated ({found.flood_rate:,.0f} readings/s worked off)"))
    print(f"saturated to idle: {flooded.ratio_to(idle)}", flush=True)
