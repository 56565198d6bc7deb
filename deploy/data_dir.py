"""The directory that holds all state of a box. One process at a time: two would each believe the log is theirs."""

import fcntl
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from carebell.errors import BadInput


@dataclass(frozen=True, slots=True)
class DataDir:
    """Where things are kept under it. The lock is held as long as the process lives, however it ends."""

    path: Path
    lock: int

    @property
    def log(self) -> Path:
        return log_path(self.path)

    @property
    def rules_url(self) -> str:
        return f"sqlite:///{self.path / 'rules.db'}"

    def put_rules_aside(self, at: datetime) -> str:
        """Rename the rules' memory, for whoever wants to look into it; its new name."""
        mark = f".damaged-{at:%Y%m%dT%H%M%S}"
        for end in ("", "-wal", "-shm"):
            old = self.path / f"rules.db{end}"
            if old.exists():
                old.rename(old.with_name(old.name + mark))
        return f"rules.db{mark}"

    @property
    def cases_url(self) -> str:
        return f"sqlite:///{self.path / 'cases.db'}"

    @property
    def registry_url(self) -> str:
        return registry_url(self.path)

    def token(self) -> str:
        """The desk's token where the configuration names none."""
        return self._drawn("desk-token", 32)

    def name(self) -> str:
        """The name of this box: its MQTT sessions are found again by it."""
        return self._drawn("box-name", 6)

    def _drawn(self, file_name: str, length: int) -> str:
        """Drawn once, readable by its owner only."""
        path = self.path / file_name
        try:
            return path.read_text("ascii").strip()
        except FileNotFoundError:
            drawn = secrets.token_urlsafe(length)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(drawn + "\n")
            return drawn


def log_path(path: Path) -> Path:
    """The log of a box, which other commands may read while the box runs."""
    return path / "log.db"


def rulebook_path(path: Path) -> Path:
    """The rulebook that a box began with the last time."""
    return path / "rulebook-in-force.yaml"


def registry_url(path: Path) -> str:
    """The registry of a box, which other commands may open while the box runs."""
    return f"sqlite:///{path / 'registry.db'}"


def open_data_dir(path: Path) -> DataDir:
    """Make it where it is missing and take its lock. Raises BadInput."""
    if "?" in str(path):
        raise BadInput(f"--data {path}: a path with a question mark cannot be used")  # SQLite's URL would end there
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadInput(f"--data {path}: cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BadInput(
            f"--data {path}: another carebell is running on it; stop it or choose another directory"
        ) from None
    return DataDir(path, lock)
