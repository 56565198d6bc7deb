"""The accounts of a city: what the homes said, what stands in Kafka, what the casebook holds, what people were told."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson

from carebell.log import Log
from carebell.topics import Topic
from devices.simulator.home import Press
from notifier.intake import GROUP
from notifier.schema_sql import write_time
from rules_engine.main import SCOPE
from tests.support.ledger import Ledger
from tests.support.receiver import Receiver

_POLL = 5000
# Operators are told of lost memory and the like by alerts of their own; nobody pressed for them.
_OURS = "operations"


@dataclass(frozen=True)
class Kept:
    """What the casebook holds, as rows of its tables."""

    cases: list[Mapping[str, Any]]
    signals: list[Mapping[str, Any]]
    steps: list[Mapping[str, Any]]
    deliveries: list[Mapping[str, Any]]


async def read_casebook(url: str) -> Kept:
    """Straight from PostgreSQL: the desk's pages would take minutes for thousands of cases."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):  # as it was at one moment
            cases = await connection.fetch("SELECT id, home_id, status, opened_at FROM care_case")
            lines = await connection.fetch(
                "SELECT case_id, home_id, what, source_id, data FROM case_line WHERE what IN ('signal', 'step')"
            )
            deliveries = await connection.fetch("SELECT * FROM delivery")
    finally:
        await connection.close()
    return Kept(
        cases=list(cases),
        signals=[line for line in lines if line["what"] == "signal"],
        steps=[line for line in lines if line["what"] == "step"],
        deliveries=list(deliveries),
    )


async def unsettled(log: Log, url: str, before: datetime) -> str:
    """What is still to come, in words: calls that nobody has judged, alerts that are on no case yet, a tier that is told
    before that moment, a delivery that waits to be sent."""
    for group, topic in ((SCOPE, Topic.URGENT), (GROUP, Topic.ALERTS)):
        try:
            since = await log.waiting_since(group, topic)
        except OSError as error:
            return str(error)
        if since is not None:
            return f"{topic} has waited for {group} since {since}"
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        # In this order: a tier that is told leaves deliveries.
        due = await connection.fetchval("SELECT count(*) FROM care_case WHERE due_at < $1", write_time(before))
        waiting = await connection.fetchval("SELECT count(*) FROM delivery WHERE status IN ('queued', 'sending')")
    finally:
        await connection.close()
    return f"{due} cases are due, {waiting} deliveries have not ended" if due or waiting else ""


async def read_topic(log: Log, topic: Topic, take: Callable[[dict[str, Any]], object]) -> list[Any]:
    """What `take` makes of every record of a topic."""
    reader = await log.reader(None, [topic.value])
    found: list[Any] = []
    try:
        ends = await reader.ends()
        left = {place for place, end in ends.items() if end > 0}
        while left:
            for record in await reader.poll(_POLL, timedelta(seconds=5)):
                found.append(take(orjson.loads(record.value)))
                if record.offset + 1 >= ends.get(record.place, 0):
                    left.discard(record.place)
    finally:
        await reader.close()
    return found


async def account(
    log: Log, kept: Kept, presses: Mapping[str, Press], facts: Mapping[str, Press], receiver: Receiver
) -> Ledger:
    """Every stage of the road, each against the one before."""
    ledger = Ledger()
    received = _received(presses)
    ledger.enter("device: press → received", presses, received)
    ledger.enter("device: telemetry → received", facts, _received(facts))
    await _account_log(ledger, log, received, _received(facts))
    signals = [line["source_id"] for line in kept.signals if line["home_id"] != _OURS and line["source_id"] in presses]
    ledger.enter("cases: press → line on a case", received, signals)
    _account_deliveries(ledger, kept, receiver)
    return ledger


def _received(said: Mapping[str, Press]) -> set[str]:
    return {press.id for press in said.values() if press.received.is_set()}


async def _account_log(ledger: Ledger, log: Log, presses: set[str], facts: set[str]) -> None:
    urgent = Counter(await read_topic(log, Topic.URGENT, lambda reading: reading["source_message_id"]))
    ledger.enter("log: press → reading (repeats folded)", presses, urgent.keys())
    telemetry = Counter(await read_topic(log, Topic.TELEMETRY, lambda reading: reading.get("source_message_id")))
    telemetry.pop(None, None)  # ticks
    ledger.enter("log: telemetry → reading (repeats folded)", facts, telemetry.keys())
    alerts = await read_topic(log, Topic.ALERTS, lambda alert: (alert["id"], alert["rule"], alert["source_ids"]))
    by_id = {alert_id: sources[0] for alert_id, rule, sources in alerts if rule == "sos"}
    ledger.enter("rules: press → alert (same id folded)", presses, by_id.values())
    ours = {alert_id for alert_id, rule, _ in alerts if rule == _OURS}
    again = len(alerts) - len({alert_id for alert_id, _, _ in alerts})
    ledger.notes.append(
        f"repeats in the log: {urgent.total() - len(urgent)} presses, {telemetry.total() - len(telemetry)} facts; "
        f"alerts appended again {again}; alerts to the operators {len(ours)}"
    )


def _account_deliveries(ledger: Ledger, kept: Kept, receiver: Receiver) -> None:
    homes = {case["id"]: case["home_id"] for case in kept.cases if case["home_id"] != _OURS}
    ours = [one for one in kept.deliveries if one["case_id"] in homes]
    slots = [(one["case_id"], one["round"], one["step"], one["person_id"], one["channel"]) for one in ours]
    ledger.enter("cases: case → its deliveries, one per slot", _expected_slots(kept, homes), slots)
    sent = {one["id"] for one in ours if one["status"] == "sent"}
    others = {one["id"] for one in kept.deliveries} - sent
    arrived = [key for key, _, _ in receiver.calls if key not in others]
    row = ledger.enter("webhook: sent → arrived, by idempotency key", sent, arrived)
    caught = {one["id"] for one in ours if one["caught"]}
    # An attempt that the far end did not answer in time is written down as failed and made again: it may have arrived.
    again = {one["id"] for one in ours if one["attempts"] - one["caught"] > 1}
    ledger.enter("webhook: arrived twice, and neither of these counted", (), set(row.doubled) - caught - again)
    ledger.notes.append(
        f"cases {len(homes)}, deliveries {len(ours)}: {_tally(one['status'] for one in ours)}; caught between sending "
        f"and recording {len(caught)}, of these arrived twice under one key {len(caught & set(row.doubled))}; made again "
        f"after a time-out {len(again)}, of these arrived twice {len((again - caught) & set(row.doubled))}"
    )


def _expected_slots(kept: Kept, homes: Mapping[str, str]) -> Iterable[tuple[Any, ...]]:
    for case_id in homes:
        yield (case_id, 1, "desk", "desk", "webhook")
        yield (case_id, 1, "family", "child", "webhook")
    for line in kept.steps:
        data = orjson.loads(line["data"])
        if line["case_id"] in homes and data["step"] == "provider":
            yield (line["case_id"], 1, "provider", "provider", "webhook")


def _tally(words: Iterable[str]) -> str:
    return ", ".join(f"{word} {count}" for word, count in sorted(Counter(words).items()))


def first_attempts(kept: Kept, presses: Mapping[str, Press], kind_at: Callable[[float], str]) -> dict[str, list[float]]:
    """Seconds from the press that opened a case to its first attempt, by what went on when it was pressed."""
    began: dict[str, float] = {}
    for line in kept.signals:
        press = presses.get(line["source_id"])
        if press is not None:
            at = press.at.timestamp()
            began[line["case_id"]] = min(at, began.get(line["case_id"], at))
    attempts: dict[str, float] = {}
    for one in kept.deliveries:
        if one["first_attempt_at"]:
            at = datetime.fromisoformat(one["first_attempt_at"]).timestamp()
            attempts[one["case_id"]] = min(at, attempts.get(one["case_id"], at))
    took: dict[str, list[float]] = defaultdict(list)
    for case_id, at in began.items():
        if case_id in attempts:
            took[kind_at(at)].append(attempts[case_id] - at)
    return took
