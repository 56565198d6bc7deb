"""What was heard before: so that a repeat is told from news. Bounded memory, no clock of its own.

    level    the same state said again is no news; its change is (per device, kind and channel)
    identity the same message of the same device, by the sender's own id
    content  on radios that say everything several times: the same facts within seconds

Nothing here may cost a press: who loses the connection to the broker must `forget`, for what was not acknowledged comes again.
"""

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from carebell.types import URGENT_KINDS, Kind
from devices.dialect import Decoded, Fact, Message

REPEATED_WITHIN = timedelta(seconds=3)
# A state that goes on is said again after so long: somebody is still there.
STILL_AFTER = timedelta(minutes=10)
# How well a device is heard is told so often; it comes with every message.
SIGNAL_AFTER = timedelta(hours=6)
SIGNAL = "signal"
_GOES_ON = frozenset({Kind.MOTION, Kind.PRESENCE, Kind.BED})
_KEPT = 200_000
# Ten thousand homes with a dozen devices of several states each: who is forgotten would call again.
_LEVELS_KEPT = 600_000
Value = TypeVar("Value")


class _Bounded(OrderedDict[tuple[object, ...], Value], Generic[Value]):
    """Keeps what was written last."""

    def put(self, key: tuple[object, ...], value: Value, kept: int = _KEPT) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > kept:
            self.popitem(last=False)


class Recall:
    """Give it what each message says, in the order in which they came."""

    def __init__(self) -> None:
        self._levels: _Bounded[tuple[object, datetime]] = _Bounded()
        self._seen: _Bounded[None] = _Bounded()
        self._contents: _Bounded[tuple[object, datetime]] = _Bounded()
        self._live: _Bounded[datetime] = _Bounded()
        self._signals: _Bounded[datetime] = _Bounded()

    def forget(self) -> None:
        """The next message is news, whatever it says."""
        for memory in (self._levels, self._seen, self._contents, self._live):
            memory.clear()

    def news(self, decoded: Decoded, message: Message) -> tuple[Fact, ...]:
        """The facts that are news; a heartbeat where a message says nothing new, for it shows that the device lives. Not where
        somebody else says again that it is away."""
        sender = (decoded.home_id, decoded.device_id)
        facts = [self._aged(sender, fact, message) for fact in decoded.facts]
        found = tuple(fact for fact in facts if self._is_news(sender, fact, decoded, message))
        if not message.retained:
            self._live.put(sender, message.received_at)
        found += self._signal(sender, decoded, message)
        living = [fact for fact in facts if not _is_away(fact)]
        if found or not living:
            return found
        return (Fact(kind=Kind.HEARTBEAT, value=True, sub_device=living[0].sub_device),)

    def _signal(self, sender: tuple[str, str], decoded: Decoded, message: Message) -> tuple[Fact, ...]:
        told = self._signals.get(sender)
        is_due = told is None or message.received_at - told >= SIGNAL_AFTER
        if decoded.signal is None or message.retained or not is_due:
            return ()
        self._signals.put(sender, message.received_at)
        sub_device = decoded.facts[0].sub_device if decoded.facts else ""
        return (Fact(kind=Kind.OTHER, value=decoded.signal, channel=SIGNAL, sub_device=sub_device),)

    def _aged(self, sender: tuple[str, str], fact: Fact, message: Message) -> Fact:
        """The broker kept it. A call that is older than what we have heard of its device since is history; a state that
        is another than the last one heard is newer."""
        if not message.retained or fact.kind not in URGENT_KINDS:
            return fact
        heard = self._levels.get((*sender, fact.sub_device, fact.kind, fact.channel)) if fact.is_level else None
        if heard is not None and heard[0] != (repr(fact.value), fact.is_test):
            return fact
        live = self._live.get(sender)
        is_older = live is not None and (fact.observed_at is None or fact.observed_at <= live)
        return replace(fact, is_history=True) if is_older else fact

    def _is_news(self, sender: tuple[str, str], fact: Fact, decoded: Decoded, message: Message) -> bool:
        about = (*sender, fact.sub_device, fact.kind, fact.channel)
        said = (*about, repr(fact.value), fact.is_test, fact.is_history)
        if fact.message_id:
            key = (*said, fact.message_id, fact.stated_at)
            if key in self._seen:
                return False
            self._seen.put(key, None)
        elif decoded.is_repeated:
            before = self._contents.get(about)
            # A door that is opened, closed and opened is no copy: only the last that was said is compared.
            is_same = before is not None and before[0] == said
            if before is not None and is_same and timedelta(0) <= message.received_at - before[1] <= REPEATED_WITHIN:
                return False
            self._contents.put(about, (said, message.received_at))
        if fact.is_lasting and not fact.is_history:
            self._levels.put(about, ((repr(fact.value), fact.is_test), message.received_at), _LEVELS_KEPT)
        return not fact.is_level or fact.is_history or self._has_changed(about, fact, message)

    def _has_changed(self, about: tuple[object, ...], fact: Fact, message: Message) -> bool:
        value, at = (repr(fact.value), fact.is_test), message.received_at
        before = self._levels.get(about)
        if before is not None and before[0] == value:
            goes_on = fact.kind in _GOES_ON and not message.retained and at - before[1] >= STILL_AFTER
            if not goes_on:
                self._levels.move_to_end(about)
                return False
        self._levels.put(about, (value, at), _LEVELS_KEPT)
        return True


def _is_away(fact: Fact) -> bool:
    return fact.kind == Kind.AVAILABILITY and fact.value == "offline"
