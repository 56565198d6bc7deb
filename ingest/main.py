"""The room built from its ports: a seat at the broker, the intake, the spool, the directory of homes."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from carebell.instruments import Instruments
from carebell.log import Log
from carebell.mqtt import MqttAddress
from devices.listener import NO_PRODUCTS, Listener, Products
from ingest.decoding import Decoder
from ingest.directory import Directory
from ingest.intake import Intake
from ingest.lessons import Lessons
from ingest.pulse import Listening, pulse_topic
from ingest.seat import Seat, Sitter
from ingest.spooler import Spooler, open_spooler

PULSE_LATE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Ingest:
    """The parts of a running ingest."""

    sitter: Sitter
    intake: Intake
    spooler: Spooler


class IngestView:
    """What others may ask of the ingest that runs now; it may have been started anew since they last asked."""

    def __init__(self) -> None:
        self._ingest: Ingest | None = None

    def show(self, ingest: Ingest) -> None:
        self._ingest = ingest

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reached: with the seat, or standing by for it."""
        return self._ingest is not None and self._ingest.sitter.is_connected

    @property
    def is_seated(self) -> bool:
        """Whether the homes are heard here."""
        return self._ingest is not None and self._ingest.sitter.is_seated

    @property
    def is_stuck(self) -> bool:
        """The log does not take what has come."""
        return self._ingest is not None and self._ingest.intake.is_stuck

    @property
    def spool_problem(self) -> str:
        """Calls for help that wait for the log, in words; empty when none do."""
        return "" if self._ingest is None else self._ingest.spooler.problem

    @property
    def pulse_heard_s(self) -> float | None:
        """When a pulse last came back through the broker, on the monotonic clock; of a standby, its own canary."""
        return None if self._ingest is None else self._ingest.sitter.heard_s


async def run_ingest(
    *,
    log: Log,
    instruments: Instruments,
    address: MqttAddress,
    seat: Seat,
    stop: asyncio.Event,
    view: IngestView,
    spool: Path | None = None,
    products: Products = NO_PRODUCTS,
) -> None:
    """Run until told to stop; what is asked of it is asked over `view`. `spool` is a folder on the local disk, `products`
    say what the words of products mean that choose their own."""
    directory = Directory(log, instruments.clock)
    reader = await directory.open()
    spooler = await open_spooler(spool, log, instruments)
    listening = Listening()
    sitter = Sitter(seat, address, instruments, listening)
    listener = Listener(directory.roster, products)
    lessons = Lessons(listener, address, instruments.clock, seat.owner or seat.client_id)
    decoder = Decoder(listener, instruments, listening, pulse_topic(seat.client_id), log.partitions)
    intake = Intake(log=log, decoder=decoder, spooler=spooler, outlet=sitter, instruments=instruments)
    sitter.serve(intake)
    view.show(Ingest(sitter, intake, spooler))
    over = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(directory.run(reader, stop))
            tasks.create_task(lessons.run(over))
            await lessons.heard(stop)
            tasks.create_task(sitter.run(over))
            await intake.run(stop)
            # What the log has taken is acknowledged before the connection ends.
            over.set()
    finally:
        await spooler.close()
