"""An arrival on its way into the log: what it came to, what of it is to be appended, and how far that is."""

from dataclasses import dataclass, field
from datetime import datetime

from carebell.log import Entry
from carebell.mqtt import Arrival
from carebell.topics import Topic
from ingest.accept import Accepted


@dataclass(slots=True, eq=False)
class Taken:
    """`entries` are to be appended next, `later` when those are in the log. `waits_since_s` is on the monotonic clock."""

    arrival: Arrival
    received_at: datetime
    waits_since_s: float
    accepted: Accepted = field(default_factory=Accepted)
    entries: list[Entry] = field(default_factory=list)
    later: list[Entry] = field(default_factory=list)
    is_tick: bool = False
    is_begun: bool = False
    is_told: bool = False
    is_done: bool = False
    is_spooled: bool = False

    @property
    def is_urgent(self) -> bool:
        return any(entry.topic == Topic.URGENT for entry in self.entries)

    def put_urgent_first(self) -> None:
        """The log has failed: what is no call for help must not hold one up."""
        self.later += [entry for entry in self.entries if entry.topic != Topic.URGENT]
        self.entries = [entry for entry in self.entries if entry.topic == Topic.URGENT]
