"""The room built from its ports: alerts in, cases woken, deliveries made, facts relayed, everything audited."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from carebell.bell import Bell
from carebell.duty import Duties, OnDuty
from carebell.instruments import Instruments
from carebell.log import Log
from devices.registry import Home
from notifier.auditor import Auditor
from notifier.casebook import Casebook
from notifier.delivery import Courier, Delivery
from notifier.escalator import wake_cases
from notifier.intake import Intake
from notifier.person import Person
from notifier.relay import NAME as RELAY
from notifier.relay import relay_cases

Loop = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """The loops of the notifier by name, and its auditor."""

    loops: dict[str, Loop]
    auditor: Auditor


@dataclass(frozen=True, slots=True)
class People:
    """Who can be told: the people of each home, and those on duty for all."""

    find_home: Callable[[str], Awaitable[Home | None]]
    responders: Sequence[Person]


def build_notifier(
    *,
    log: Log,
    casebook: Casebook,
    people: People,
    courier: Courier,
    bell: Bell,
    instruments: Instruments,
    duties: Duties | None = None,
    on_audit: Callable[[], Awaitable[None]] | None = None,
) -> Notifier:
    """The notifier's loops; each may crash and be started again without the others. `duties`: where there are several
    notifiers, what only one of them does at a time."""
    auditor = Auditor(casebook=casebook, instruments=instruments, on_audit=on_audit)

    def intake() -> Intake:
        return Intake(
            log=log,
            casebook=casebook,
            find_home=people.find_home,
            responders=people.responders,
            channels=list(courier.channels),
            instruments=instruments,
        )

    def delivery() -> Delivery:
        return Delivery(casebook=casebook, courier=courier, instruments=instruments, bell=bell)

    async def relay(stop: asyncio.Event) -> None:
        await relay_cases(casebook, log, instruments.clock, bell, stop)

    loops: dict[str, Loop] = {
        "alerts": lambda stop: intake().run(stop),
        "escalation": _waking(courier, casebook, instruments),
        "delivery": lambda stop: delivery().run(stop),
        "relay": relay if duties is None else OnDuty(RELAY, courier.owner, duties, instruments).doing(relay),
        "auditor": auditor.run,
    }
    return Notifier(loops=loops | _hearing(courier, casebook, instruments), auditor=auditor)


def _waking(courier: Courier, casebook: Casebook, instruments: Instruments) -> Loop:
    """`listening_since` is the process's: a loop of it that is started again has lost nothing that was said."""
    listening_since = None if courier.answers is None else instruments.clock.now()
    return lambda stop: wake_cases(casebook, instruments, stop, listening_since)


def _hearing(courier: Courier, casebook: Casebook, instruments: Instruments) -> dict[str, Loop]:
    """What devices answer, where they are heard."""
    answers = courier.answers
    return {} if answers is None else {"answers": lambda stop: answers.run(casebook, instruments, stop)}
