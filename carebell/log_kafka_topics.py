"""The topics of Kafka as they must be: made, checked, and set right where they differ. Nothing is ever made by being used."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from carebell.clock import Clock, pause
from carebell.log_kafka_client import RECORD_BYTES, REQUEST_MS, bounded

_ADMIN_S = 30.0
_AGAIN = timedelta(milliseconds=100)
# A record alone in its batch, with the frame of both.
_BATCH_BYTES = RECORD_BYTES + 64 * 1024
_FOR_EVER = "-1"
_ANY_TIME = str(2**63 - 1)
# Set on the topic itself, not by the broker's defaults.
_OWN = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPlan:
    """What a topic shall be. `keep` None stands for the newest record of each key, kept for ever."""

    name: str
    partitions: int
    replication: int
    keep: timedelta | None

    @property
    def in_sync(self) -> int:
        """How many replicas must have a record before it counts as appended: one may be away."""
        return 1 if self.replication == 1 else 2

    @property
    def settings(self) -> Mapping[str, str]:
        """In the words of Kafka. A clock that is wrong must not make it refuse a call for help."""
        return {
            "cleanup.policy": "compact" if self.keep is None else "delete",
            "retention.ms": _FOR_EVER if self.keep is None else str(self.keep // timedelta(milliseconds=1)),
            "min.insync.replicas": str(self.in_sync),
            "unclean.leader.election.enable": "false",
            "max.message.bytes": str(_BATCH_BYTES),
            "message.timestamp.type": "CreateTime",
            "message.timestamp.after.max.ms": _ANY_TIME,
            "message.timestamp.before.max.ms": _ANY_TIME,
        }


@asynccontextmanager
async def _admin(bootstrap: str, what: str) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="carebell-topics", request_timeout_ms=REQUEST_MS)
    async with bounded(what, _ADMIN_S):
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()


async def count_partitions(bootstrap: str, names: Collection[str]) -> dict[str, int]:
    """How many each of these topics has; those that are not there are left out. Raises OSError."""
    async with _admin(bootstrap, "which topics there are") as admin:
        found = await _found(admin)
    return {name: len(found[name]["partitions"]) for name in names if name in found}


async def set_up(bootstrap: str, plans: Sequence[TopicPlan], clock: Clock) -> list[str]:
    """Make what is missing and set what differs; a line for each thing done or left to a person. Raises OSError."""
    async with _admin(bootstrap, "setting up the topics") as admin:
        found = await _found(admin)
        missing = [plan for plan in plans if plan.name not in found]
        lines = await _make(admin, missing)
        while any(plan.name not in found for plan in plans):
            await pause(clock, _AGAIN)
            found = await _found(admin)
        for plan in [plan for plan in plans if plan not in missing]:
            differing = await _differing(admin, plan)
            if differing:
                await _alter(admin, plan)
            while await _differing(admin, plan):  # brokers hear of it one after the other
                await pause(clock, _AGAIN)
            lines += [f"{plan.name}: {name} set to {wanted}, was {was}" for name, wanted, was in differing]
            lines += _shape(plan, found[plan.name])
    return lines or ["all topics are as they should be"]


async def check(bootstrap: str, plans: Sequence[TopicPlan]) -> list[str]:
    """What is wrong, one sentence each; empty when nothing is. Raises OSError."""
    async with _admin(bootstrap, "checking the topics") as admin:
        found = await _found(admin)
        problems = []
        for plan in plans:
            if plan.name not in found:
                problems.append(f"{plan.name}: there is no such topic; run: carebell admin topics")
                continue
            problems += _shape(plan, found[plan.name]) + _state(plan, found[plan.name])
            problems += [
                f"{plan.name}: {name} is {was} and should be {wanted}; run: carebell admin topics"
                for name, wanted, was in await _differing(admin, plan)
            ]
    return problems


async def _found(admin: Any) -> dict[str, Mapping[str, Any]]:
    """All topics by name. Asked for all: a broker makes a topic that is asked for by name, if it is set to."""
    return {topic["topic"]: topic for topic in await admin.describe_topics() if not topic["error_code"]}


async def _make(admin: Any, plans: Sequence[TopicPlan]) -> list[str]:
    if not plans:
        return []
    wanted = [
        NewTopic(plan.name, plan.partitions, plan.replication, topic_configs=dict(plan.settings)) for plan in plans
    ]
    answer = await admin.create_topics(wanted)
    for topic, code, *told in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise KafkaError(f"{topic} could not be made: {error.__name__} {told[0] if told else ''}")
    return [f"{plan.name}: made, {plan.partitions} partitions, {plan.replication} replicas" for plan in plans]


async def _settings(admin: Any, plan: TopicPlan) -> dict[str, tuple[str, int]]:
    """Each setting of the topic and where it was set."""
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, plan.name)])
    [(code, told, _, _, entries)] = answer.resources
    if code:
        raise KafkaError(f"the settings of {plan.name} could not be read: {told}")
    return {name: (value, source) for name, value, _, source, *_ in entries}


async def _differing(admin: Any, plan: TopicPlan) -> list[tuple[str, str, str]]:
    """(setting, as it should be, as it is)."""
    have = await _settings(admin, plan)
    found = [(name, wanted, have.get(name, ("unknown", 0))[0]) for name, wanted in plan.settings.items()]
    return [(name, wanted, was) for name, wanted, was in found if was not in (wanted, "unknown")]


async def _alter(admin: Any, plan: TopicPlan) -> None:
    """All at once: what is not named would be set back, so what somebody else has set on the topic is named too."""
    kept = {name: value for name, (value, source) in (await _settings(admin, plan)).items() if source == _OWN}
    wanted = {**kept, **plan.settings}
    for answer in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, plan.name, configs=wanted)]):
        for code, told, *_ in answer.resources:
            if code:
                raise KafkaError(f"{plan.name} could not be set: {told}")


def _shape(plan: TopicPlan, topic: Mapping[str, Any]) -> list[str]:
    """What no command of ours changes."""
    problems = []
    parts = topic["partitions"]
    if len(parts) != plan.partitions:
        problems.append(
            f"{plan.name}: has {len(parts)} partitions, not {plan.partitions}; it keeps them, as a home would move to "
            "another partition and its order would be lost: set kafka.partitions to what is there"
        )
    copies = {len(part["replicas"]) for part in parts}
    if min(copies) < plan.replication:
        problems.append(
            f"{plan.name}: has {min(copies)} replicas, not {plan.replication}; "
            "kafka-reassign-partitions.sh of Kafka adds them"
        )
    return problems


def _state(plan: TopicPlan, topic: Mapping[str, Any]) -> list[str]:
    """What the brokers that are away leave behind."""
    headless = sorted(part["partition"] for part in topic["partitions"] if part["leader"] < 0)
    short = sorted(
        part["partition"] for part in topic["partitions"] if part["leader"] >= 0 and len(part["isr"]) < plan.in_sync
    )
    problems = []
    if headless:
        problems.append(f"{plan.name}: partitions {headless} have no leader; start the brokers that are away")
    if short:
        problems.append(
            f"{plan.name}: partitions {short} take no records, as fewer than {plan.in_sync} replicas are in sync; "
            "start the brokers that are away"
        )
    return problems
