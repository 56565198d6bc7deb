"""Press → first delivery attempt in edge mode, steps, decoding, a replay, each beside a bare baseline: ratios of this machine."""

import asyncio
import sqlite3
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from bench import decode, steps
from bench.load import CHATTING_HOMES, chat, press
from bench.replay import measure
from carebell.clock import SystemClock, pause
from carebell.mqtt import MqttAddress
from deploy.port import free_port
from devices.registry import Contact, Home
from devices.registry_file import write_homes
from tests.support.box import Box
from tests.support.command import carebell
from tests.support.figures import HEADER, Figures
from tests.support.receiver import Receiver

PRESSES = 600
# Standard Webhooks wants 24 to 64 bytes; this one signs nothing but the bench.
SECRET = "whsec_" + "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2g="


async def through_carebell(folder: Path) -> tuple[Figures, Figures]:
    """To the start of the first attempt (as written down), and to the arrival of it at the far end."""
    clock = SystemClock()
    async with Receiver() as receiver:
        box = Box(folder, config={"channels": {"webhook": {"secret": SECRET}, "console": False}})
        await asyncio.to_thread(_furnish, box, folder, receiver.url)
        address = MqttAddress("127.0.0.1", box.mqtt_port)
        stop = asyncio.Event()
        chatting = asyncio.create_task(chat(address, clock, stop))
        await pause(clock, timedelta(seconds=3))
        pressed = await press(address, clock, PRESSES, _sos)
        stop.set()
        await chatting
        arrived = {_number(body["data"]["home_id"]): at for _, body, at in reversed(receiver.calls)}
        started = await asyncio.to_thread(_started, folder)
        await asyncio.to_thread(box.terminate)
    missing = set(pressed) - set(arrived)
    if missing:
        raise SystemExit(f"{len(missing)} presses never reached the far end")
    return (
        Figures.of([started[number] - at for number, at in pressed.items()]),
        Figures.of([arrived[number] - at for number, at in pressed.items()]),
    )


def _furnish(box: Box, folder: Path, url: str) -> None:
    homes = [
        Home(home_id=f"bench-{number:04d}", contacts=(Contact(contact_id="child", name="Child", webhook=url),))
        for number in range(PRESSES)
    ]
    file = folder.parent / "homes.yaml"
    file.write_text(write_homes(homes, ".yaml"), encoding="utf-8")
    box.start()
    carebell("admin", "homes", "import", str(file), "--data", str(folder))


def _started(folder: Path) -> dict[int, float]:
    """When the first attempt of each home's case began, from the casebook."""
    with sqlite3.connect(f"file:{folder / 'cases.db'}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT c.home_id, min(d.first_attempt_at) FROM delivery d JOIN care_case c ON c.id = d.case_id GROUP BY 1"
        ).fetchall()
    return {
        _number(home_id): datetime.fromisoformat(at).timestamp() for home_id, at in rows if home_id.startswith("bench")
    }


def _sos(number: int) -> tuple[str, bytes]:
    return f"carebell/bench-{number:04d}/button-1/up", orjson.dumps({"id": f"press-{number}", "kind": "sos"})


def _number(home_id: str) -> int:
    return int(home_id.rpartition("-")[2])


async def without_logic(folder: Path) -> Figures:
    """Publish → receive → append → read back, under the same load."""
    clock, port = SystemClock(), free_port()
    bare = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bare", str(folder), str(port), stdin=-1, stdout=-1
    )
    assert bare.stdin is not None
    assert bare.stdout is not None
    lines = asyncio.create_task(bare.stdout.read())
    address, stop = MqttAddress("127.0.0.1", port), asyncio.Event()
    await pause(clock, timedelta(seconds=2))
    chatting = asyncio.create_task(chat(address, clock, stop))
    await pause(clock, timedelta(seconds=3))
    pressed = await press(address, clock, PRESSES, lambda number: ("carebell/bare", f"press {number}".encode()))
    stop.set()
    await chatting
    bare.stdin.close()
    back = {int(line.split()[0]): float(line.split()[1]) for line in (await lines).decode().splitlines()}
    await bare.wait()
    return Figures.of([back[number] - at for number, at in pressed.items()])


async def main() -> None:
    """Print the table."""
    print(
        f"edge mode, {PRESSES} presses about ten a second, {CHATTING_HOMES} other homes chatting about twice a second each"
    )
    with tempfile.TemporaryDirectory() as folder:
        bare_folder, data = Path(folder) / "bare", Path(folder) / "data"
        bare_folder.mkdir()
        bare = await without_logic(bare_folder)
        started, arrived = await through_carebell(data)
    print(HEADER)
    print(bare.row("no logic: publish → receive → append → read back"))
    print(started.row("press → first attempt started"))
    print(arrived.row("press → first attempt arrived at the webhook"))
    print(f"press → first attempt started, to the bare road: {started.ratio_to(bare)}")
    steps.main()
    decode.main()


if __name__ == "__main__":
    asyncio.run(main())
    measure()
