"""The channels of a configuration, and the beat to the outside."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import httpx2

from carebell.clock import Clock
from carebell.errors import BadInput
from carebell.instruments import Instruments
from carebell.logs import Logger
from carebell.mqtt import MqttAddress, MqttConnection, Terms
from carebell.types import Severity
from deploy.config import ChannelsPart, Common
from devices.confirm_routes import ROUTE_FILTERS
from devices.registry import Role
from notifier.answers import Answers
from notifier.channel import Channel
from notifier.channels.console import ConsoleChannel
from notifier.channels.email import EmailChannel, Mailbox
from notifier.channels.home import HomeChannel
from notifier.channels.webhook import WebhookChannel
from notifier.person import circle
from notifier.policy import PolicyBook

_TO_HOME_WITHIN = timedelta(seconds=5)
_BEAT_WITHIN_S = 4.0


@dataclass(frozen=True, slots=True)
class WayHome:
    """The connection by which homes are told, and what is heard on it."""

    connection: MqttConnection
    answers: Answers


def way_home(
    address: MqttAddress,
    client_id: str,
    instruments: Instruments,
    *,
    terms: Terms | None = None,
    filters: Sequence[str] = ROUTE_FILTERS,
) -> WayHome:
    """Not connected before its `connection` runs. `filters`: by what it learns the ways to devices."""
    answers = Answers()
    connection = MqttConnection(
        address=address,
        client_id=client_id,
        clock=instruments.clock,
        subscriptions=filters,
        on_arrival=answers.arrived,
        on_change=instruments.telemetry.mqtt_connected.labels("notifier").set,
        terms=terms,
    )
    answers.attach(connection)
    return WayHome(connection, answers)


def make_channels(part: ChannelsPart, home: WayHome, clock: Clock) -> dict[str, Channel]:
    """By name; the way back to the homes is always there."""

    async def publish(topic: str, payload: bytes) -> None:
        await home.connection.publish_acknowledged(topic, payload, within=_TO_HOME_WITHIN)

    channels: list[Channel] = [HomeChannel(publish, home.answers)]
    if part.console:
        channels.append(ConsoleChannel(sys.stdout))
    if part.webhook is not None:
        secret = part.webhook.secret.get_secret_value()
        channels.append(WebhookChannel(secret=secret, timeout=part.webhook.timeout, clock=clock))
    if part.email is not None:
        mail = part.email
        mailbox = Mailbox(
            host=mail.host,
            port=mail.port,
            sender=mail.sender,
            username=mail.username,
            password=None if mail.password is None else mail.password.get_secret_value(),
            tls=mail.tls,
        )
        channels.append(EmailChannel(mailbox=mailbox, timeout=mail.timeout, clock=clock))
    return {channel.name: channel for channel in channels}


def check_channels(policies: PolicyBook, part: ChannelsPart) -> None:
    """A step that names a channel which is not set up would tell nobody. Raises BadInput."""
    there = {name for name in ("console", "webhook", "email") if getattr(part, name)}
    wrong = [
        f"policy {policy.name}, step {step.name}: channel {channel} is not set up under channels"
        for policy in policies.every()
        for step in policy.steps
        for channel in step.channels
        if channel not in there
    ]
    if wrong:
        raise BadInput(wrong)


def nobody_to_tell(config: Common, policies: PolicyBook) -> list[str]:
    """What a box should not be run with: tiers without anybody on duty, people that no channel reaches, dead links."""
    warnings = []
    if config.desk.url is None and config.desk.listen in ("0.0.0.0", "::"):  # noqa: S104
        warnings.append("desk.url is not set: the links in messages lead nowhere")
    channels = [name for name in ("console", "webhook", "email") if getattr(config.channels, name)]
    if not channels:
        return [*warnings, "no channel is set up: only the desk page shows calls; see docs/configuration.md"]
    people = [circle(None, [responder.person()], channels)[0] for responder in config.responders]
    lost = [person.person_id for person in people if not person.reach]
    warnings += [f"responder {person_id} has no address on a channel that is set up" for person_id in lost]
    there = {person.role for person in people} | {Role.FAMILY.value, Role.NEIGHBOUR.value}
    policy = policies.for_severity(Severity.CRITICAL)
    empty = [step.name for step in policy.steps if not there.intersection(step.roles)]
    return warnings + [
        f"policy {policy.name}: nobody is set up for the step {name}; it will be passed over" for name in empty
    ]


def make_beat(url: str | None, logger: Logger) -> Callable[[], Awaitable[None]] | None:
    """A GET to somebody outside after each audit that found everything in order; when it stops, they must look."""
    if url is None:
        return None

    async def beat() -> None:
        try:
            async with asyncio.timeout(_BEAT_WITHIN_S), httpx2.AsyncClient(timeout=_BEAT_WITHIN_S) as client:
                answer = await client.get(url)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, ExceptionGroup) as error:
            logger.warning("the beat was not heard", error=type(error).__name__)
            return
        if not answer.is_success:
            logger.warning("the beat was refused", status=answer.status_code)

    return beat
