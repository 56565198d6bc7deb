"""Rule `inactivity`: an unusual silence. Nothing has shown for too long that anybody moves in the home.

    sign of life ───────────────── limit ──┬── high
                     learned, see silence  ├── in bed: in_bed_limit
                                           ├── the outside door was the last: presumed out, away_limit
                                           └── set to away: away_mode_limit

Only time in which the home was heard counts. After an unusual silence, told or presumed an outing, few signs of life do not
bring the short limits back: a heating that stirs a curtain in an empty home is not somebody.
"""

from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple, Self, TypedDict

from pydantic import model_validator

from carebell.duration import Duration
from carebell.step import Next
from carebell.types import Alert, HomeProfile, Kind, Reading, Tick
from rules_engine.hearing import NEVER_HEARD, Hearing, after_sign, forgotten, heard, is_heard, listened
from rules_engine.local_time import local
from rules_engine.rule import Context, RuleEvent, RuleState, alert_of, at_ms, ms
from rules_engine.sign_of_life import NOTHING_SENSED, SIGNS, Senses, is_somebody_sensed, sensed
from rules_engine.silence import MILLISECOND, Silence, SilenceParameters, learned, remembered
from rules_engine.silence_finding import Silent, Why, ended, unusual
from rules_engine.whereabouts import (
    NOWHERE,
    Leaving,
    Whereabouts,
    WhereaboutsParameters,
    gone,
    is_in_bed,
    is_leaving,
    seen,
    stayed,
)

SIGNS_SHOWN = 3


class Spans(NamedTuple):
    """Durations among the parameters, in milliseconds."""

    heard_within: int
    beat_forgotten_after: int
    remember_from: int
    least: int
    leaving: Leaving


class InactivityParameters(SilenceParameters, WhereaboutsParameters):
    """`away_limit` holds where somebody seems to have gone out, `away_mode_limit` where the home is set to away. A gateway beats
    at least every `heard_within`, or it is lost; `beat_forgotten_after` so long, signs of life are enough."""

    budget: Duration = timedelta(minutes=1)
    away_limit: Duration = timedelta(hours=16)
    away_mode_limit: Duration = timedelta(days=3)
    in_bed_limit: Duration = timedelta(hours=12)
    heard_within: Duration = timedelta(hours=1)
    beat_forgotten_after: Duration = timedelta(days=1)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.least > min(self.most, self.away_limit, self.away_mode_limit):
            raise ValueError("least is longer than most, away_limit or away_mode_limit")
        if not self.one_in:
            raise ValueError("one_in is 0")
        return self

    @cached_property
    def spans(self) -> Spans:
        """What every reading needs."""
        return Spans(
            heard_within=self.heard_within // MILLISECOND,
            beat_forgotten_after=self.beat_forgotten_after // MILLISECOND,
            remember_from=self.remember_from // MILLISECOND,
            least=self.least // MILLISECOND,
            leaving=Leaving(self.leaving_takes // MILLISECOND, self.back_within // MILLISECOND),
        )


class InactivityState(TypedDict):
    """Times in milliseconds, 0 for none. `last`: the last sign of life, `evidence` the last readings that were; `told`: where
    the silence of the open alert began, `told_at` when it was opened; `since_day`: the local day on which learning began."""

    last: int
    evidence: list[str]
    told: int
    told_at: int
    since_day: int
    silences: list[Silence]
    due: int
    hearing: Hearing
    senses: Senses
    where: Whereabouts


class Limit(NamedTuple):
    """How long this silence may be, in milliseconds, and why."""

    limit: int
    why: Why
    usual: int | None = None


_START = InactivityState(
    last=0,
    evidence=[],
    told=0,
    told_at=0,
    since_day=0,
    silences=[],
    due=0,
    hearing=NEVER_HEARD,
    senses=NOTHING_SENSED,
    where=NOWHERE,
)


class InactivityRule:
    """One alert for each silence; a sign of life resolves it."""

    name = "inactivity"
    hears = SIGNS | {Kind.HEARTBEAT, Kind.AVAILABILITY}

    def start(self) -> InactivityState:
        return _START

    def step(
        self, state: InactivityState, event: RuleEvent, context: Context, parameters: InactivityParameters
    ) -> Next[RuleState, Alert]:
        alerts: tuple[Alert, ...] = ()
        if isinstance(event, Reading):
            state, alerts = self._heard(state, event, context, parameters)
        elif isinstance(event, Tick):
            state, alerts = self._judge(state, event.listening_since, context, parameters)
        elif isinstance(event, HomeProfile) and event.removed:
            return Next(_START)
        elif state["due"]:
            state = {**state, "due": _earliest(state, parameters)}
        return Next(state, alerts, at_ms(state["due"]) if state["due"] else None)

    def _heard(
        self, state: InactivityState, event: Reading, context: Context, parameters: InactivityParameters
    ) -> tuple[InactivityState, tuple[Alert, ...]]:
        now, at = context.now_ms, context.happened_ms
        hearing = heard(state["hearing"], event, at, context.home, now, parameters.spans.heard_within)
        state = {**state, "hearing": hearing}
        if event.kind in SIGNS and at >= state["last"]:
            state["senses"], is_sign = sensed(state["senses"], event)
            if is_sign and (at > state["last"] or event.id not in state["evidence"]):
                return self._lives(state, event, at, context, parameters)
        if state["last"] and not state["due"] and not state["told"]:
            state["due"] = _earliest(state, parameters)
        return state, ()

    def _lives(
        self, state: InactivityState, event: Reading, at: int, context: Context, parameters: InactivityParameters
    ) -> tuple[InactivityState, tuple[Alert, ...]]:
        if at - state["last"] > parameters.spans.remember_from:
            state = _closed(state, at, context, parameters)
        _sign(state, event, at, context, parameters)
        told = state["told"]
        if told and context.now_ms >= at + _ordinary(state, context, parameters).limit:
            return state, ()
        # The exact limit is worked out when the time of the shortest has come: most silences never get there.
        due = _earliest(state, parameters)
        state["due"] = min(state["due"], due) if state["due"] else due
        if not told:
            return state, ()
        if at < state["told_at"]:
            state["where"] = stayed(state["where"])
        state["told"] = state["told_at"] = 0
        return state, (
            alert_of(ended(told, at, event, state["where"]["place"], context), self.name, parameters, context),
        )

    def _judge(
        self,
        state: InactivityState,
        listening_since: datetime | None,
        context: Context,
        parameters: InactivityParameters,
    ) -> tuple[InactivityState, tuple[Alert, ...]]:
        now = context.now_ms
        if listening_since is not None:
            state = {**state, "hearing": listened(state["hearing"], ms(listening_since))}
        if not state["last"] or state["told"] or not is_heard(state["hearing"], now, parameters.spans.heard_within):
            return {**state, "due": 0}, ()
        limit = _limit(state, context, parameters)
        due = state["last"] + state["hearing"]["lost"] + limit.limit
        if now < due:
            return {**state, "due": due}, ()
        silent = Silent(state["last"], now, state["hearing"]["lost"], state["where"]["place"], limit.why, limit.usual)
        finding = unusual(silent, tuple(state["evidence"]), context)
        state = {**state, "told": state["last"], "told_at": now, "due": 0}
        return state, (alert_of(finding, self.name, parameters, context),)


def _earliest(state: InactivityState, parameters: InactivityParameters) -> int:
    """No limit is shorter: before this, nothing needs to be judged."""
    return state["last"] + parameters.spans.least


def _closed(state: InactivityState, at: int, context: Context, parameters: InactivityParameters) -> InactivityState:
    """A silence worth a thought has ended: it is learned from, unless it was not heard in full or the home was empty."""
    if not state["last"]:
        return {**state, "since_day": local(at, context.home.timezone).day}
    why = _limit(state, context, parameters).why
    is_outing = why is Why.AWAY and at - state["last"] >= _ordinary(state, context, parameters).limit
    if why in (Why.LEARNED, Why.UNKNOWN) and not state["hearing"]["lost"]:
        zone = context.home.timezone
        state = {**state, "silences": remembered(state["silences"], state["last"], at, zone, parameters)}
    return {**state, "where": gone(state["where"])} if state["told"] or is_outing else state


def _sign(state: InactivityState, event: Reading, at: int, context: Context, parameters: InactivityParameters) -> None:
    """Written into a state that is this step's own."""
    spans = parameters.spans
    state["last"] = at
    state["evidence"] = [*state["evidence"][1 - SIGNS_SHOWN :], event.id]
    state["hearing"] = forgotten(after_sign(state["hearing"], at), at, spans.beat_forgotten_after)
    state["where"] = seen(state["where"], event, at, context.home, parameters, spans.leaving)


def silence_allowed(state: InactivityState, context: Context, parameters: InactivityParameters) -> int:
    """How long the silence since the last sign of life may be, in milliseconds."""
    return _limit(state, context, parameters).limit


def _limit(state: InactivityState, context: Context, parameters: InactivityParameters) -> Limit:
    where = state["where"]
    if where["away"]:
        return Limit(parameters.away_mode_limit // MILLISECOND, Why.AWAY_MODE)
    ordinary = _ordinary(state, context, parameters)
    if is_in_bed(where):
        return Limit(max(parameters.in_bed_limit // MILLISECOND, ordinary.limit), Why.IN_BED)
    if where["gone"]:
        return Limit(parameters.away_limit // MILLISECOND, Why.GONE)
    if is_leaving(where, state["last"], parameters.spans.leaving) and not _is_somebody_in(state, context.home):
        return Limit(parameters.away_limit // MILLISECOND, Why.AWAY)
    return ordinary


def _is_somebody_in(state: InactivityState, home: HomeProfile) -> bool:
    """Then the door says nothing: whoever used it may have left somebody behind."""
    return len(home.residents) > 1 or bool(state["where"]["bed"]) or is_somebody_sensed(state["senses"]["levels"])


def _ordinary(state: InactivityState, context: Context, parameters: InactivityParameters) -> Limit:
    zone = context.home.timezone
    limit, usual = learned(state["silences"], state["since_day"], state["last"], zone, parameters)
    return Limit(limit, Why.UNKNOWN if usual is None else Why.LEARNED, usual)
