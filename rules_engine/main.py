"""The room built from its ports: a worker over the lanes and the homes, whose judge is the home step."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from carebell.errors import CarebellError
from carebell.ids import computed
from carebell.instruments import Instruments
from carebell.judge import Heard
from carebell.log import Entry, Log, Record
from carebell.step import Next
from carebell.store import Store
from carebell.topics import Topic
from carebell.types import HomeProfile, Reading, Rejected, Tick
from carebell.wire import Unreadable, decode, encode, headers
from carebell.worker import Turn, Worker
from rules_engine.home import HomeAction, HomeState, HomeStep, decode_state, encode_state
from rules_engine.operations import Failure, memory_lost
from rules_engine.rule import RuleEvent
from rules_engine.rulebook import Rulebook
from rules_engine.ruleset import every_rule

SCOPE = "rules"
SOURCE = "carebell/rules"
# The name under which it is told that what the rules remember is saved late.
MEMORY = "the rules' memory"
# Read in this order: calls for help, then what is known of the homes, then everything else.
TOPICS = (Topic.URGENT, Topic.HOMES, Topic.TELEMETRY)


class HomeJudge:
    """Understands records of the three topics and turns what the home step decides into entries and metrics."""

    def __init__(self, rulebook: Rulebook, instruments: Instruments) -> None:
        self._step = HomeStep(rulebook, every_rule())
        self._telemetry = instruments.telemetry
        self._logger = instruments.logger

    def hear(self, record: Record) -> Heard[RuleEvent] | Entry:
        try:
            event = decode(record.value)
        except Unreadable as error:
            return self._unreadable(record, str(error))
        if isinstance(event, Tick):
            return Heard(event, event.at, None)
        if isinstance(event, Reading):
            return Heard(event, event.received_at, event.home_id)
        if isinstance(event, HomeProfile):
            return Heard(event, record.appended_at, event.home_id)
        return self._unreadable(record, f"{event.type} does not belong here")

    def _unreadable(self, record: Record, detail: str) -> Entry:
        self._telemetry.rejected.labels("unreadable_record").inc()
        where = f"{record.topic}/{record.partition}/{record.offset}"
        self._logger.error("unreadable record", record=where, detail=detail)
        rejected = Rejected(
            id=computed("rejected", where),
            topic=where,
            reason="unreadable_record",
            detail=detail[:1000],
            payload=record.value[:2048].decode("utf-8", "backslashreplace"),
            received_at=record.appended_at,
        )
        about = headers(rejected, id=rejected.id, source=SOURCE, at=record.appended_at)
        return Entry(topic=Topic.REJECTED, key=record.key, value=encode(rejected), headers=about)

    def start(self, key: str) -> HomeState:
        return self._step.start(key)

    def step(self, state: HomeState, event: RuleEvent, now: datetime) -> Next[HomeState, HomeAction]:
        return self._step(state, event, now)

    def encode(self, state: HomeState) -> bytes:
        return encode_state(state)

    def decode(self, key: str, data: bytes) -> HomeState:
        return decode_state(data)

    def lost(self, key: str, detail: str, now: datetime) -> Sequence[Entry]:
        self._logger.error("what was remembered is lost", home_id=key, detail=detail)
        self._telemetry.rule_failed.labels("memory").inc()
        return [self.entry(memory_lost(key, detail, now), now)]

    def entry(self, action: HomeAction, now: datetime) -> Entry:
        if isinstance(action, Failure):
            self._telemetry.rule_failed.labels(action.rule).inc()
            self._logger.error("rule failed", rule=action.rule, error=action.error, home_id=action.alert.home_id)
            action = action.alert
        took = now - action.caused_at
        self._telemetry.alert_raised(action, took)
        self._logger.info(
            "alert",
            alert_id=action.id,
            rule=action.rule,
            status=action.status,
            home_id=action.home_id,
            cause_ids=list(action.evidence),
            took_ms=round(took / timedelta(milliseconds=1)),
        )
        about = headers(action, id=action.id, source=SOURCE, at=action.at)
        return Entry(topic=Topic.ALERTS, key=action.home_id, value=encode(action), headers=about)


class RulesWatch:
    """Tells metrics, log lines and health how the work goes."""

    def __init__(self, instruments: Instruments) -> None:
        self._telemetry = instruments.telemetry
        self._logger = instruments.logger
        self._progress = instruments.progress

    def turned(self, turn: Turn) -> None:
        self._telemetry.oldest_unprocessed.labels(SCOPE).set(max(0.0, turn.age.total_seconds()))
        self._telemetry.oldest_urgent.set(max(0.0, turn.urgent_age.total_seconds()))
        self._telemetry.unsaved.set(turn.unsaved_for.total_seconds())
        self._progress.behind(MEMORY, turn.unsaved_for.total_seconds())
        self._progress.turned(SCOPE)

    def store_failed(self, error: CarebellError) -> None:
        self._logger.warning("what the rules remember is not saved; calls are judged on", error=repr(error))

    def log_failed(self, error: OSError) -> None:
        # They move: a process that ends itself would find the same log, and forget what it holds in memory.
        self._progress.turned(SCOPE)
        self._logger.error("the rules cannot read or write the log; tried again", error=repr(error))


async def run_rules(
    *,
    log: Log,
    store: Store,
    rulebook: Rulebook,
    instruments: Instruments,
    stop: asyncio.Event,
) -> None:
    """Run until told to stop."""
    worker = Worker(
        scope=SCOPE,
        topics=[topic.value for topic in TOPICS],
        log=log,
        store=store,
        judge=HomeJudge(rulebook, instruments),
        clock=instruments.clock,
        watch=RulesWatch(instruments),
    )
    await worker.run(stop)
