"""`carebell up` as a real process on random ports with a data directory of its own, and a device that speaks to it."""

import asyncio
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from carebell.clock import SystemClock
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.topics import Topic
from carebell.types import Alert
from carebell.wire import encode
from tests.support.asking import ask
from tests.support.patience import PATIENCE_S
from tests.support.services import ROOT, free_port

T = TypeVar("T")
RUNNING = "Carebell is running."


def wait_until(check: Callable[[], T], what: str, within: float = PATIENCE_S, every: float = 0.05) -> T:
    """What `check` gives as soon as it is true; an AssertionError that names `what` when it is not in time."""
    deadline = time.monotonic() + within
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(every)
    return found


class Box:
    """One box. Its ports and its directory stay the same over `kill` and `start`, as those of a real one would.

    `config` is what stands in the configuration file; `broker` is what `--broker` says.
    """

    def __init__(
        self,
        data: Path,
        *,
        demo: bool = False,
        config: Mapping[str, Any] | None = None,
        broker: str = "embedded",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.demo = demo
        self.mqtt_port, self.http_port = free_port(), free_port()
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        data.parent.mkdir(parents=True, exist_ok=True)
        self._out, self._err = data.with_name(f"{data.name}.out"), data.with_name(f"{data.name}.err")
        self.command = [sys.executable, "-m", "deploy", "up", "--data", str(data), "--broker", broker]
        self.command += ["--mqtt-port", str(self.mqtt_port), "--http-port", str(self.http_port)]
        self.command += ["--demo"] if demo else []
        self._tokens = list((config or {}).get("desk", {}).get("tokens", {"demo": ""} if demo else {}))
        if config is not None:
            path = data.with_name(f"{data.name}.yaml")
            path.write_text(json.dumps(config, ensure_ascii=False), "utf-8")  # JSON is YAML
            self.command += ["--config", str(path)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.is_running():
            self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def token(self) -> str:
        """The desk's: the configuration's first, or the one that was drawn."""
        return self._tokens[0] if self._tokens else (self.data / "desk-token").read_text("ascii").strip()

    def launch(self) -> Self:
        """Start the process and wait for nothing."""
        assert not self.is_running()
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self._process = subprocess.Popen(
                self.command, cwd=ROOT, env=self._env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        return self

    def start(self, within: float = PATIENCE_S) -> Self:
        """Start it and wait until it says that it is running and answers that it is ready."""
        before = self.out_text().count(RUNNING)
        self.launch()
        self.wait_running(before + 1, within)
        return self

    def wait_running(self, times: int = 1, within: float = PATIENCE_S) -> None:
        """Until its line stands there that many times, and /readyz says yes."""

        def is_up() -> bool:
            assert self.is_running(), f"carebell up has ended:\n{self.out_text()}\n{self.log_text()}"
            return self.out_text().count(RUNNING) >= times and self.is_ready()

        wait_until(is_up, "carebell up is ready", within)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def is_ready(self) -> bool:
        try:
            return self.request("/readyz", token="")[0] == 200
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL: the plug is pulled."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def terminate(self) -> tuple[int, float]:
        """SIGTERM; the exit code and the seconds it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE_S)
        return code, time.monotonic() - began

    def children(self) -> list[int]:
        """The processes it has started, such as its broker."""
        found: list[int] = []
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
                found += map(int, (thread / "children").read_text().split())
        return found

    def out_text(self) -> str:
        """What it has said on its standard output."""
        return self._out.read_text("utf-8", "replace") if self._out.exists() else ""

    def log_text(self) -> str:
        """Its log lines, and whatever else came on its standard error."""
        paths = [self._err, *([self.data / "carebell.log"] if self.demo else [])]
        return "".join(path.read_text("utf-8", "replace") for path in paths if path.exists())

    def request(
        self, path: str, body: object = None, *, method: str | None = None, token: str | None = None
    ) -> tuple[int, Any]:
        """Status and content (parsed where it is JSON), with the desk's token unless another is given."""
        return ask(self.url + path, body, method=method, token=self.token if token is None else token)

    def api(self, path: str, body: object = None) -> Any:
        """The JSON behind `/api/v1` + path; a body makes it a POST. Anything but success is an AssertionError."""
        status, content = self.request(f"/api/v1{path}", body)
        assert status < 300, f"{path}: {status} {content}"
        return content

    def cases(self, home_id: str = "") -> list[Any]:
        """The newest cases, of all homes or of one."""
        cases = self.api("/cases?limit=500")["cases"]
        return [one for one in cases if home_id in ("", one["home_id"])]

    def raises(self, *alerts: Alert) -> None:
        """Alerts as though its rules had raised them now."""
        # In a thread of its own: a browser's test runs inside a loop.
        with ThreadPoolExecutor(1) as beside:
            beside.submit(asyncio.run, self._append(alerts)).result()

    async def _append(self, alerts: Sequence[Alert]) -> None:
        clock = SystemClock()
        log = await SqliteLog.open(self.data / "log.db", 1, clock)
        try:
            entries = [Entry(topic=Topic.ALERTS, key=one.home_id, value=encode(one)) for one in alerts]
            await log.append(entries, clock.now())
        finally:
            await log.close()

    def wait_case(self, home_id: str, within: float = PATIENCE_S) -> Any:
        """The newest case of a home, as soon as there is one."""
        return wait_until(lambda: self.cases(home_id), f"a case of {home_id}", within)[0]


class Device:
    """A device of the native dialect as a real MQTT client, with paho's own thread: 3.1.1 or 5."""

    def __init__(self, port: int, home_id: str, device_id: str, *, version: int = paho.MQTTv5, qos: int = 1) -> None:
        self.home_id, self.device_id = home_id, device_id
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()
        self._qos = qos
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.on_connect = lambda client, *_: client.subscribe(f"carebell/{home_id}/{device_id}/down", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.told.put(json.loads(message.payload))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S), "the broker did not let the device subscribe"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, message: object, *, retain: bool = False, wait: bool = True) -> None:
        """Publish JSON, or bytes as they are; with QoS 1 and `wait`, until the broker has it."""
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        info = self._client.publish(f"carebell/{self.home_id}/{self.device_id}/up", payload, self._qos, retain)
        if wait:
            info.wait_for_publish(PATIENCE_S)

    def hear(self, kind: str, event_id: str | None = None, within: float = PATIENCE_S) -> dict[str, Any]:
        """The next thing told of this type (and to this message), past anything else."""
        deadline = time.monotonic() + within
        while True:
            try:
                told = self.told.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.device_id} was not told {kind} {event_id or ''}") from None
            if told.get("type") == kind and event_id in (None, told.get("id")):
                return told

    def press(self, event_id: str, within: float = PATIENCE_S) -> None:
        """Press as a button does: say it again every two seconds until `received`."""
        deadline = time.monotonic() + within
        while True:
            self.say({"id": event_id, "kind": "sos", "value": "active"})
            try:
                self.hear("received", event_id, min(2.0, within))
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
            else:
                return
