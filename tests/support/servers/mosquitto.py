"""A Mosquitto of our own; what its sessions hold survives a restart."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.patience import PATIENCE_S
from tests.support.servers.server import Server
from tests.support.services import ROOT, UNPACKED, answers, free_port, missing, needed

PLUGIN = "mosquitto_dynamic_security.so"
ADMIN, ADMIN_PASSWORD = "carebell-admin", "an administrator's"
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_SECTIONS = ("# --- who may speak", "# --- what it must not forget")


class Mosquitto(Server):
    """Stopped, it saves its sessions first; killed, it loses what it has heard in its last second."""

    def __init__(self, folder: Path, passwords: Path | None = None) -> None:
        super().__init__(folder)
        self._binary = needed("mosquitto")
        self._who = "allow_anonymous true" if passwords is None else f"password_file {passwords}"
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        super().prepare()
        self._configuration.write_text(
            ("user root\n" if os.geteuid() == 0 else "")
            + f"listener {self.port} 127.0.0.1\n{self._who}\npersistence true\n"
            f"persistence_location {self.folder}/\nautosave_interval 1\n"
            "max_queued_messages 0\nset_tcp_nodelay true\nlog_dest stderr\n"
        )

    def command(self) -> Sequence[str]:
        return [self._binary, "-c", str(self._configuration)]

    def is_ready(self) -> bool:
        return answers(self.port)

    @property
    def _configuration(self) -> Path:
        return self.folder / "mosquitto.conf"


class GuardedMosquitto(Mosquitto):
    """With the configuration that is shipped for a city, where each has a password or a certificate of its own.

    `port` is for services, `homes` for devices with a password, `signed` for devices with a certificate. The plugin's file
    is at `clients`; whoever starts it writes that file first.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.homes, self.signed = free_port(), free_port()
        self.clients = folder / "dynamic-security.json"
        self._plugin = _needed_plugin()

    def prepare(self) -> None:
        Server.prepare(self)
        make_authority(self.folder, "devices")
        make_authority(self.folder, "broker")
        make_certificate(self.folder, "broker", "localhost", signed_by="broker")
        whole, who = (_shipped(name) for name in ("mosquitto.conf", "credentials.conf"))
        begin, end = (whole.index(section) for section in _SECTIONS)
        text = ("user root\n" if os.geteuid() == 0 else "") + whole[:begin] + who + whole[end:]
        for said, here in (
            ("listener 1883", f"listener {self.port} 127.0.0.1"),
            ("listener 8883", f"listener {self.homes} 127.0.0.1"),
            ("listener 8884", f"listener {self.signed} 127.0.0.1"),
            ("/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so", str(self._plugin)),
            ("/etc/mosquitto/devices.crt", str(self.folder / "devices.authority.crt")),
            ("/etc/mosquitto/", f"{self.folder}/"),
            ("/var/lib/mosquitto/", f"{self.folder}/"),
        ):
            assert said in text
            text = text.replace(said, here)
        self._configuration.write_text(text)

    def is_ready(self) -> bool:
        return all(answers(port) for port in (self.port, self.homes, self.signed))

    @property
    def authority(self) -> Path:
        """Who signed its certificate."""
        return self.folder / "broker.authority.crt"


def make_authority(folder: Path, name: str) -> None:
    """NAME.authority.crt, which signs others."""
    certificate, key = folder / f"{name}.authority.crt", folder / f"{name}.authority.key"
    if not certificate.exists():
        _openssl("req", "-x509", *_NEW_KEY, "-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", certificate)


def make_certificate(folder: Path, name: str, common_name: str, *, signed_by: str) -> tuple[Path, Path]:
    """NAME.crt and NAME.key, good for this machine's address."""
    certificate, key, asked = (folder / f"{name}.{end}" for end in ("crt", "key", "csr"))
    if not certificate.exists():
        # openssl parts a subject at its slashes
        subject = "/CN=" + common_name.replace("/", "\\/")
        _openssl("req", *_NEW_KEY, "-subj", subject, "-keyout", key, "-out", asked)
        extensions = folder / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1\n")
        by = folder / f"{signed_by}.authority"
        signing = ["-CA", f"{by}.crt", "-CAkey", f"{by}.key", "-CAcreateserial", "-extfile", extensions]
        _openssl("x509", "-req", "-days", "2", "-in", asked, "-out", certificate, *signing)
    return certificate, key


def _openssl(*arguments: object) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl")
    subprocess.run([openssl, *map(str, arguments)], check=True, capture_output=True, timeout=PATIENCE_S)


def _shipped(name: str) -> str:
    return (ROOT / "deploy/mosquitto" / name).read_text("utf-8")


def _needed_plugin() -> Path:
    """It comes with Mosquitto."""
    places = [Path("/usr/lib"), Path("/usr/local/lib"), UNPACKED / "usr/lib"]
    found = next((one for place in places for one in sorted(place.glob(f"**/{PLUGIN}"))), None)
    return found or missing(PLUGIN)
