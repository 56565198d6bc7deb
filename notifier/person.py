"""Who can be told, and how they are reached."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from devices.registry import Contact, Home, Role

CONSOLE = "console"
# Whoever is on duty has a roster, and no hours.
_PRIVATE = frozenset({Role.FAMILY, Role.NEIGHBOUR})


@dataclass(frozen=True, slots=True)
class Reach:
    """One way to a person: an address on a channel."""

    channel: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A family member or someone on duty, as frozen into a case. `hours`: when they may be called, by the clock of the home
    (`08:00-22:00`); empty for always."""

    person_id: str
    name: str
    role: str
    language: str = "zh-CN"
    reach: tuple[Reach, ...] = ()
    hours: tuple[str, ...] = ()


def reads_chinese(language: str) -> bool:
    """Whoever does not is written to in English."""
    return language.casefold().startswith("zh")


def circle(home: Home | None, responders: Sequence[Person], channels: Collection[str]) -> tuple[Person, ...]:
    """Everybody who may be told of a home: its contacts in their order, then whoever is on duty.

    Only ways over channels that exist are kept. Somebody who could not be reached at all is named on the console, where
    there is one, rather than passed over in silence.
    """
    contacts = () if home is None else sorted(home.contacts, key=lambda contact: contact.order)
    people = [_contact(contact) for contact in contacts]
    return tuple(_reachable(person, channels) for person in (*people, *responders))


def _contact(contact: Contact) -> Person:
    ways = ((("webhook", contact.webhook),), (("email", contact.email),), tuple(("sms", to) for to in contact.phones))
    return Person(
        person_id=contact.contact_id,
        name=contact.name,
        role=Role(contact.role).value,
        language=contact.language,
        reach=tuple(Reach(channel, to) for way in ways for channel, to in way if to),
        hours=contact.hours if contact.role in _PRIVATE else (),
    )


def _reachable(person: Person, channels: Collection[str]) -> Person:
    reach: Iterable[Reach] = tuple(way for way in person.reach if way.channel in channels)
    if not reach and CONSOLE in channels:
        reach = (Reach(CONSOLE, person.person_id),)
    return replace(person, reach=tuple(reach))
