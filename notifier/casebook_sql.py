"""The casebook on SQL: a case's state, due time, deliveries and lines change in one transaction, or not at all."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa

from carebell.bell import Bell
from carebell.engine_sql import Database, open_database
from carebell.errors import BadInput, CarebellError
from carebell.gathered import Gathered
from carebell.telemetry import Telemetry
from carebell.types import Alert, AlertStatus, Severity
from devices.confirm import Stage
from notifier import delivery_sql, view_sql
from notifier.case import open_case, open_trial, step
from notifier.case_value import Acted, Case, CaseStatus, Heard, Raised, Undelivered, What, Woken
from notifier.casebook import Claimed, DeliveryRow, DeliveryStatus, LineRow, Outcome, Overview, Page
from notifier.delivery_sql import Claim, Ended
from notifier.line_sql import TooManyLines, restored_problem
from notifier.person import Person
from notifier.policy import PolicyBook
from notifier.pre_alarm import as_taken_back
from notifier.schema_sql import CASE, METADATA, RELAY, write_time
from notifier.sheet_sql import Sheet

# What one transaction takes of outcomes; and how many lines it may decide on before it leaves the rest to the next.
_RECORDED_AT_ONCE = 64
_LINES_ENOUGH = 2000
Result = TypeVar("Result")


class SqlCasebook:
    """Build with `SqlCasebook.open(url, …)`. `bell` rings after each change."""

    def __init__(self, database: Database, policies: PolicyBook, bell: Bell, telemetry: Telemetry) -> None:
        self._database = database
        self._policies = policies
        self._bell = bell
        self._telemetry = telemetry
        self._recording = Gathered(self._record_all, _RECORDED_AT_ONCE)

    @classmethod
    async def open(cls, url: str, policies: PolicyBook, bell: Bell, telemetry: Telemetry) -> "SqlCasebook":
        database = await open_database(url, METADATA)
        try:
            if problem := await database.read(restored_problem):
                raise BadInput(problem)
        except CarebellError:
            await database.close()
            raise
        return cls(database, policies, bell, telemetry)

    async def raise_alert(
        self, alert: Alert, people: tuple[Person, ...], at: datetime, *, label: str, address: str
    ) -> Case | None:
        cases = await self.raise_alerts([Raised(alert, people, label, address)], at)
        return cases[0]

    async def raise_alerts(self, raised: Sequence[Raised], at: datetime) -> Sequence[Case | None]:
        raised = as_taken_back(raised, at)
        try:
            return await self._decide(at, lambda sheet: self._raise_all(sheet, raised, at))
        except TooManyLines:
            if len(raised) == 1:
                raise
        half = len(raised) // 2
        return [*await self.raise_alerts(raised[:half], at), *await self.raise_alerts(raised[half:], at)]

    def _raise_all(self, sheet: Sheet, raised: Sequence[Raised], at: datetime) -> Sequence[Case | None]:
        seen = sheet.seen(one.alert.id for one in raised)
        open_cases = sheet.lock_open(one.alert.home_id for one in raised)
        cases: list[Case | None] = []
        for one in raised:
            alert = one.alert
            fact = (alert.id, _what_is_said(alert))
            if fact in seen:
                cases.append(None)
                continue
            seen.add(fact)
            case = self._trial(sheet, one, at) if _is_trial(alert) else self._join(sheet, open_cases, one, at)
            sheet.note_alert(*fact, case)
            cases.append(case)
        return cases

    def _join(self, sheet: Sheet, open_cases: dict[str, Case], raised: Raised, at: datetime) -> Case | None:
        alert = raised.alert
        case = open_cases.pop(alert.home_id, None)
        if case is not None:
            case = sheet.take(case, step(case, raised, at, self._policies))
        elif alert.status is AlertStatus.OPENED:
            policy = self._policies.for_alert(alert.rule, alert.severity)
            case = sheet.open(
                open_case(
                    alert,
                    policy,
                    raised.people,
                    at,
                    label=raised.label,
                    address=raised.address,
                    home=raised.home,
                )
            )
        # What is over in a home without an open case needs nobody.
        if case is not None and case.status is not CaseStatus.CLOSED:
            open_cases[alert.home_id] = case
        return case

    def _trial(self, sheet: Sheet, raised: Raised, at: datetime) -> Case | None:
        """Beside whatever case is open: a test neither joins nor ends a call."""
        alert = raised.alert
        if alert.status is AlertStatus.RESOLVED:
            return None
        return sheet.open(open_trial(raised, self._policies.for_alert(alert.rule, alert.severity), at))

    async def act(self, case_id: str, acted: Acted, at: datetime) -> Case | None:
        def act(sheet: Sheet) -> Case | None:
            case = sheet.lock_one(case_id)
            return None if case is None else sheet.take(case, step(case, acted, at, self._policies))

        return await self._decide(at, act)

    async def heard(self, heard: Heard, at: datetime) -> bool:
        def hear(sheet: Sheet) -> bool:
            case_id = delivery_sql.case_of(sheet.connection, heard.delivery_id)
            cases = sheet.lock([] if case_id is None else [case_id])
            for case in cases.values():
                sheet.take(case, step(case, heard, at, self._policies))
            return bool(cases)

        return await self._decide(at, hear, is_quiet=True)

    async def wake(self, at: datetime, limit: int, *, listening_since: datetime | None = None) -> int:
        due = sa.select(CASE.c.id).where(CASE.c.due_at <= write_time(at)).limit(1)
        if await self._database.read(lambda connection: connection.scalar(due)) is None:
            return 0
        return await self._decide(at, lambda sheet: self._wake(sheet, at, limit, Woken(listening_since)), is_quiet=True)

    def _wake(self, sheet: Sheet, at: datetime, limit: int, woken: Woken) -> int:
        stepped = 0
        for case in sheet.lock_due(limit):
            sheet.take(case, step(case, woken, at, self._policies))
            stepped += 1
            if len(sheet.lines) > _LINES_ENOUGH:
                break
        return stepped

    async def signalled(self, since: datetime, limit: int) -> Sequence[Case]:
        return await self._database.read(lambda connection: view_sql.signalled(connection, since, limit))

    async def _decide(self, at: datetime, work: Callable[[Sheet], Result], *, is_quiet: bool = False) -> Result:
        """Work on a sheet in one transaction. Only what is committed is counted and told."""

        def transaction(connection: sa.Connection) -> tuple[Result, tuple[What, ...]]:
            sheet = Sheet(connection, at)
            result = work(sheet)
            return result, sheet.write()

        result, decided = await self._database.write(transaction)
        for what in decided:
            if what is not What.DELIVERY:
                self._telemetry.decisions.labels(what).inc()
        if decided or not is_quiet:
            self._bell.ring()
        return result

    async def claim(
        self,
        at: datetime,
        *,
        owner: str,
        lease: timedelta,
        limit: int,
        busy: Sequence[str] = (),
        taking_over: bool = True,
    ) -> Sequence[Claimed]:
        asked = Claim(owner=owner, lease=lease, limit=limit, busy=busy, taking_over=taking_over)
        return await self._database.write(lambda connection: delivery_sql.claim(connection, asked, at))

    async def extend(self, claims: Sequence[Claimed], until: datetime) -> frozenset[str]:
        return await self._database.write(lambda connection: delivery_sql.extend(connection, claims, until))

    async def record(self, claimed: Claimed, outcome: Outcome, at: datetime) -> bool:
        return await self._recording.one(Ended(claimed, outcome, at))

    async def _record_all(self, ended: Sequence[Ended]) -> Sequence[bool]:
        at = max(one.at for one in ended)
        return await self._decide(at, lambda sheet: self._record(sheet, ended, at))

    def _record(self, sheet: Sheet, ended: Sequence[Ended], at: datetime) -> Sequence[bool]:
        held = delivery_sql.held_of(sheet.connection, [one.claimed for one in ended])
        cases = sheet.lock(one.claimed.case.id for one in ended)
        ours: list[Ended] = []
        answers: list[bool] = []
        for one in ended:
            key = (one.claimed.delivery.id, one.claimed.fence)
            answers.append(key in held)
            if key in held:
                held.remove(key)
                ours.append(one)
                self._follow(sheet, cases, one, at)
        delivery_sql.record(sheet.connection, ours)
        return answers

    def _follow(self, sheet: Sheet, cases: dict[str, Case], one: Ended, at: datetime) -> None:
        """What an attempt's end does to its case; one that cannot be read gets no line."""
        case = cases.get(one.claimed.case.id)
        if case is None:
            return
        sheet.lines.append((case, delivery_sql.line_of(one.claimed, one.outcome)))
        following: Heard | Undelivered | None = None
        delivery_id = one.claimed.delivery.id
        if one.outcome.status is DeliveryStatus.FAILED:
            following = Undelivered(delivery_id)
        elif delivery_sql.is_to_home(one.claimed, one.outcome):
            following = Heard(delivery_id, Stage.ACCEPTED)
        if following is not None:
            cases[case.id] = sheet.take(case, step(case, following, at, self._policies))

    async def release(self, owner: str) -> int:
        return await self._database.write(lambda connection: delivery_sql.release(connection, owner))

    async def next_due(self) -> datetime | None:
        return await self._database.read(view_sql.next_due)

    async def overview(self, at: datetime, late_after: timedelta) -> Overview:
        return await self._database.read(lambda connection: view_sql.overview(connection, at, late_after))

    async def case(self, case_id: str) -> tuple[Case, datetime] | None:
        return await self._database.read(lambda connection: view_sql.one(connection, case_id))

    async def cases(
        self, statuses: Sequence[str], limit: int, cursor: str | None, *, home_id: str = "", outcome: str = ""
    ) -> Page:
        wanted = view_sql.Wanted(statuses, home_id, outcome)
        return await self._database.read(lambda connection: view_sql.page(connection, wanted, limit, cursor))

    async def lines(self, *, after: int, limit: int, case_id: str | None = None) -> Sequence[LineRow]:
        return await self._database.read(
            lambda connection: view_sql.lines(connection, after=after, limit=limit, case_id=case_id)
        )

    async def last_line(self) -> int:
        return await self._database.read(view_sql.last_line)

    async def lines_behind(self, after: int, at_most: int) -> int:
        return await self._database.read(lambda connection: view_sql.lines_behind(connection, after, at_most))

    async def deliveries(self, case_id: str) -> Sequence[DeliveryRow]:
        return await self._database.read(lambda connection: view_sql.deliveries(connection, case_id))

    async def relayed(self, name: str) -> int:
        mark = sa.select(RELAY.c.line_id).where(RELAY.c.name == name)
        return (await self._database.read(lambda connection: connection.scalar(mark))) or 0

    async def relay_to(self, name: str, line_id: int) -> None:
        await self._database.write(lambda connection: _relay_to(connection, name, line_id))

    async def close(self) -> None:
        await self._recording.close()
        await self._database.close()


def _is_trial(alert: Alert) -> bool:
    """A press made to try a button. Whatever is more severe than that is taken for a call, test or not."""
    return alert.is_test and alert.severity is Severity.INFO


def _what_is_said(alert: Alert) -> str:
    """Each is written down once. A suspicion may become a certainty under its own id."""
    is_suspected = alert.status is AlertStatus.OPENED and alert.pre_alarm
    return "suspected" if is_suspected else alert.status.value


def _relay_to(connection: sa.Connection, name: str, line_id: int) -> None:
    mark = sa.select(RELAY.c.line_id).where(RELAY.c.name == name).with_for_update()
    before = connection.scalar(mark)
    if before is None:
        connection.execute(sa.insert(RELAY).values(name=name, line_id=line_id))
    elif before < line_id:
        connection.execute(sa.update(RELAY).where(RELAY.c.name == name).values(line_id=line_id))
