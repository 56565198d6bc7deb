"""One process of a city. Its health is served from the first moment; the servers that it needs are waited for."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeVar

from carebell.clock import SystemClock, pause, wait_set
from carebell.errors import BadInput, TryLater
from carebell.instruments import Instruments
from carebell.logs import adopt_libraries, open_logs
from carebell.telemetry import Telemetry
from deploy.announce import wait_ready
from deploy.checks import Check, alive_of_city, ready_of_city, ready_of_loops
from deploy.city_config import CityConfig
from deploy.port import bind
from deploy.process import cut_off, prepare_process, private_files, standard_error, stop_on_signals
from deploy.serve import Front, serve
from deploy.supervise import Loop, run_all, supervise
from deploy.watch import NAME as WATCH
from deploy.watch import Watch
from notifier.desk.health import Health, health_app, problems_of

STOP_WITHIN = timedelta(seconds=4)
CLOSE_WITHIN_S = 3.0
CUT_OFF_S = 15.0
_HOPELESS_AFTER_S = 60.0
_ASLEEP_AFTER_S = 15.0
_LOOK_EVERY = timedelta(seconds=5)
_OPEN_WITHIN_S = 20.0
_RETRY = timedelta(seconds=1)


class Closing(Protocol):
    """Something that was opened."""

    async def close(self) -> None: ...


Opened = TypeVar("Opened", bound=Closing)


@dataclass(slots=True, kw_only=True)
class Process:
    """What a process of the city has, whatever it does. `name` is its own: for leases and connections."""

    config: CityConfig
    name: str
    instruments: Instruments
    url: str
    stop: asyncio.Event
    closing: AsyncExitStack
    front: Front
    watch: Watch
    health: Health
    ready: dict[str, Check]
    alive: dict[str, Check]
    waiting: dict[str, str] = field(default_factory=dict)
    has_failed: bool = False
    failure: BadInput | None = None

    async def open(self, server: str, opening: Callable[[], Awaitable[Opened]]) -> Opened:
        """What `opening` opens, as soon as the server answers; it is closed at the end. A wrong set-up raises BadInput."""
        while True:
            try:
                async with asyncio.timeout(_OPEN_WITHIN_S):
                    opened = await opening()
            except (OSError, TryLater) as error:
                self.waiting[server] = f"waiting for {server}: {str(error) or type(error).__name__}"
                self.instruments.logger.warning("waiting for a server", server=server, error=str(error))
                # Whoever is told to stop cancels this; until then it must not spin.
                await pause(self.instruments.clock, _RETRY)
            else:
                self.waiting.pop(server, None)
                self.closing.push_async_callback(self._close, server, opened)
                return opened

    async def _close(self, server: str, opened: Closing) -> None:
        """A server that hangs must not keep us."""
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await opened.close()
        except (OSError, TryLater) as error:
            self.instruments.logger.warning("not closed in good order", server=server, error=repr(error))


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of process: `open` opens what it needs and gives its loops by name. It is not ready while one in `must_move`
    or `lookouts` stands still, and ends in the long run for the sake of the former."""

    name: str
    open: Callable[[Process], Awaitable[Mapping[str, Loop]]]
    must_move: tuple[str, ...]
    lookouts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CityOptions:
    """The command line of a process of the city."""

    config: CityConfig
    listen: str
    http_port: int
    log_level: str = "info"


def run_city(role: Role, options: CityOptions, say: Callable[[str], None]) -> int:
    """Run until SIGTERM or SIGINT, or until it must be started again: the exit code. Raises BadInput where the
    configuration or a server is not set up as it must be."""
    private_files()
    with bind(options.listen, options.http_port, "--http-port") as listening, standard_error() as stream:
        prepare_process()
        logger = open_logs(stream, options.log_level).bind(role=role.name)
        adopt_libraries(logger)
        instruments = Instruments(SystemClock(), Telemetry(), logger)
        return asyncio.run(_run(role, options.config, listening, instruments, say))


async def _run(
    role: Role, config: CityConfig, listening: socket.socket, instruments: Instruments, say: Callable[[str], None]
) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    cutting = asyncio.create_task(cut_off(stop, CUT_OFF_S))
    async with AsyncExitStack() as closing:
        process = _process(role, config, listening, instruments, stop, closing)
        serving = asyncio.create_task(
            supervise("http", lambda stop: serve(process.front, listening, stop), stop, instruments)
        )
        try:
            loops = await _open(role, process)
            if loops is not None:
                await _work(role, process, loops, say)
        finally:
            stop.set()
            await asyncio.gather(serving, cutting)
    instruments.logger.info("stopped", instance=process.name)
    if process.failure is not None:
        raise process.failure
    return 1 if process.has_failed else 0


def _process(
    role: Role,
    config: CityConfig,
    listening: socket.socket,
    instruments: Instruments,
    stop: asyncio.Event,
    closing: AsyncExitStack,
) -> Process:
    host, port = listening.getsockname()[:2]
    alive: dict[str, Check] = {}
    ready: dict[str, Check] = {"starting": lambda: "; ".join(process.waiting.values()) or "starting"}
    health = Health(alive=alive, ready=ready)
    process = Process(
        config=config,
        name=f"{role.name}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
        instruments=instruments,
        url=f"http://{host}:{port}",
        stop=stop,
        closing=closing,
        front=Front(health_app(instruments.telemetry, health)),
        watch=Watch(instruments),
        health=health,
        ready=ready,
        alive=alive,
    )
    return process


async def _open(role: Role, process: Process) -> Mapping[str, Loop] | None:
    """The loops of the role; None when told to stop before everything was open."""

    async def opened() -> Mapping[str, Loop]:
        return await role.open(process)

    opening, stopped = asyncio.create_task(opened()), asyncio.create_task(process.stop.wait())
    await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if opening.done():
        return opening.result()
    opening.cancel()
    await asyncio.wait({opening}, timeout=CLOSE_WITHIN_S)
    return None


async def _work(role: Role, process: Process, loops: Mapping[str, Loop], say: Callable[[str], None]) -> None:
    instruments, watch = process.instruments, process.watch
    for name in (WATCH, *role.must_move, *role.lookouts):
        instruments.progress.expect(name)
    del process.ready["starting"]
    process.ready |= ready_of_loops(instruments.progress) | ready_of_city(watch)
    process.alive |= alive_of_city(instruments, watch, role.lookouts)

    async def announce() -> None:
        if await wait_ready(process.health, instruments.clock, process.stop, say):
            say(f"carebell {role.name} is running. {process.url}/readyz")

    instruments.logger.info("started", instance=process.name)
    announcing = asyncio.create_task(announce())
    every = {WATCH: watch.run, "watchdog": lambda stop: give_up(process, stop), **loops}
    await run_all(every, process.stop, instruments, within=STOP_WITHIN)
    await announcing


async def give_up(process: Process, stop: asyncio.Event) -> None:
    """A process that is not alive, for whatever reason, ends: others take over, and it is started again."""
    clock = process.instruments.clock
    alive_s = looked_s = clock.monotonic()
    while not await wait_set(stop, clock, _LOOK_EVERY):
        problems, now_s = problems_of(process.alive), clock.monotonic()
        was_asleep, looked_s = now_s - looked_s > _ASLEEP_AFTER_S, now_s
        if was_asleep or not problems:
            alive_s = now_s
        elif now_s - alive_s > _HOPELESS_AFTER_S:
            process.instruments.logger.error("this process ends, so that it is started again", problems=problems)
            process.has_failed = True
            process.stop.set()
