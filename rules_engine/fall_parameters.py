"""What a rulebook says of rule `fall`: how long things take, and how acceleration is judged."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from carebell.duration import Duration
from rules_engine.rule import AlwaysOn


class FallParameters(AlwaysOn):
    """Those from `burst_wait` on say how acceleration is judged; see `MotionParameters`."""

    budget: Duration = timedelta(seconds=1)
    pre_alarm: Duration = timedelta(seconds=20)
    again_after: Duration = timedelta(minutes=5)
    same_within: Duration = timedelta(seconds=30)
    still_for: Duration = timedelta(seconds=8)
    cancel_gestures: tuple[str, ...] = ("double", "long", "hold")
    moved_rooms: int = Field(default=1, ge=1, le=10)
    moved_after: Duration = timedelta(seconds=5)
    active_for: Duration = timedelta(minutes=5)
    find: bool = True
    burst_wait: Duration = timedelta(seconds=3)
    late_for: Duration = timedelta(minutes=1)
    follow_for: Duration = timedelta(minutes=2)
    still_below_g: float = Field(default=0.06, gt=0, le=1)
    up_within_degrees: float = Field(default=30.0, gt=0, le=180)
    trunk_score_from: float | None = Field(default=None, ge=0, le=1)
    wrist_score_from: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _is_told_soon(self) -> Self:
        if self.pre_alarm > self.again_after:
            raise ValueError("pre_alarm is longer than again_after: a second fall would wait unheard")
        return self
