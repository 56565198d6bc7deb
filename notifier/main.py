"""The room built from its ports: alerts in, cases woken, deliveries made, facts relayed, everything audited."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from carebell.bell import Bell
from carebell.instruments import Instruments
from carebell.log import Log
from devices.registry import Home
from notifier.auditor import Auditor
from notifier.casebook import Casebook
from notifier.delivery import Courier, Delivery
from notifier.escalator import wake_cases
from notifier.intake import Intake
from notifier.person import Person
from notifier.relay import relay_cases

Loop = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """The loops of the notifier by name, and its auditor."""

    loops: dict[str, Loop]
    auditor: Auditor


def build_notifier(
    *,
    log: Log,
    casebook: Casebook,
    find_home: Callable[[str], Awaitable[Home | None]],
    responders: Sequence[Person],
    courier: Courier,
    bell: Bell,
    instruments: Instruments,
    on_audit: Callable[[], Awaitable[None]] | None = None,
) -> Notifier:
    """The notifier's loops; each may crash and be started again without the others."""
    clock = instruments.clock
    auditor = Auditor(casebook=casebook, instruments=instruments, on_audit=on_audit)

    def intake() -> Intake:
        return Intake(
            log=log,
            casebook=casebook,
            find_home=find_home,
            responders=responders,
            channels=list(courier.channels),
            instruments=instruments,
        )

    def delivery() -> Delivery:
        return Delivery(casebook=casebook, courier=courier, instruments=instruments, bell=bell)

    loops: dict[str, Loop] = {
        "alerts": lambda stop: intake().run(stop),
        "escalation": lambda stop: wake_cases(casebook, clock, instruments.progress, stop),
        "delivery": lambda stop: delivery().run(stop),
        "relay": lambda stop: relay_cases(casebook, log, clock, bell, stop),
        "auditor": auditor.run,
    }
    return Notifier(loops=loops, auditor=auditor)
