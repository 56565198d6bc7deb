"""Rule `fall`: a fall that a device states, or that is found in the acceleration of a device somebody wears.

    detected ───────────────────────────────────────── an alert at once
    suspected, or found ──┬── pre_alarm ──┤ people are called
                          ├── the home, a cancel gesture, getting up, moving to another room: resolved
                          └── stated as certain, or lying still for still_for: an alert at once

Finding falls only adds: what a device states is never held back by it. What is said after the pre-alarm is written down, and
only people end the case. Where several people live, movement in another room proves nothing.
"""

from collections.abc import Callable
from typing import NamedTuple, TypedDict

from carebell.step import Next
from carebell.types import Alert, AlertStatus, Kind, Reading, Severity, Tick
from devices.binding import RELEASED
from rules_engine import fall_words as words
from rules_engine.fall_episode import (
    MILLISECOND,
    Episode,
    Episodes,
    Rooms,
    begun,
    fell_in,
    finding_of,
    found_subject,
    happened,
    has_moved,
    is_found,
    is_fresh,
    is_same,
    remembered,
    room_of,
    uncertain,
    with_last,
)
from rules_engine.fall_parameters import FallParameters
from rules_engine.fall_watch import Found, Worn, follow, next_due, woken
from rules_engine.fall_words import Sentence
from rules_engine.place import device_of, place_of
from rules_engine.rule import Context, Finding, RuleEvent, RuleState, alert_of, ms

_MOTION = Kind.MOTION
STATUS_KEPT = 64


class FallState(TypedDict):
    """`episodes` by subject; `active`: when a room last saw somebody; `well`: when a device was told that all is well;
    `worn`: the devices whose acceleration is followed; `status`: those that state `cleared` without being asked. Times in
    milliseconds."""

    episodes: Episodes
    active: Rooms
    well: dict[str, int]
    worn: dict[str, Worn]
    status: list[str]


class Judging(NamedTuple):
    """One step: what it may look at, and what it has found so far."""

    context: Context
    parameters: FallParameters
    found: list[Finding]

    @property
    def timezone(self) -> str:
        return self.context.home.timezone


class FallRule:
    """Every handler takes the state, appends what it finds, and gives the state that follows."""

    name = "fall"
    hears = frozenset({Kind.FALL, Kind.ACCELERATION, Kind.MOTION, Kind.BUTTON, Kind.SOS})

    def start(self) -> RuleState:
        return FallState(episodes={}, active={}, well={}, worn={}, status=[])

    def step(
        self, state: FallState, event: RuleEvent, context: Context, parameters: FallParameters
    ) -> Next[RuleState, Alert] | None:
        if isinstance(event, Reading) and event.kind == _MOTION and not state["episodes"]:
            return _walked(state, event, context, parameters)
        judging = Judging(context, parameters, [])
        if isinstance(event, Reading):
            before, state = state, _HANDLERS[event.kind](state, event, judging)
            if state is before and not judging.found:
                return None
        elif isinstance(event, Tick):
            for seen in woken(state["worn"], context.now_ms, parameters):
                state = _seen(state, seen, None, judging)
        told = tuple(alert_of(one, self.name, parameters, context) for one in judging.found)
        return Next(state, told, next_due(state["worn"]))


def _walked(
    state: FallState, event: Reading, context: Context, parameters: FallParameters
) -> Next[RuleState, Alert] | None:
    """Movement while nobody has fallen, which is most of what a home says: only the rooms that see somebody are kept."""
    room, before = event.place or room_of(event, context.home), state["active"]
    active = remembered(before, room, happened(event, context), event.value, parameters.active_for)
    return None if active is before else Next({**state, "active": active}, (), next_due(state["worn"]))


def _stated(state: FallState, event: Reading, judging: Judging) -> FallState:
    """A device says it itself."""
    if event.value == "cleared":
        return _cleared(state, event, judging)
    place, parameters = place_of(event, judging.context.home), judging.parameters
    if event.is_test:
        summary, summary_zh = words.tested(event, place)
        judging.found.append(
            Finding(event.id, Severity.INFO, summary, summary_zh, event, began_at=event.received_at, is_test=True)
        )
        return state
    at, is_certain, device_id = ms(event.received_at), event.value != "suspected", event.device_id
    known = state["episodes"].get(device_id)
    again, same = parameters.again_after, parameters.same_within
    if known is not None and (
        event.retained or is_same(known, at, is_certain=is_certain, again_after=again, same_within=same)
    ):
        known = known if event.retained else {**known, "said": at}
        if is_certain and not known["is_certain"]:
            return _confirm(state, known, words.NOW_CERTAIN, event, judging)
        return state if event.retained else _kept(state, known)
    room, since = fell_in(place, state["active"], at, parameters.active_for), happened(event, judging.context)
    episode = begun(event, device_id, place, at, room, happened_at=since, is_certain=is_certain)
    if is_certain:
        judging.found.append(finding_of(episode, words.certain(event, place), event))
    else:
        sentence = words.suspected(words.stated(event, place), parameters.pre_alarm)
        judging.found.append(finding_of(episode, sentence, event)._replace(pre_alarm=parameters.pre_alarm))
    return _kept(state, episode)


def _cleared(state: FallState, event: Reading, judging: Judging) -> FallState:
    """By the device itself, or by a gateway for the whole home."""
    if event.retained or event.is_test:
        return state
    is_home = _is_gateway(event, judging)
    if not is_home and all(one["device_id"] != event.device_id for one in state["episodes"].values()):
        return {
            **state,
            "status": [*(one for one in state["status"] if one != event.device_id), event.device_id][-STATUS_KEPT:],
        }
    # Who says so again and again, also where nothing was, says nothing of a fall that was found.
    says_always, source = event.device_id in state["status"], event.source_message_id
    own = [one for one in state["episodes"].values() if one["device_id"] == event.device_id]
    over = [one for one in own if not (is_found(one) and (says_always or one["source"] == source))]
    if is_home:
        over = [
            one for one in state["episodes"].values() if (not one["is_certain"] and not one["is_called"]) or one in own
        ]
    return _well(state, over, words.says_so(event.device_id), event, judging)


def _called(state: FallState, event: Reading, judging: Judging) -> FallState:
    """Whoever presses for help after a suspected fall does not say that all is well; whoever clears a call does."""
    if not state["episodes"] or event.retained or event.is_test or event.note == RELEASED:
        return state
    open_ = _uncertain(state, ms(event.received_at), judging)
    if event.value == "cleared":
        # The button of somebody else knows nothing of this fall, nor does one at rest in the message that tells of it.
        is_home, source = _is_gateway(event, judging), event.source_message_id
        open_ = [one for one in open_ if is_home or (one["device_id"] == event.device_id and one["source"] != source)]
        return _well(state, open_, words.call_cleared(event.device_id), event, judging)
    for one in open_:
        state = _kept(state, {**one, "is_called": True})
    return state


def _is_gateway(event: Reading, judging: Judging) -> bool:
    device = device_of(judging.context.home, event.device_id)
    return device is not None and device.is_gateway


def _gestured(state: FallState, event: Reading, judging: Judging) -> FallState:
    if not state["episodes"] or event.value not in judging.parameters.cancel_gestures:
        return state
    at, device_id = happened(event, judging.context), event.device_id
    open_ = [one for one in _uncertain(state, at, judging) if one["device_id"] == device_id and at >= one["began"]]
    return _well(state, open_, words.gesture(device_id, event.value), event, judging)


def _moved(state: FallState, event: Reading, judging: Judging) -> FallState:
    room, at, parameters = room_of(event, judging.context.home), happened(event, judging.context), judging.parameters
    before, active = state["active"], remembered(state["active"], room, at, event.value, parameters.active_for)
    if active is not before:
        state = {**state, "active": active}
    if event.value is not True or len(judging.context.home.residents) > 1:
        return state
    for one in _uncertain(state, at, judging):
        is_after = at - one["began"] >= parameters.moved_after // MILLISECOND
        if is_after and is_fresh(one, before, room, parameters.active_for):
            one = {**one, "rooms": [*(seen for seen in one["rooms"] if seen != room), room]}
            state = _kept(state, one)
            if has_moved(one, parameters.moved_rooms):
                state = _well(state, [one], words.moved(room), event, judging)
    return state


def _burst(state: FallState, event: Reading, judging: Judging) -> FallState:
    if not judging.parameters.find or event.is_test:
        return state
    place = place_of(event, judging.context.home)
    seen = follow(state["worn"], event, place, happened(event, judging.context), judging.parameters)
    return _seen(state, seen, event, judging)


def _seen(state: FallState, seen: Found, event: Reading | None, judging: Judging) -> FallState:
    """What the acceleration of a device shows: falls, and how the person does after one."""
    state = {**state, "worn": seen.worn}
    parameters, device_id, place = judging.parameters, seen.device_id, seen.place
    for impact, at in seen.impacts:
        if _is_told(state, device_id, at, parameters):
            continue
        room = fell_in(place, state["active"], at, parameters.active_for)
        episode = begun(event, device_id, place, at, room, is_found=True)
        felt = words.felt(device_id, place, impact, at, judging.timezone)
        opened = finding_of(episode, words.suspected(felt, parameters.pre_alarm), event)
        judging.found.append(opened._replace(pre_alarm=parameters.pre_alarm, evidence=seen.evidence(at)))
        state = _kept(state, episode)
    for one in _uncertain(state, seen.at, judging):
        if one["device_id"] == device_id:
            state = _after(state, one, seen, event, judging)
    return state


def _is_told(state: FallState, device_id: str, at: int, parameters: FallParameters) -> bool:
    """Whether this fall is told already, by the device or from its acceleration, or was taken back since."""
    stated, known = state["episodes"].get(device_id), state["episodes"].get(found_subject(device_id))
    return (
        0 <= state["well"].get(device_id, at - 1) - at < parameters.again_after // MILLISECOND
        or (stated is not None and abs(at - stated["began"]) <= parameters.same_within // MILLISECOND)
        or (known is not None and abs(at - known["began"]) < parameters.again_after // MILLISECOND)
    )


def _after(state: FallState, episode: Episode, seen: Found, event: Reading | None, judging: Judging) -> FallState:
    if seen.is_up:
        return _well(state, [episode], words.UP, event, judging)
    if seen.is_still is None:
        return state
    still = (episode["still"] or seen.at) if seen.is_still else None
    episode = {**episode, "still": still}
    if still is None or seen.at - still < judging.parameters.still_for // MILLISECOND:
        return _kept(state, episode)
    return _confirm(state, episode, words.lies_still(judging.parameters.still_for), event, judging)


def _confirm(state: FallState, episode: Episode, why: Sentence, event: Reading | None, judging: Judging) -> FallState:
    """An alert of its own, without a pre-alarm: people are called now."""
    confirmed = finding_of(episode, words.confirmed(episode["device_id"], episode["place"], why), event)
    judging.found.append(confirmed._replace(subject=f"{episode['subject']}/confirmed"))
    return _kept(state, {**episode, "is_certain": True})


def _well(
    state: FallState, episodes: list[Episode], why: Sentence, event: Reading | None, judging: Judging
) -> FallState:
    """All is well: each is resolved with its reason, and what was felt before now is no new fall. A message that states a
    fall does not take it back, whatever else it says."""
    at, source = (judging.context.now_ms, None) if event is None else (ms(event.received_at), event.source_message_id)
    over = [one for one in episodes if one["source"] != source or is_found(one)]
    if event is not None:
        # What happened before the fall and comes late does not take it back.
        said = happened(event, judging.context) + judging.parameters.same_within // MILLISECOND
        over = [one for one in over if said >= one["happened"]]
    for one in over:
        is_late = (
            one["is_certain"] or one["is_called"] or at - one["began"] >= judging.parameters.pre_alarm // MILLISECOND
        )
        sentence = words.all_is_well(one["device_id"], one["began"], judging.timezone, why, is_late=is_late)
        judging.found.append(finding_of(one, sentence, event)._replace(status=AlertStatus.RESOLVED))
    gone = {one["subject"] for one in over}
    left = {subject: one for subject, one in state["episodes"].items() if subject not in gone}
    well = state["well"]
    for device_id in [one["device_id"] for one in over if one["device_id"] in state["worn"]]:
        well = with_last(well, device_id, at)
    return {**state, "episodes": left, "well": well}


def _uncertain(state: FallState, at: int, judging: Judging) -> list[Episode]:
    return uncertain(state["episodes"], at, judging.parameters.again_after)


def _kept(state: FallState, episode: Episode) -> FallState:
    return {**state, "episodes": with_last(state["episodes"], episode["subject"], episode)}


_HANDLERS: dict[str, Callable[[FallState, Reading, Judging], FallState]] = {
    Kind.FALL: _stated,
    Kind.ACCELERATION: _burst,
    Kind.MOTION: _moved,
    Kind.BUTTON: _gestured,
    Kind.SOS: _called,
}
