"""What each kind of process of the city opens, and the loops that it runs. Those of a box stand in deploy/box.py."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from carebell.bell import Bell
from carebell.duty import Duties, OnDuty
from carebell.duty_sql import SqlDuties
from carebell.errors import BadInput
from carebell.log import Log
from carebell.log_kafka import KafkaLog
from carebell.log_kafka_probe import KafkaProbe
from carebell.mqtt import Terms
from carebell.probe_redis import RedisProbe
from carebell.probe_sql import SqlProbe
from carebell.store_redis import RedisStore
from carebell.topics import Topic
from deploy.access import Access, DynsecGate
from deploy.care import measure_pulse
from deploy.channels import check_channels, way_home
from deploy.checks import alive_of_seat, ready_of_ingest, ready_of_notifier
from deploy.city import CLOSE_WITHIN_S, Process, Role
from deploy.config import policies_of, products_of, rulebook_of
from deploy.dynsec import open_dynsec
from deploy.homes_feed import publish_homes
from deploy.lag import HEARING, LAG, watch_hearing, watch_lag
from deploy.late_log import LateLog
from deploy.revocations import REVOCATIONS, finish_revocations
from deploy.rulebook_in_force import tell_rulebook
from deploy.supervise import Loop
from deploy.watch import Look
from deploy.wiring import Books, Facade, Sender, wire_desk, wire_notifier
from devices.credentials_sql import SqlCredentials
from devices.registry_sql import SqlRegistry
from ingest.main import IngestView, run_ingest
from ingest.seat import city_seat
from notifier.casebook_sql import SqlCasebook
from notifier.desk.auth import Tokens
from notifier.desk.health import starting_app
from notifier.desk.last_words import LastWords
from notifier.desk.mqtt_hooks import Doorkeeper
from notifier.desk.page_facts import Page
from rules_engine.main import run_rules

# A connection that only sends leaves nothing with the broker that is worth keeping for longer.
_SENDING_SESSION = timedelta(minutes=5)
# So long a notifier or a desk that starts waits for Kafka, before it begins with what it can do without.
_LOG_WITHIN_S = 5.0


def _watched(process: Process, server: str, look: Look) -> None:
    """Asked every few seconds from now on, and told of in /readyz."""
    process.watch.add(server, look)
    process.ready[server] = lambda: process.watch.problem(server)


async def _log(process: Process) -> KafkaLog:
    kafka = process.config.kafka
    topics = [f"{kafka.namespace}{topic}" for topic in Topic]
    probe = KafkaProbe(kafka.servers, topics, f"{process.name}-watch")
    process.closing.push_async_callback(probe.close)
    _watched(process, "kafka", probe.look)
    clock = process.instruments.clock
    return await process.open(
        "kafka", lambda: KafkaLog.open(kafka.servers, clock, namespace=kafka.namespace, client_id=process.name)
    )


async def _store(process: Process) -> RedisStore:
    part = process.config.redis
    url = part.url.get_secret_value()
    probe = RedisProbe(url)
    process.closing.push_async_callback(probe.close)
    _watched(process, "redis", probe.look)
    return await process.open("redis", lambda: RedisStore.open(url, namespace=part.namespace))


async def _late_log(process: Process) -> Log:
    """Cases that are open are woken, shown and answered, and people told, whether Kafka is there or not."""

    async def open_log() -> Log:
        return await _log(process)

    opening = asyncio.create_task(open_log())
    process.closing.push_async_callback(_give_up, opening)
    await asyncio.wait({opening}, timeout=_LOG_WITHIN_S)
    if opening.done():
        return opening.result()
    late = LateLog(opening, lambda: process.waiting.get("kafka", "waiting for kafka"))
    process.ready["log"] = late.problem
    opening.add_done_callback(lambda done: _late(process, done))
    return late


async def _give_up(opening: asyncio.Task[Log]) -> None:
    opening.cancel()
    await asyncio.wait({opening}, timeout=CLOSE_WITHIN_S)


def _late(process: Process, opening: asyncio.Task[Log]) -> None:
    """What a person must mend ends the process as it would have at the start."""
    if not opening.cancelled() and isinstance(error := opening.exception(), BadInput):
        process.failure = error
        process.stop.set()


async def _books(process: Process) -> Books:
    url = process.config.database.url.get_secret_value()
    policies, bell, telemetry = policies_of(process.config), Bell(), process.instruments.telemetry
    check_channels(policies, process.config.channels)
    probe = SqlProbe(url)
    process.closing.push_async_callback(probe.close)
    _watched(process, "database", probe.look)
    casebook = await process.open("database", lambda: SqlCasebook.open(url, policies, bell, telemetry))
    registry = await process.open("database", lambda: SqlRegistry.open(url))
    return Books(await _late_log(process), casebook, registry, bell)


async def open_ingest(process: Process) -> Mapping[str, Loop]:
    """From the MQTT broker into the log."""
    log = await _log(process)
    view, instruments, products = IngestView(), process.instruments, products_of(process.config)
    process.ready.update(ready_of_ingest(view))
    process.alive.update(alive_of_seat(view, instruments.clock))
    mqtt = process.config.mqtt
    seat = city_seat(process.name, name=mqtt.seat, filters=mqtt.filters)
    return {
        "ingest": lambda stop: run_ingest(
            log=log,
            instruments=instruments,
            address=mqtt.address,
            seat=seat,
            stop=stop,
            view=view,
            spool=process.config.spool,
            products=products,
        ),
        "pulse-age": lambda stop: measure_pulse(view, instruments, stop),
    }


async def open_rules(process: Process) -> Mapping[str, Loop]:
    """From readings to alerts."""
    rulebook, instruments = rulebook_of(process.config.rulebook), process.instruments
    store = await _store(process)
    log = await _log(process)
    await tell_rulebook(log, rulebook, instruments)
    return {
        "rules": lambda stop: run_rules(log=log, store=store, rulebook=rulebook, instruments=instruments, stop=stop)
    }


async def open_notify(process: Process) -> Mapping[str, Loop]:
    """From alerts to people, with the way back to the homes; and what one of them does for all."""
    config, instruments = process.config, process.instruments
    clock = instruments.clock
    url = config.database.url.get_secret_value()
    duties = await process.open("database", lambda: SqlDuties.open(url))
    books = replace(await _books(process), duties=duties)
    homes = OnDuty("homes", process.name, duties, instruments)
    home = way_home(config.mqtt.address, process.name, instruments, terms=Terms(session_for=_SENDING_SESSION))
    process.ready["mqtt"] = lambda: "" if home.connection.is_connected else "not connected to the MQTT broker"
    desk_url = config.desk.url or f"http://{config.desk.listen}:{config.http.desk}"
    notifier = wire_notifier(config, books, Sender(process.name, home, desk_url), instruments)
    process.ready.update(ready_of_notifier(notifier.auditor))
    return {
        "mqtt-out": home.connection.run,
        **notifier.loops,
        "homes": lambda stop: homes.run(lambda over: publish_homes(books.registry, books.log, clock, over), stop),
        **await _revocations(process, duties),
        LAG: lambda stop: watch_lag(books.log, instruments, stop),
        HEARING: lambda stop: watch_hearing(books.log, instruments, stop),
    }


async def _revocations(process: Process, duties: Duties) -> Mapping[str, Loop]:
    """Whoever has the login of the broker's administrator puts out there who is revoked."""
    config, instruments = process.config, process.instruments
    address, url = config.administrator, config.database.url.get_secret_value()
    if address is None:
        return {}
    credentials = await process.open("database", lambda: SqlCredentials.open(url))
    access = Access(credentials, DynsecGate(lambda: open_dynsec(address, instruments.clock)))
    duty = OnDuty(REVOCATIONS, process.name, duties, instruments)
    return {REVOCATIONS: duty.doing(lambda stop: finish_revocations(access, instruments, stop))}


async def open_desk(process: Process) -> Mapping[str, Loop]:
    """The desk's page and API. Its web application takes the place of the one that tells only health."""
    desk = process.config.desk
    if not desk.tokens:
        raise BadInput("desk.tokens names nobody: set a long random text for each desk, with the name it stands for")
    process.front.app = starting_app(process.instruments.telemetry, process.health)
    books = await _books(process)
    words, clock = LastWords(), process.instruments.clock
    rulebook, url = rulebook_of(process.config.rulebook), process.config.database.url.get_secret_value()
    credentials = await process.open("database", lambda: SqlCredentials.open(url))
    facade = Facade(Tokens(desk.tokens), Page(phone=desk.phone), process.health, rulebook, credentials, words)
    doorkeeper = _doorkeeper(process, credentials)
    process.front.app = wire_desk(books, facade, process.instruments, process.stop, doorkeeper)
    return {"last-words": lambda stop: words.run(books.log, clock, stop)}


def _doorkeeper(process: Process, credentials: SqlCredentials) -> Doorkeeper | None:
    """Who answers a broker that is set up to ask the desk."""
    secret = process.config.credentials.hook_secret
    if secret is None:
        return None
    return Doorkeeper(credentials, secret.get_secret_value(), process.instruments)


ROLES: Mapping[str, Role] = {
    role.name: role
    for role in (
        Role("ingest", open_ingest, ("ingest",)),
        Role("rules", open_rules, ("rules",)),
        Role("notify", open_notify, ("alerts", "escalation", "delivery", "audit"), (LAG, HEARING)),
        Role("desk", open_desk, ()),
    )
}
