"""CPU time of one step of a home under all rules, beside the same step under none. Figures are of this machine.

Each figure is the best of several runs, as a shared machine makes such a figure worse and never better.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from time import process_time
from typing import Any

from carebell.ids import computed
from carebell.types import DeviceProfile, HomeProfile, Reading, Tick
from rules_engine.home import REPEATS_KEPT, HomeState, HomeStep
from rules_engine.rule import context_of
from rules_engine.rulebook import read_rulebook
from rules_engine.rules.sos import SosRule
from rules_engine.ruleset import every_rule

START = datetime.fromisoformat("2026-03-01T08:00:00+00:00")
_RUNS, _STEPS = 15, 1000
_SENSORS = 20
_VALUES: Mapping[str, Any] = {"sos": "active", "fall": "suspected", "motion": True, "heartbeat": True}


def main() -> None:
    """Print the table."""
    text = files("deploy").joinpath("rulebook.yaml").read_text(encoding="utf-8")
    rulebook = read_rulebook(text, "rulebook.yaml")
    ruled, bare = _home(HomeStep(rulebook, every_rule())), _home(HomeStep(rulebook, ()))
    print(f"one step of a home with {_SENSORS} sensors that remembers {REPEATS_KEPT} calls, CPU time")
    print(f"{'':<30} {'no rule':>9} {'all rules':>10} {'ratio':>7}")
    for kind in _VALUES:
        device_id = "button" if kind in ("sos", "fall") else "sensor-7"
        event = _reading(kind, device_id, REPEATS_KEPT * 2 + 100)
        without, with_ = _seconds(bare, event), _seconds(ruled, event)
        print(f"{kind:<30} {without * 1e6:>6.1f} µs {with_ * 1e6:>7.1f} µs {with_ / without:>6.1f}×")
    rule, parameters = SosRule(), rulebook.parameters()[SosRule.name]
    event = _reading("sos", "button", 0)
    context, before = context_of(HomeProfile(home_id="bench"), event.received_at, rulebook.label), rule.start()
    own = _seconds(lambda press: rule.step(before, press, context, parameters), event)
    print(f"{'sos, the step of its rule':<30} {'':>9} {own * 1e6:>7.1f} µs")


def _home(step: HomeStep) -> Callable[[Reading], object]:
    """A home that has lived for a while: steps one more reading from there."""
    sensors = tuple(
        DeviceProfile(
            device_id=f"sensor-{number}", gateway_id="gateway", expected_every=timedelta(minutes=30), place="hall"
        )
        for number in range(_SENSORS)
    )
    gateway = DeviceProfile(device_id="gateway", is_gateway=True, expected_every=timedelta(minutes=5))
    button = DeviceProfile(device_id="button", gateway_id="gateway", is_sos=True, expected_every=timedelta(hours=25))
    home = HomeProfile(home_id="bench", devices=(gateway, button, *sensors))
    state: HomeState = step(step.start("bench"), home, START).state
    state = step(state, Tick(at=START, source="bench"), START).state
    for number in range(REPEATS_KEPT * 2):
        press, motion = _reading("sos", "button", number), _reading("motion", f"sensor-{number % _SENSORS}", number)
        for event in (press, motion):
            state = step(state, event, event.received_at).state
    return lambda event: step(state, event, event.received_at)


def _reading(kind: str, device_id: str, second: int) -> Reading:
    at = START + timedelta(seconds=second)
    return Reading(
        id=computed("reading", device_id, second, kind),
        home_id="bench",
        device_id=device_id,
        kind=kind,
        value=_VALUES[kind],
        observed_at=at,
        received_at=at,
        source_message_id=str(second),
        place="hall",
    )


def _seconds(step: Callable[[Reading], object], event: Reading) -> float:
    best = float("inf")
    for _ in range(_RUNS):
        began = process_time()
        for _ in range(_STEPS):
            step(event)
        best = min(best, (process_time() - began) / _STEPS)
    return best


if __name__ == "__main__":
    main()
