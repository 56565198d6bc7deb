"""The casebook on SQL: a case's state, due time, deliveries and lines change in one transaction, or not at all."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.dialects import postgresql, sqlite

from carebell.bell import Bell
from carebell.engine_sql import Database, open_database
from carebell.step import Next
from carebell.telemetry import Telemetry
from carebell.types import Alert, AlertStatus
from carebell.wire import Unreadable
from notifier import delivery_sql, view_sql
from notifier.case import open_case, step
from notifier.case_value import Acted, Case, CaseAction, CaseEvent, CaseStatus, Line, Raised, Tell, Undelivered, Woken
from notifier.casebook import Claimed, DeliveryRow, DeliveryStatus, LineRow, Outcome, Overview, Page
from notifier.person import Person
from notifier.policy import PolicyBook
from notifier.schema_sql import ALERT_SEEN, CASE, DELIVERY, LINE, METADATA, RELAY, write_due, write_time

_CASE: TypeAdapter[Case] = TypeAdapter(Case)


class SqlCasebook:
    """Build with `SqlCasebook.open(url, …)`. `bell` rings after each change."""

    def __init__(self, database: Database, policies: PolicyBook, bell: Bell, telemetry: Telemetry) -> None:
        self._database = database
        self._policies = policies
        self._bell = bell
        self._telemetry = telemetry

    @classmethod
    async def open(cls, url: str, policies: PolicyBook, bell: Bell, telemetry: Telemetry) -> "SqlCasebook":
        return cls(await open_database(url, METADATA), policies, bell, telemetry)

    async def raise_alert(
        self, alert: Alert, people: tuple[Person, ...], at: datetime, *, label: str, address: str
    ) -> Case | None:
        cases = await self.raise_alerts([Raised(alert, people, label, address)], at)
        return cases[0]

    async def raise_alerts(self, raised: Sequence[Raised], at: datetime) -> Sequence[Case | None]:
        cases = await self._database.write(lambda connection: [self._raise(connection, one, at) for one in raised])
        self._bell.ring()
        return cases

    def _raise(self, connection: sa.Connection, raised: Raised, at: datetime) -> Case | None:
        alert = raised.alert
        seen = sa.select(ALERT_SEEN.c.case_id).where(
            ALERT_SEEN.c.alert_id == alert.id, ALERT_SEEN.c.status == alert.status.value
        )
        if connection.scalar(seen) is not None:
            return None
        case = self._join(connection, _open_case_of(connection, alert.home_id), raised, at)
        connection.execute(
            sa.insert(ALERT_SEEN).values(
                alert_id=alert.id, status=alert.status.value, case_id="" if case is None else case.id
            )
        )
        return case

    def _join(self, connection: sa.Connection, case: Case | None, raised: Raised, at: datetime) -> Case | None:
        if case is not None:
            return self._apply(connection, case, step(case, raised, at, self._policies), at)
        alert = raised.alert
        if alert.status is AlertStatus.RESOLVED:
            # What is over in a home without an open case needs nobody.
            return None
        policy = self._policies.for_severity(alert.severity)
        following = open_case(alert, policy, raised.people, at, label=raised.label, address=raised.address)
        connection.execute(sa.insert(CASE).values(_row(following.state, at)))
        self._write(connection, following, at)
        return following.state

    async def act(self, case_id: str, acted: Acted, at: datetime) -> Case | None:
        case = await self._database.write(lambda connection: self._step_one(connection, case_id, acted, at))
        self._bell.ring()
        return case

    def _step_one(self, connection: sa.Connection, case_id: str, event: CaseEvent, at: datetime) -> Case | None:
        case = _locked(connection, case_id)
        if case is None:
            return None
        return self._apply(connection, case, step(case, event, at, self._policies), at)

    async def wake(self, at: datetime, limit: int) -> int:
        due = sa.select(CASE.c.id).where(CASE.c.due_at <= write_time(at)).order_by(CASE.c.due_at).limit(limit)
        ids = await self._database.read(lambda connection: connection.scalars(due).all())
        # Asked for together, they are written together.
        stepped = sum(await asyncio.gather(*(self._wake_one(case_id, at) for case_id in ids)))
        if stepped:
            self._bell.ring()
        return stepped

    async def _wake_one(self, case_id: str, at: datetime) -> int:
        try:
            await self._database.write(lambda connection: self._step_one(connection, case_id, Woken(), at))
        except Unreadable:
            # The auditor tells of it as overdue; the other cases must not wait for it.
            return 0
        return 1

    def _apply(self, connection: sa.Connection, before: Case, following: Next[Case, CaseAction], at: datetime) -> Case:
        if following.state != before or following.actions:
            row = _row(following.state, at)
            connection.execute(sa.update(CASE).where(CASE.c.id == before.id).values(row))
            self._write(connection, following, at)
        return following.state

    def _write(self, connection: sa.Connection, following: Next[Case, CaseAction], at: datetime) -> None:
        case = following.state
        lines = [action for action in following.actions if isinstance(action, Line)]
        tells = [action for action in following.actions if isinstance(action, Tell)]
        write_lines(connection, case, lines, at)
        for line in lines:
            self._telemetry.decisions.labels(line.what).inc()
        _insert_once(connection, case, tells, at)

    async def claim(
        self, at: datetime, *, owner: str, lease: timedelta, limit: int, busy: Sequence[str] = ()
    ) -> Sequence[Claimed]:
        return await self._database.write(
            lambda connection: delivery_sql.claim(
                connection, at, owner=owner, lease=lease, limit=limit, busy=busy, read=_read
            )
        )

    async def extend(self, claimed: Claimed, until: datetime) -> bool:
        return await self._database.write(lambda connection: delivery_sql.extend(connection, claimed, until))

    async def record(self, claimed: Claimed, outcome: Outcome, at: datetime) -> bool:
        is_ours = await self._database.write(lambda connection: self._record(connection, claimed, outcome, at))
        self._bell.ring()
        return is_ours

    def _record(self, connection: sa.Connection, claimed: Claimed, outcome: Outcome, at: datetime) -> bool:
        if not delivery_sql.record(connection, claimed, outcome, at):
            return False
        case = _locked(connection, claimed.case.id)
        assert case is not None  # noqa: S101
        write_lines(connection, case, [delivery_sql.line_of(claimed, outcome)], at)
        if outcome.status is DeliveryStatus.FAILED:
            undelivered = step(case, Undelivered(claimed.delivery.id), at, self._policies)
            self._apply(connection, case, undelivered, at)
        return True

    async def release(self, owner: str) -> int:
        return await self._database.write(lambda connection: delivery_sql.release(connection, owner))

    async def next_due(self) -> datetime | None:
        return await self._database.read(view_sql.next_due)

    async def overview(self, at: datetime, late_after: timedelta) -> Overview:
        return await self._database.read(lambda connection: view_sql.overview(connection, at, late_after))

    async def case(self, case_id: str) -> tuple[Case, datetime] | None:
        return await self._database.read(lambda connection: view_sql.one(connection, case_id, _read))

    async def cases(self, statuses: Sequence[str], limit: int, cursor: str | None) -> Page:
        return await self._database.read(lambda connection: view_sql.page(connection, statuses, limit, cursor, _read))

    async def lines(self, *, after: int, limit: int, case_id: str | None = None) -> Sequence[LineRow]:
        return await self._database.read(
            lambda connection: view_sql.lines(connection, after=after, limit=limit, case_id=case_id)
        )

    async def last_line(self) -> int:
        newest = sa.select(sa.func.max(LINE.c.id))
        return (await self._database.read(lambda connection: connection.scalar(newest))) or 0

    async def deliveries(self, case_id: str) -> Sequence[DeliveryRow]:
        return await self._database.read(lambda connection: view_sql.deliveries(connection, case_id))

    async def relayed(self, name: str) -> int:
        mark = sa.select(RELAY.c.line_id).where(RELAY.c.name == name)
        return (await self._database.read(lambda connection: connection.scalar(mark))) or 0

    async def relay_to(self, name: str, line_id: int) -> None:
        await self._database.write(lambda connection: _relay_to(connection, name, line_id))

    async def close(self) -> None:
        await self._database.close()


def _relay_to(connection: sa.Connection, name: str, line_id: int) -> None:
    changed = connection.execute(sa.update(RELAY).where(RELAY.c.name == name).values(line_id=line_id))
    if changed.rowcount == 0:
        connection.execute(sa.insert(RELAY).values(name=name, line_id=line_id))


def write_lines(connection: sa.Connection, case: Case, lines: Sequence[Line], at: datetime) -> None:
    """Lines of the time line, in their order."""
    if not lines:
        return
    rows = [
        {
            "case_id": case.id,
            "home_id": case.home_id,
            "at": write_time(at),
            "what": line.what.value,
            "by": line.by,
            "why": line.why,
            "source_id": line.source_id,
            "status": case.status.value,
            "severity": case.severity.value,
            "data": line.data,
        }
        for line in lines
    ]
    connection.execute(sa.insert(LINE), rows)


def _insert_once(connection: sa.Connection, case: Case, tells: Sequence[Tell], at: datetime) -> None:
    """Deliveries to make; the same step decided twice lands on the same rows."""
    if not tells:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(DELIVERY)
    rows = [_delivery(case, tell, write_time(at)) for tell in tells]
    connection.execute(insert.on_conflict_do_nothing(index_elements=[DELIVERY.c.id]), rows)


def _delivery(case: Case, tell: Tell, now: str) -> dict[str, str | int]:
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


def _row(case: Case, at: datetime) -> dict[str, str | None]:
    return {
        "id": case.id,
        "home_id": case.home_id,
        "open_home": None if case.status is CaseStatus.CLOSED else case.home_id,
        "status": case.status.value,
        "severity": case.severity.value,
        "opened_at": write_time(case.opened_at),
        "updated_at": write_time(at),
        "due_at": write_due(case.due_at),
        "document": _CASE.dump_json(case).decode(),
    }


def _read(document: str) -> Case:
    try:
        return _CASE.validate_json(document)
    except ValidationError as error:
        raise Unreadable(f"a case cannot be read: {error.error_count()} problems") from error


def _locked(connection: sa.Connection, case_id: str) -> Case | None:
    document = connection.scalar(sa.select(CASE.c.document).where(CASE.c.id == case_id).with_for_update())
    return None if document is None else _read(document)


def _open_case_of(connection: sa.Connection, home_id: str) -> Case | None:
    """The open case of a home. One that cannot be read is set aside, for people to look at: the home's next call must
    open a new one, and no other home may wait for it."""
    query = sa.select(CASE.c.document).where(CASE.c.open_home == home_id).with_for_update()
    document = connection.scalar(query)
    if document is None:
        return None
    try:
        return _read(document)
    except Unreadable:
        connection.execute(sa.update(CASE).where(CASE.c.open_home == home_id).values(open_home=None))
        return None
