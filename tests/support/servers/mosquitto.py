"""A Mosquitto of our own; what its sessions hold survives a restart."""

import os
from collections.abc import Sequence
from pathlib import Path

from tests.support.servers.server import Server
from tests.support.services import answers, free_port, needed


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
