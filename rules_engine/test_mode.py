"""The weekly test of the buttons: for a few minutes the first press of each button is a test, every further one a call. Pure.

    test on ──first press: a test──second press: a call──┤ test_for: every press is a call
    test on, stated again within again_after: nothing begins anew

Only the first, because a test must never silence a call: whoever needs help while somebody tests presses again, as people
do, and is heard. A device whose `test` is stuck, or is repeated with everything it says, opens nothing a second time.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TypedDict

from carebell.types import Reading
from rules_engine.place import device_of
from rules_engine.rule import Context, ms

# The desk of whoever cares for the home, stating `test` as a device of it.
DESK = "desk"
HOME = ""
MODES_KEPT = 64
PRESSED_KEPT = 64
_MILLISECOND = timedelta(milliseconds=1)


class Mode(TypedDict):
    """Times in milliseconds. `told`: when `test` was last stated; `pressed`: the buttons that have had their test."""

    began: int
    until: int
    told: int
    pressed: list[str]


Modes = Mapping[str, Mode]


def happened_ms(reading: Reading, context: Context) -> int:
    """When a reading happened; one that was read behind the other lane no later than it was received."""
    return ms(min(context.happened_at, reading.received_at))


def stated(modes: Modes, reading: Reading, context: Context, test_for: timedelta, again_after: timedelta) -> Modes:
    """What a reading of `test` changes: a gateway and the desk speak for the home, every other device for itself."""
    device = device_of(context.home, reading.device_id)
    is_home = reading.device_id == DESK or (device is not None and device.is_gateway)
    scope, at = HOME if is_home else reading.device_id, happened_ms(reading, context)
    if reading.value is False:
        ended = {key: _ended(mode, at) for key, mode in modes.items() if is_home or key == scope}
        return {**modes, **ended}
    again_ms = again_after // _MILLISECOND
    known = modes.get(scope)
    if known is not None and at - known["told"] < again_ms:
        return {**modes, scope: {**known, "told": max(known["told"], at)}}
    others = [(key, mode) for key, mode in modes.items() if key != scope and at - mode["told"] < again_ms]
    # The home's own is forgotten last.
    kept = dict(sorted(others, key=lambda one: (one[0] == HOME, one[1]["told"]))[-(MODES_KEPT - 1) :])
    pressed = _pressed_lately(modes, scope, at - 2 * test_for // _MILLISECOND)
    return {**kept, scope: Mode(began=at, until=at + test_for // _MILLISECOND, told=at, pressed=pressed)}


def _pressed_lately(modes: Modes, scope: str, since: int) -> list[str]:
    """The buttons of a scope that have had their test in another mode just now: a test of their own is no second one."""
    lately = [button for mode in modes.values() if mode["began"] > since for button in mode["pressed"]]
    return [button for button in dict.fromkeys(lately) if scope in (HOME, button)][-PRESSED_KEPT:]


def pressed(modes: Modes, press: Reading, context: Context) -> tuple[Modes, bool]:
    """What a press changes, and whether it is its button's test: it must have happened and be judged within the mode."""
    if not modes or press.retained:  # the broker kept it: nobody presses now
        return modes, False
    at, now, button = happened_ms(press, context), context.now_ms, press.device_id
    open_ = {
        scope: mode
        for scope, mode in modes.items()
        if scope in (HOME, button) and mode["began"] <= at and now < mode["until"]
    }
    pressed_before = [mode["pressed"] for mode in open_.values()]
    is_test = bool(open_) and not any(button in one or len(one) >= PRESSED_KEPT for one in pressed_before)
    used: dict[str, Mode] = {
        scope: {**mode, "pressed": [*mode["pressed"], button]} for scope, mode in open_.items() if is_test
    }
    return {**modes, **used}, is_test


def _ended(mode: Mode, at: int) -> Mode:
    return {**mode, "until": min(mode["until"], at)}
