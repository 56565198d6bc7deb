"""The rules in a process of its own, which a test may freeze or kill, over a real Kafka and a real Redis."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from carebell.clock import SystemClock
from carebell.instruments import Instruments
from carebell.logs import open_logs
from carebell.store_redis import RedisStore
from carebell.telemetry import Telemetry
from rules_engine.main import run_rules
from tests.support.homeline import shipped_rulebook
from tests.support.servers.server import Server
from tests.support.services import ROOT
from tests.support.topics import open_log

RUNNING = "the rules are running"


class RulesProcess(Server):
    """`with RulesProcess(folder, bootstrap, redis_url, namespace) as rules: …`"""

    def __init__(self, folder: Path, bootstrap: str, redis_url: str, namespace: str) -> None:
        super().__init__(folder)
        self._given = (bootstrap, redis_url, namespace)

    def command(self) -> Sequence[str]:
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.support.rules_process", *self._given]

    def is_ready(self) -> bool:
        return RUNNING in self.log_text()


async def main(bootstrap: str, redis_url: str, namespace: str) -> None:
    clock, stop = SystemClock(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    log = await open_log(bootstrap, clock, namespace)
    store = await RedisStore.open(redis_url, namespace=namespace)
    print(RUNNING, flush=True)
    instruments = Instruments(clock, Telemetry(), open_logs(sys.stdout))
    await run_rules(log=log, store=store, rulebook=shipped_rulebook(), instruments=instruments, stop=stop)
    await log.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
