"""A sheet: what one transaction has locked and decided of the cases, written down at its end in a few statements.

Rows of cases are locked in the order of their ids, so that two transactions over many cases never wait for each other in
a ring.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.dialects import postgresql, sqlite

from carebell.step import Next
from carebell.wire import Unreadable
from notifier.case_value import Case, CaseAction, CaseStatus, Line, Tell, What
from notifier.casebook import DeliveryStatus
from notifier.line_sql import write_lines
from notifier.schema_sql import ALERT_SEEN, CASE, DELIVERY, write_due, write_time

AT_ONCE = 500  # below every database's limit of bound values
_CASE: TypeAdapter[Case] = TypeAdapter(Case)


class Sheet:
    """Lock, decide (`take`), and `write` once at the end."""

    def __init__(self, connection: sa.Connection, at: datetime) -> None:
        self.connection = connection
        self._at = at
        self._now = write_time(at)
        self._new: dict[str, Case] = {}
        self._changed: dict[str, Case] = {}
        self._tells: list[tuple[Case, Tell]] = []
        self._seen: list[dict[str, str]] = []
        self.lines: list[tuple[Case, Line]] = []

    def lock_one(self, case_id: str) -> Case | None:
        """A case as it is now; None for an unknown one. Raises Unreadable."""
        document = self.connection.scalar(sa.select(CASE.c.document).where(CASE.c.id == case_id).with_for_update())
        return None if document is None else read(document)

    def lock(self, case_ids: Iterable[str]) -> dict[str, Case]:
        """These cases, as they are now, by id; without those that cannot be read."""
        found: dict[str, Case] = {}
        for some in _parts(sorted(set(case_ids))):
            query = sa.select(CASE.c.id, CASE.c.document).where(CASE.c.id.in_(some))
            for row in self.connection.execute(query.order_by(CASE.c.id).with_for_update()):
                if (case := readable(row.document)) is not None:
                    found[row.id] = case
        return found

    def lock_due(self, limit: int) -> list[Case]:
        """Cases whose time has come and that nobody else is at, the longest due first. Those that cannot be read are
        passed over, however many: the others must not wait for them."""
        due = sa.select(CASE.c.id, CASE.c.document).where(CASE.c.due_at <= self._now).order_by(CASE.c.due_at)
        due = due.limit(limit).with_for_update(skip_locked=True)
        unreadable: set[str] = set()
        while rows := self.connection.execute(due.where(CASE.c.id.not_in(unreadable))).all():
            cases = {row.id: readable(row.document) for row in rows}
            if found := [case for case in cases.values() if case is not None]:
                return found
            unreadable |= cases.keys()
        return []

    def lock_open(self, home_ids: Iterable[str]) -> dict[str, Case]:
        """The open cases of these homes, by home. One that cannot be read is set aside, for people to look at: the
        home's next call must open a new one, and no other home may wait for it."""
        found: dict[str, Case] = {}
        for some in _parts(sorted(set(home_ids))):
            query = sa.select(CASE.c.id, CASE.c.home_id, CASE.c.document).where(CASE.c.open_home.in_(some))
            for row in self.connection.execute(query.order_by(CASE.c.id).with_for_update()).all():
                case = readable(row.document)
                if case is None:
                    self.connection.execute(sa.update(CASE).where(CASE.c.id == row.id).values(open_home=None))
                else:
                    found[row.home_id] = case
        return found

    def seen(self, alert_ids: Iterable[str]) -> set[tuple[str, str]]:
        """Which of these alerts are written down, with their status."""
        found: set[tuple[str, str]] = set()
        for some in _parts(sorted(set(alert_ids))):
            query = sa.select(ALERT_SEEN.c.alert_id, ALERT_SEEN.c.status).where(ALERT_SEEN.c.alert_id.in_(some))
            found.update((row.alert_id, row.status) for row in self.connection.execute(query))
        return found

    def note_alert(self, alert_id: str, status: str, case: Case | None) -> None:
        self._seen.append({"alert_id": alert_id, "status": status, "case_id": "" if case is None else case.id})

    def open(self, following: Next[Case, CaseAction]) -> Case:
        """A case that was not there before."""
        self._new[following.state.id] = following.state
        return self._note(following)

    def take(self, before: Case, following: Next[Case, CaseAction]) -> Case:
        """What followed for a case that is locked here."""
        case = following.state
        if case != before or following.actions:
            (self._new if case.id in self._new else self._changed)[case.id] = case
        return self._note(following)

    def _note(self, following: Next[Case, CaseAction]) -> Case:
        case = following.state
        self.lines += [(case, action) for action in following.actions if isinstance(action, Line)]
        self._tells += [(case, action) for action in following.actions if isinstance(action, Tell)]
        return case

    def write(self) -> tuple[What, ...]:
        """All of it; what was decided, for the metrics."""
        # First what was there: a case that was closed here makes room for the new one of its home.
        if self._changed:
            changed = [{"id_": case.id, **_changing(case, self._at)} for case in self._changed.values()]
            self.connection.execute(sa.update(CASE).where(CASE.c.id == sa.bindparam("id_")), changed)
        if self._new:
            self.connection.execute(sa.insert(CASE), [_row(case, self._at) for case in self._new.values()])
        write_lines(self.connection, self.lines, self._now)
        if self._tells:
            # The same step decided twice lands on the same rows.
            insert = (postgresql if self.connection.dialect.name == "postgresql" else sqlite).insert(DELIVERY)
            rows = [_delivery(case, tell, self._now) for case, tell in self._tells]
            self.connection.execute(insert.on_conflict_do_nothing(index_elements=[DELIVERY.c.id]), rows)
        if self._seen:
            self.connection.execute(sa.insert(ALERT_SEEN), self._seen)
        return tuple(line.what for _, line in self.lines)


def read(document: str) -> Case:
    """A case as it was written. Raises Unreadable."""
    try:
        return _CASE.validate_json(document)
    except ValidationError as error:
        raise Unreadable(f"a case cannot be read: {error.error_count()} problems") from error


def readable(document: str) -> Case | None:
    """None for a case that cannot be read: the auditor tells of it, and the others must not wait for it."""
    try:
        return read(document)
    except Unreadable:
        return None


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _row(case: Case, at: datetime) -> dict[str, Any]:
    fixed = {"id": case.id, "home_id": case.home_id, "opened_at": write_time(case.opened_at)}
    return {**fixed, **_changing(case, at)}


def _changing(case: Case, at: datetime) -> dict[str, Any]:
    return {
        "open_home": None if case.status is CaseStatus.CLOSED else case.home_id,
        "status": case.status.value,
        "severity": case.severity.value,
        "updated_at": write_time(at),
        "due_at": write_due(case.due_at),
        "document": _CASE.dump_json(case).decode(),
    }


def _delivery(case: Case, tell: Tell, now: str) -> dict[str, Any]:
    return {
        "id": tell.id,
        "case_id": case.id,
        "step": tell.step,
        "round": tell.round,
        "person_id": tell.person.person_id,
        "person": tell.person.name,
        "role": tell.person.role,
        "language": tell.person.language,
        "channel": tell.channel,
        "to": tell.to,
        "purpose": tell.purpose.value,
        "why": tell.why,
        "source_id": tell.source_id,
        "status": DeliveryStatus.QUEUED.value,
        "created_at": now,
        "due_at": now,
        "attempts": 0,
        "fence": 0,
        "caught": 0,
        "detail": "",
    }
