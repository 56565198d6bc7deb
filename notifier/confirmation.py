"""Whether the home has heard: a signal to a device goes through stages, and in doubt the case says so.

requested ── broker ──▶ accepted ── network ──▶ scheduled ── device ──▶ confirmed
    └────────────────── 30 s without the best that can be had: the home may not have heard
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import JsonValue

from carebell.step import Next
from carebell.types import DeviceProfile, HomeProfile
from devices.confirm import Request, Signal, Stage, confirming, is_native, is_quiet
from devices.confirm_plans import best_proof
from notifier.case_value import (
    ANSWERED,
    Caller,
    Case,
    CaseAction,
    CaseStatus,
    Confirmation,
    Heard,
    Line,
    Purpose,
    Tell,
    What,
)
from notifier.escalation import HOME_CHANNEL, tell_device
from notifier.words import NO_DEVICE_SHOWS, STAGES, Said, not_proven

UNHEARD_AFTER = timedelta(seconds=30)
# What was said while nobody listened comes from the broker within this time of a restart.
CATCHING_UP = timedelta(seconds=10)
CONFIRMATIONS_KEPT = 40
# Rules by which a device speaks for the elder: the home is told that it was heard and that somebody is coming.
SPEAKING = frozenset({"sos", "fall"})
CaseNext = Next[Case, CaseAction]


def what_matters(home: HomeProfile | None, caller_id: str) -> HomeProfile | None:
    """Of a home, what its case needs to know to tell it."""
    if home is None:
        return None
    devices = confirming(home.devices, caller_id)
    return HomeProfile(home_id=home.home_id, timezone=home.timezone, devices=devices)


def with_home(case: Case, home: HomeProfile | None) -> Case:
    """The home as it is now, with the devices that have called before."""
    if home is None:
        return case
    known = {device.device_id: device for device in (case.home.devices if case.home else ())}
    known |= {device.device_id: device for device in home.devices}
    return replace(case, home=replace(home, devices=tuple(known.values())))


def confirm_received(following: CaseNext, rule: str, once: object, now: datetime) -> CaseNext:
    """`received`, by what in the home is there for it; a device of the native dialect has heard it from ingest already.
    Not while nobody is called yet."""
    case = following.state
    if rule not in SPEAKING or case.status is not CaseStatus.OPEN or case.is_suspected:
        return following
    case, actions = _tell_others(case, Purpose.RECEIVED, "the call was heard", once, now)
    return Next(case, (*following.actions, *actions), following.due_at)


def confirm_coming(case: Case, callers: Iterable[Caller], now: datetime) -> tuple[Case, tuple[CaseAction, ...]]:
    """`coming`, to each device that called and to what in the home is there for it."""
    callers = tuple(callers)
    if not callers:
        return case, ()
    # What was said before does not matter any more.
    case = with_nothing_awaited(case)
    why = f"accepted by {case.accepted_by}"
    actions: list[CaseAction] = []
    for caller in callers:
        if _hears_itself(case, caller):
            told = tell_device(case, caller, Purpose.COMING, why, f"{caller.source_id}/{case.accepted_at}")
            case = _asked(case, told, Stage.ACCEPTED, now)
            actions += [_requested(told), told]
    case, others = _tell_others(case, Purpose.COMING, why, f"{case.accepted_at}/{callers[-1].source_id}", now)
    actions += others
    if not any(one.purpose is Purpose.COMING for one in case.confirmations):
        actions = [Line(what=What.SKIPPED, why=NO_DEVICE_SHOWS, data={"step": Purpose.COMING})]
    return case, tuple(actions)


def _hears_itself(case: Case, caller: Caller) -> bool:
    device = _device(case, caller.device_id)
    return device is None or is_native(device)


def _device(case: Case, device_id: str) -> DeviceProfile | None:
    devices = case.home.devices if case.home else ()
    return next((device for device in devices if device.device_id == device_id), None)


def _tell_others(
    case: Case, purpose: Purpose, why: str, once: object, now: datetime
) -> tuple[Case, tuple[CaseAction, ...]]:
    """Those devices that are there for it, without native ones that are told as callers. Whoever presses again and again
    is not answered by as many sirens."""
    actions: list[CaseAction] = []
    callers = {caller.device_id for caller in case.callers}
    for device in case.home.devices if case.home else ():
        is_caller = is_native(device) and device.device_id in callers
        if not device.confirms or is_caller or _was_just_told(case, device.device_id, purpose, now):
            continue
        told = tell_device(case, Caller(device.device_id, ""), purpose, why, once)
        request = request_of(case, device, purpose, told.id, now)
        best = None if request is None else best_proof(request)
        if best is not None:
            case = _asked(case, told, best, now)
            actions += [_requested(told), told]
    return case, tuple(actions)


def _was_just_told(case: Case, device_id: str, purpose: Purpose, now: datetime) -> bool:
    return any(
        (one.device_id, one.purpose) == (device_id, purpose) and now < one.asked_at + UNHEARD_AFTER
        for one in case.confirmations
    )


def request_of(case: Case, device: DeviceProfile, purpose: Purpose, delivery_id: str, at: datetime) -> Request | None:
    """The signal of a delivery, as it was decided at that time; None where it is none."""
    if case.home is None or purpose not in (Purpose.RECEIVED, Purpose.COMING):
        return None
    return Request(
        id=delivery_id,
        home_id=case.home_id,
        device=device,
        signal=Signal(purpose.value),
        at=at,
        who=case.accepted_by,
        is_quiet=is_quiet(at, case.home.timezone, is_sos=case.rule == "sos"),
    )


def request_for(case: Case, device_id: str, purpose: Purpose, delivery_id: str, at: datetime) -> Request | None:
    """The same for a device by its id; None for one that is not there for it."""
    device = _device(case, device_id)
    if device is None or not device.confirms:
        return None
    return request_of(case, device, purpose, delivery_id, at)


def _asked(case: Case, told: Tell, best: Stage, now: datetime) -> Case:
    asked = Confirmation(
        delivery_id=told.id,
        purpose=told.purpose,
        device_id=told.to,
        best=best,
        asked_at=now,
        due_at=now + UNHEARD_AFTER,
    )
    others = tuple(one for one in case.confirmations if one.delivery_id != told.id)
    return replace(case, confirmations=(*others, asked)[-CONFIRMATIONS_KEPT:])


def _requested(told: Tell) -> Line:
    return _line(told.id, told.purpose, told.to, Stage.REQUESTED, STAGES[Stage.REQUESTED])


def _line(delivery_id: str, purpose: Purpose, device_id: str, stage: Stage, why: Said) -> Line:
    data: dict[str, JsonValue] = {
        "delivery_id": delivery_id,
        "purpose": purpose.value,
        "person": device_id,
        "channel": HOME_CHANNEL,
        "stage": stage.value,
    }
    return Line(what=What.DELIVERY, why=why, data=data)


def heard(case: Case, event: Heard) -> CaseNext:
    """A stage that a signal has reached; one that is known already, or of a signal that is not, changes nothing."""
    one = next((one for one in case.confirmations if one.delivery_id == event.delivery_id), None)
    if one is None or event.stage.rank <= one.stage.rank:
        return Next(case, (), case.due_at)
    is_refused = event.stage is Stage.REFUSED
    is_proven = not is_refused and event.stage.rank >= one.best.rank
    after = replace(
        one,
        stage=event.stage,
        due_at=None if is_refused or is_proven else one.due_at,
        is_doubtful=is_refused or (one.is_doubtful and not is_proven),
    )
    case = _with(case, after)
    if event.stage is Stage.ACCEPTED:
        # The line of the delivery says it.
        return Next(case, (), case.due_at)
    line = _line(one.delivery_id, one.purpose, one.device_id, event.stage, STAGES[event.stage])
    return Next(case, (line,), case.due_at)


def _with(case: Case, changed: Confirmation) -> Case:
    return replace(
        case,
        confirmations=tuple(changed if one.delivery_id == changed.delivery_id else one for one in case.confirmations),
    )


def doubt(case: Case, now: datetime, listening_since: datetime | None) -> tuple[Case, tuple[CaseAction, ...]]:
    """What should have been proven by now. Where another device has shown the same signal, nobody needs to worry; nor yet
    about what was asked before we listened, which was since `listening_since`."""
    lines: list[CaseAction] = []
    for one in case.confirmations:
        if one.due_at is None or one.due_at > now:
            continue
        if listening_since is not None and one.asked_at < listening_since and now < listening_since + CATCHING_UP:
            case = _with(case, replace(one, due_at=listening_since + CATCHING_UP))
            continue
        is_shown = any(other.purpose is one.purpose and other.stage is Stage.CONFIRMED for other in case.confirmations)
        case = _with(case, replace(one, due_at=None, is_doubtful=True))
        if not is_shown and _holds(case, one):
            why = not_proven(one.device_id, UNHEARD_AFTER)
            line = _line(one.delivery_id, one.purpose, one.device_id, one.stage, why)
            lines.append(replace(line, data={**line.data, "unheard": True}))
    return case, tuple(lines)


def unsettled(case: Case) -> Iterator[tuple[Confirmation, Request]]:
    """The signals of a case of which more may be heard: they are neither proven nor refused."""
    for one in case.confirmations:
        if one.stage not in (Stage.CONFIRMED, Stage.REFUSED):
            request = request_for(case, one.device_id, one.purpose, one.delivery_id, one.asked_at)
            if request is not None:
                yield one, request


def with_nothing_awaited(case: Case) -> Case:
    """No more doubts about what was said so far."""
    return replace(case, confirmations=tuple(replace(one, due_at=None) for one in case.confirmations))


def newest(case: Case) -> tuple[Confirmation, ...]:
    """The signals of the last thing that the home was told and that still holds."""
    said = [one for one in case.confirmations if _holds(case, one)]
    if not said:
        return ()
    last = (said[-1].purpose, said[-1].asked_at)
    return tuple(one for one in said if (one.purpose, one.asked_at) == last)


def _holds(case: Case, one: Confirmation) -> bool:
    """Nobody is coming any more when a case was given back."""
    return one.purpose is not Purpose.COMING or case.status in ANSWERED
