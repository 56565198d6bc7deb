"""A whole city: real servers, and any number of each process over them. `python -m tests.support.city` shows one.

with City(folder, ingest=2, rules=2, notify=2, desk=1) as city:
    city.import_homes(homes)
    city.processes["rules"][0].kill()
"""

import asyncio
import getpass
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from carebell.clock import SystemClock
from deploy.address import read_address
from devices.registry import Home
from devices.registry_file import write_homes
from devices.simulator.live import Script, live_village
from devices.simulator.village import make_village
from tests.support.asking import ask
from tests.support.box import wait_until
from tests.support.city_process import CityProcess
from tests.support.patience import PATIENCE_S
from tests.support.servers.kafka import QUICK_TO_FENCE, KafkaCluster
from tests.support.servers.mosquitto import Mosquitto
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.redis import RedisServer
from tests.support.services import ROOT

TOKEN = "city-desk"
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
ROLES = ("ingest", "rules", "notify", "desk")
_DUTIES = ("desk", "provider", "health_centre")
_HOMES, _SEED = 30, 1


class City:
    """`brokers` of Kafka, so many processes of each role; `config` goes over the configuration, section by section.

    `servers` start with `start_servers`, processes with `start`; `with` does both, and nothing outlives it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        brokers: int = 1,
        partitions: int = 4,
        config: Mapping[str, Any] | None = None,
        **counts: int,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.kafka = KafkaCluster(folder / "kafka", brokers=brokers, settings=QUICK_TO_FENCE)
        self.redis = RedisServer(folder / "redis")
        self.postgres = PostgresServer()
        self.mosquitto = Mosquitto(folder / "mosquitto")
        self.config_path = folder / "city.yaml"
        self.database_url = ""
        self._partitions, self._brokers = partitions, brokers
        self._more = dict(config or {})
        self.processes: dict[str, list[CityProcess]] = {role: [] for role in ROLES}
        for role in ROLES:
            for _ in range(counts.get(role, 1)):
                self.add(role)

    def __enter__(self) -> Self:
        try:
            self.start_servers()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, role: str) -> CityProcess:
        """One more process of a role, not started."""
        one = CityProcess(role, len(self.processes[role]) + 1, self.folder, self.config_path)
        self.processes[role].append(one)
        return one

    @property
    def every_process(self) -> list[CityProcess]:
        return [one for role in ROLES for one in self.processes[role]]

    def start_servers(self) -> None:
        """All servers at once; then the configuration, and schema and topics by the real commands."""
        servers = (self.kafka, self.redis, self.postgres, self.mosquitto)
        with ThreadPoolExecutor(len(servers)) as beside:
            list(beside.map(lambda server: server.start(), servers))
        self.database_url = self.postgres.create_database()
        self.config_path.write_text(json.dumps(self.configuration(), ensure_ascii=False), "utf-8")  # JSON is YAML
        self.carebell("admin", "migrate")
        self.carebell("admin", "topics")

    def configuration(self) -> dict[str, Any]:
        """What stands in city.yaml."""
        base: dict[str, Any] = {
            "kafka": {
                "servers": self.kafka.bootstrap,
                "partitions": self._partitions,
                "replication": min(3, self._brokers),
            },
            "redis": {"url": self.redis.url},
            "database": {"url": self.database_url},
            "mqtt": {"url": self.mosquitto.url},
            "desk": {"tokens": {TOKEN: "duty desk"}, "url": next((one.url for one in self.processes["desk"]), None)},
            "channels": {"console": True, "webhook": {"secret": SECRET}},
        }
        for name, part in self._more.items():
            base[name] = {**base[name], **part} if isinstance(base.get(name), dict) else part
        return base

    def carebell(self, *command: str, within: float = 120) -> str:
        """A command with this city's configuration; anything but exit code 0 is an AssertionError."""
        words = [sys.executable, "-m", "deploy", *command, "--config", str(self.config_path)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=within, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self) -> None:
        """Every process that does not run, until all are ready."""
        for one in self.every_process:
            if not one.is_running():
                one.launch()
        for one in self.every_process:
            one.wait_ready(2 * PATIENCE_S)  # all of them begin at once

    def close(self) -> None:
        """Processes first, then servers, with all their data."""
        for one in self.every_process:
            one.close()
        for server in (self.mosquitto, self.redis, self.postgres, self.kafka):
            server.close()

    def import_homes(self, homes: Sequence[Home]) -> None:
        """Into the registry, by the real command."""
        path = self.folder / "homes.yaml"
        path.write_text(write_homes(homes, ".yaml"), "utf-8")
        self.carebell("admin", "homes", "import", str(path))

    def api(self, path: str, body: object = None) -> Any:
        """The JSON behind `/api/v1` + path at the first desk; a body makes it a POST. Not a success: AssertionError."""
        status, content = ask(f"{self.processes['desk'][0].url}/api/v1{path}", body, token=TOKEN)
        assert status < 300, f"{path}: {status} {content}"
        return content

    def cases(self, home_id: str = "") -> list[Any]:
        """The newest cases, of all homes or of one."""
        return [one for one in self.api("/cases?limit=500")["cases"] if home_id in ("", one["home_id"])]

    def wait_case(self, home_id: str, within: float = PATIENCE_S) -> Any:
        """The newest case of a home, as soon as there is one."""
        return wait_until(lambda: self.cases(home_id), f"a case of {home_id}", within)[0]


async def _live(homes: Sequence[Home], broker: str, ended: threading.Event) -> None:
    """The village lives its day: homes that never speak would soon be cases."""
    stop = asyncio.Event()
    village = asyncio.create_task(live_village(homes, read_address(broker), SystemClock(), Script(seed=_SEED), stop))
    await asyncio.to_thread(ended.wait)
    stop.set()
    await village


def main() -> None:
    """A city with a village, until Ctrl-C."""
    folder = Path(tempfile.mkdtemp(prefix="carebell-city-"))
    on_duty = [{"id": f"{role}-1", "name": role, "role": role, "language": "en"} for role in _DUTIES]
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    print("Kafka, Redis, PostgreSQL, Mosquitto and two of each process start: a minute or two …", flush=True)
    try:
        with City(folder, ingest=2, rules=2, notify=2, desk=1, config={"responders": on_duty}) as city:
            homes = make_village(_HOMES, _SEED)
            city.import_homes(homes)
            print(f"A city of {getpass.getuser()} is running; its files and log lines are in {folder}", flush=True)
            print(f"Desk: {city.processes['desk'][0].url}/  token: {TOKEN}", flush=True)
            print(
                f"Press: .venv/bin/carebell simulate --broker {city.mosquitto.url} --press home-001/button-001 --wait 60"
            )
            print(f"Look: .venv/bin/carebell doctor --config {city.config_path}. Stop with Ctrl-C.", flush=True)
            asyncio.run(_live(homes, city.mosquitto.url, ended))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
