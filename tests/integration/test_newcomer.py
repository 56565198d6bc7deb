"""What somebody does who has just heard of Carebell: clone, `make run`, press a button, look at the page, pull the plug."""

import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.box import wait_until
from tests.support.patience import PATIENCE_S
from tests.support.services import ROOT, free_port, needed

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(1800)]


class Made:
    """`make run` in a folder, in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mqtt_port, self.http_port = free_port(), free_port()
        self._out = folder.with_name("make.out")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def run(self) -> str:
        """Start it; the line it prints when it is ready."""
        ports = f"UP=--mqtt-port {self.mqtt_port} --http-port {self.http_port}"
        # Whatever this test runs in must not be what the newcomer has.
        env = {
            name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL")
        }
        said = self._out.stat().st_size if self._out.exists() else 0
        with self._out.open("ab") as out:
            self._process = subprocess.Popen(
                ["make", "run", "DATA=village", ports],
                cwd=self.folder,
                env={**env, "PIP_CACHE_DIR": str(ROOT / ".cache" / "pip")},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

        def line() -> str:
            text = self._out.read_bytes()[said:].decode("utf-8", "replace")
            assert self._process is not None
            assert self._process.poll() is None, text
            found = re.search("^Carebell is running.*$", text, re.MULTILINE)
            return found.group() if found else ""

        return wait_until(line, "make run says that it is running", 600, 0.2)  # it installs first

    def pull_the_plug(self) -> None:
        """SIGKILL to everything that make started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE_S)
            self._process = None

    def cases(self) -> list[Any]:
        request = urllib.request.Request(f"{self.url}/api/v1/cases", headers={"Authorization": "Bearer demo"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            cases: list[Any] = orjson.loads(answer.read())["cases"]
        return cases


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """A fresh clone of what is committed."""
    folder = tmp_path / "carebell"
    subprocess.run(["git", "clone", "--quiet", f"file://{ROOT}", str(folder)], check=True, timeout=PATIENCE_S)
    made = Made(folder)
    yield made
    made.pull_the_plug()


def test_clone_run_press_look_pull_the_plug_and_look_again(made: Made, chromium: str) -> None:
    tool = needed("mosquitto_pub")
    line = made.run()
    assert f"{made.url}/" in line
    assert f"MQTT: {made.mqtt_port}" in line

    topic, said = "carebell/home-001/button-001/up", '{"id": "1", "kind": "sos"}'
    subprocess.run(
        [tool, "-p", str(made.mqtt_port), "-q", "1", "-t", topic, "-m", said], check=True, timeout=PATIENCE_S
    )
    (case,) = wait_until(made.cases, "the press is a case")
    assert (case["home_id"], case["status"]) == ("home-001", "open")
    assert_shown(made, chromium, case["id"])

    made.pull_the_plug()
    made.run()
    assert [one["id"] for one in made.cases()] == [case["id"]]
    assert_shown(made, chromium, case["id"])


def assert_shown(made: Made, chromium: str, case_id: str) -> None:
    """A browser that knows nothing shows the case."""
    with sync_playwright() as playwright:
        patience = PATIENCE_S * 1000
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=patience)
        page = browser.new_page()
        page.set_default_timeout(patience)
        page.goto(f"{made.url}/")
        card = page.locator(f"[data-testid=case-card][data-case-id='{case_id}']")
        expect(card).to_be_visible(timeout=patience)
        expect(card).to_have_attribute("data-status", "open", timeout=patience)
        browser.close()
