"""Follows the bursts of one device: which peaks look like a fall, and what the person does afterwards. Pure.

A peak waits until the five seconds after it are heard, or until nothing more has come for `burst_wait`; then it is
judged once, with what there is. The state holds the few seconds that may still be needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

import numpy as np
from pydantic import JsonValue

from rules_engine.acceleration import STEP_MS, Floats, Stream, is_near, joined, packed, read_burst, runs, unpacked
from rules_engine.fall_features import AFTER, BEFORE, PEAK_FROM, angle, down, measured, peaks, smoothed, sway
from rules_engine.fall_model import model_for
from rules_engine.worn import part_of

_KEPT_BEFORE_MS = (BEFORE + 50) * STEP_MS
_AFTER_MS = AFTER * STEP_MS
_LATER = int(3000 / STEP_MS)
_TOLD = 4
_MILLISECOND = timedelta(milliseconds=1)


class MotionParameters(Protocol):
    """What a rule that follows motion must be able to tell."""

    @property
    def burst_wait(self) -> timedelta:
        """So long after the end of a burst the next one may come; longer holes end the stream."""

    @property
    def late_for(self) -> timedelta:
        """A burst so far behind the stream is judged by itself; one from further back begins the stream anew."""

    @property
    def follow_for(self) -> timedelta:
        """So long after an impact it is told whether the person lies still or is up."""

    @property
    def still_below_g(self) -> float:
        """Who sways less lies still."""

    @property
    def up_within_degrees(self) -> float:
        """Who moves, and is turned no more than so much from how it was before the impact, is up again."""

    @property
    def trunk_score_from(self) -> float | None:
        """From this score on a peak is a fall, at waist, chest, hip or pocket; None: as the model says."""

    @property
    def wrist_score_from(self) -> float | None:
        """The same at the wrist."""


@dataclass(frozen=True, slots=True)
class Impact:
    """A fall that was found: when (by the time of the bursts), how hard, how sure, and whether stillness followed."""

    at_ms: int
    peak_g: float
    score: float
    is_still: bool


@dataclass(frozen=True, slots=True)
class MotionFound:
    """`due_ms`: come back then if no burst has come. `is_still`, `is_up`: how it stands after the last impact that was
    told; None where nothing can be said."""

    state: dict[str, JsonValue]
    impacts: tuple[Impact, ...] = ()
    due_ms: int | None = None
    is_still: bool | None = None
    is_up: bool | None = None


@dataclass(frozen=True, slots=True)
class _Memory:
    """The state in its parts. `before` and `after`: where down was around the last impact told."""

    stream: Stream | None = None
    judged_to_ms: int | None = None
    told_ms: tuple[int, ...] = ()
    before: tuple[float, ...] | None = None
    after: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Judged:
    """`pending_ms`: the first peak that still waits, `due_ms` until when."""

    memory: _Memory
    impacts: tuple[Impact, ...] = field(default=())
    pending_ms: int | None = None
    due_ms: int | None = None


def follow_motion(
    state: Mapping[str, JsonValue],
    burst_value: JsonValue,
    first_sample_ms: int,
    place: str,
    parameters: MotionParameters,
) -> MotionFound:
    """A burst came."""
    memory = _read(state)
    burst = read_burst(burst_value, first_sample_ms)
    if burst is None:
        return _found(_judged(memory, None, place, parameters), parameters)
    known = memory.stream
    if known is None:
        return _found(_judged(replace(memory, stream=burst), None, place, parameters), parameters)
    if is_near(known, burst, parameters.burst_wait // _MILLISECOND):
        return _found(_judged(replace(memory, stream=joined(known, burst)), None, place, parameters), parameters)
    if 0 < known.start_ms - burst.end_ms <= parameters.late_for // _MILLISECOND:
        return _beside(memory, burst, place, parameters)
    last = _judged(memory, known.end_ms + parameters.burst_wait // _MILLISECOND, place, parameters)
    anew = replace(last.memory, stream=burst, judged_to_ms=None)
    first = _judged(anew, None, place, parameters)
    return _found(replace(first, impacts=last.impacts + first.impacts), parameters)


def finish_motion(state: Mapping[str, JsonValue], now_ms: int, place: str, parameters: MotionParameters) -> MotionFound:
    """Woken: whatever has waited long enough is judged with what there is."""
    return _found(_judged(_read(state), now_ms, place, parameters), parameters)


def _beside(memory: _Memory, late: Stream, place: str, parameters: MotionParameters) -> MotionFound:
    """A late burst: judged by itself, while the stream goes on."""
    alone = replace(memory, stream=late, judged_to_ms=None)
    judged = _judged(alone, late.end_ms + parameters.burst_wait // _MILLISECOND, place, parameters)
    back = replace(judged.memory, stream=memory.stream, judged_to_ms=memory.judged_to_ms)
    now = _judged(back, None, place, parameters)
    return _found(replace(now, impacts=judged.impacts + now.impacts), parameters)


def _judged(memory: _Memory, now_ms: int | None, place: str, parameters: MotionParameters) -> _Judged:
    """Every peak that need not wait any longer, in the order of time."""
    stream = memory.stream
    if stream is None:
        return _Judged(memory)
    heard_to_ms = stream.end_ms if now_ms is None else max(now_ms, stream.end_ms)
    wait_ms = parameters.burst_wait // _MILLISECOND
    impacts: list[Impact] = []
    for first, axes in runs(stream):
        start_ms = stream.start_ms + first * STEP_MS
        due_ms = start_ms + len(axes) * STEP_MS + wait_ms
        for peak, even, size in _peaks(axes, start_ms, memory.judged_to_ms):
            at_ms = start_ms + peak * STEP_MS
            if peak + AFTER > len(axes) and heard_to_ms < due_ms:
                return _Judged(memory, tuple(impacts), at_ms, due_ms)
            memory = replace(memory, judged_to_ms=at_ms)
            impact = _impact(even, size, peak, at_ms, place, parameters)
            if impact and not any(abs(at_ms - told) <= _AFTER_MS for told in memory.told_ms):
                impacts.append(impact)
                memory = _told(memory, even, peak, at_ms)
    return _Judged(memory, tuple(impacts))


def _peaks(axes: Floats, start_ms: int, judged_to_ms: int | None) -> list[tuple[int, Floats, Floats]]:
    """The peaks that were not judged yet, with the smoothed axes and their size."""
    if (axes * axes).sum(axis=1).max() < PEAK_FROM * PEAK_FROM:
        return []
    even = smoothed(axes)
    size = np.sqrt((even * even).sum(axis=1))
    judged = -1 if judged_to_ms is None else (judged_to_ms - start_ms) // STEP_MS
    return [(peak, even, size) for peak in peaks(size, judged)]


def _impact(
    even: Floats, size: Floats, peak: int, at_ms: int, place: str, parameters: MotionParameters
) -> Impact | None:
    is_wrist = part_of(place) == "wrist"
    model = model_for("wrist" if is_wrist else "trunk")
    told = parameters.wrist_score_from if is_wrist else parameters.trunk_score_from
    score_from = model.score_from if told is None else told
    values = measured(even, size, peak)
    score = model.score(np.array([values[name] for name in model.features]))
    if score < score_from:
        return None
    calm = sway(even[peak + AFTER // 3 : peak + AFTER])
    return Impact(at_ms, round(float(size[peak]), 2), round(score, 3), calm < parameters.still_below_g)


def _told(memory: _Memory, even: Floats, peak: int, at_ms: int) -> _Memory:
    before, after = down(even[max(0, peak - BEFORE) : max(0, peak - 50)]), down(even[peak + AFTER // 3 : peak + AFTER])
    return replace(
        memory,
        told_ms=(*memory.told_ms, at_ms)[-_TOLD:],
        before=None if before is None else tuple(before.tolist()),
        after=None if after is None else tuple(after.tolist()),
    )


def _found(judged: _Judged, parameters: MotionParameters) -> MotionFound:
    memory = judged.memory
    still, up = _since(memory, parameters)
    if memory.stream is not None:
        needed_from = memory.stream.end_ms if judged.pending_ms is None else judged.pending_ms
        memory = replace(memory, stream=memory.stream.from_(needed_from - _KEPT_BEFORE_MS))
    return MotionFound(_written(memory), judged.impacts, judged.due_ms, still, up)


def _since(memory: _Memory, parameters: MotionParameters) -> tuple[bool | None, bool | None]:
    """Whether the person lies still, and whether they are up, by the last seconds of the stream."""
    stream = memory.stream
    if stream is None or not memory.told_ms:
        return None, None
    since_ms = stream.end_ms - memory.told_ms[-1]
    if not _AFTER_MS <= since_ms <= parameters.follow_for // _MILLISECOND:
        return None, None
    _, axes = runs(stream)[-1]
    last = axes[-_LATER:]
    now = down(last)
    if now is None or len(last) < _LATER:
        return None, None
    is_still = sway(last) < parameters.still_below_g
    if memory.before is None or memory.after is None:
        return is_still, None
    before, after = np.array(memory.before), np.array(memory.after)
    if angle(before, after) <= 2 * parameters.up_within_degrees:
        return is_still, None
    return is_still, not is_still and angle(before, now) <= parameters.up_within_degrees


def _read(state: Mapping[str, JsonValue]) -> _Memory:
    judged, told = state.get("judged_to_ms"), state.get("told_ms")
    return _Memory(
        stream=unpacked(state.get("stream")),
        judged_to_ms=judged if isinstance(judged, int) else None,
        told_ms=tuple(one for one in told if isinstance(one, int)) if isinstance(told, list) else (),
        before=_direction(state.get("before")),
        after=_direction(state.get("after")),
    )


def _direction(kept: JsonValue) -> tuple[float, ...] | None:
    return tuple(float(one) for one in kept if isinstance(one, float | int)) if isinstance(kept, list) else None


def _written(memory: _Memory) -> dict[str, JsonValue]:
    return {
        "stream": None if memory.stream is None else packed(memory.stream),
        "judged_to_ms": memory.judged_to_ms,
        "told_ms": list(memory.told_ms),
        "before": None if memory.before is None else list(memory.before),
        "after": None if memory.after is None else list(memory.after),
    }
