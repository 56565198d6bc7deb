"""The same road without any logic: publish → broker → receive → durable append → read back. A process of its own."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from carebell.clock import SystemClock, wait_set
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.mqtt import Arrival, MqttConnection
from deploy.broker import Broker, BrokerChoice

TOPIC = "bare"
_IDLE = timedelta(seconds=1)


class Bare:
    """Writes the return of every press as `id seconds` on stdout until stdin closes."""

    def __init__(self, log: SqliteLog, broker: Broker, clock: SystemClock) -> None:
        self._log = log
        self._clock = clock
        self._came = asyncio.Event()
        self._waiting: list[Arrival] = []
        self._stop = asyncio.Event()
        self._broker = broker
        self._connection = MqttConnection(
            address=broker.address, client_id="bare", clock=clock, subscriptions=("carebell/#",), on_arrival=self._take
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for loop in (self._broker.run(self._stop), self._connection.run(self._stop)):
                tasks.create_task(loop)
            for loop in (self._append(), self._read_back(), self._end()):
                tasks.create_task(loop)

    def _take(self, arrival: Arrival) -> None:
        self._waiting.append(arrival)
        self._came.set()

    async def _append(self) -> None:
        while not self._stop.is_set():
            self._came.clear()
            if not self._waiting:
                await wait_set(self._came, self._clock, _IDLE)
            batch, self._waiting = self._waiting, []
            await self._log.append([Entry(topic=TOPIC, key="", value=one.payload) for one in batch], self._clock.now())
            for one in batch:
                self._connection.acknowledge(one)

    async def _read_back(self) -> None:
        reader = await self._log.reader("bare", [TOPIC])
        while not self._stop.is_set():
            for record in await reader.poll(500, _IDLE):
                if record.value.startswith(b"press "):
                    sys.stdout.write(f"{record.value.decode().split()[1]} {self._clock.now().timestamp():.6f}\n")
                    sys.stdout.flush()

    async def _end(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
        self._stop.set()


async def main(data: Path, port: int) -> None:
    """One broker, one log, one connection."""
    clock = SystemClock()
    log = await SqliteLog.open(data / "bare.db", 1, clock)
    broker = BrokerChoice("embedded", "127.0.0.1", port).open(data)
    await broker.start()
    await Bare(log, broker, clock).run()
    await broker.stop()
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
