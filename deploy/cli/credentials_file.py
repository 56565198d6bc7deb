"""Passwords for many devices at once, into a file that nobody else can read and that is never written over."""

import csv
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from functools import partial
from io import RawIOBase, StringIO
from pathlib import Path

from carebell.clock import Clock
from carebell.errors import BadInput, Refused
from deploy.access import Access, every
from devices.credentials import Holder, grants_of
from devices.credentials_missing import missing
from devices.registry import Home, Registry

_COLUMNS = ("username", "password", "publishes", "hears")
_PAGE = 500


async def issue_missing(access: Access, homes: AsyncIterator[Home], path: Path, by: str, clock: Clock) -> int:
    """The exit code: 1 where something is left for a person, who is told. Raises BadInput where the file is there already;
    TryLater or Refused where the broker does not take one, of which the file has all that it has taken."""
    problems: list[str] = []
    with _new_file(path) as file:
        try:
            async for home in homes:
                found = missing(home, [one async for one in every(access.credentials, home_id=home.home_id)])
                problems += found.problems
                for holder in found.holders:
                    try:
                        await access.issue(holder, by=by, at=clock.now(), keep=partial(file.add, holder))
                    except BadInput as refusal:
                        # Somebody else gives passwords at the same time: the others need theirs all the same.
                        problems.append(str(refusal))
        finally:
            print(f"{file.count} issued" + (f"; their passwords are in {path} and nowhere else" if file.count else ""))
    for problem in problems:
        print(f"! {problem}")
    return 1 if problems else 0


async def every_home(registry: Registry) -> AsyncIterator[Home]:
    """In the order of their ids."""
    after = ""
    while page := await registry.homes(after, _PAGE):
        for home in page:
            yield home
        after = page[-1].home_id


async def named_home(registry: Registry, home_id: str) -> AsyncIterator[Home]:
    """The one. Raises BadInput at once where it is not there."""
    home = await registry.home(home_id)
    if home is None:
        raise BadInput(f"there is no home {home_id!r} in the registry")
    return _only(home)


async def _only(home: Home) -> AsyncIterator[Home]:
    yield home


class _File:
    """Each row is on the disk before its credential counts as given: a password is shown nowhere else."""

    def __init__(self, path: Path, rows: RawIOBase) -> None:
        self.count = 0
        self._path, self._rows = path, rows

    def begin(self) -> None:
        """Raises Refused where it cannot be written."""
        self._write(_COLUMNS, "nothing is issued")

    def add(self, holder: Holder, password: str) -> None:
        """Raises Refused where it cannot be written: that password is lost."""
        grants = grants_of(holder)
        cells = holder.username, password, " ".join(grants.publish), " ".join(grants.subscribe)
        self._write(cells, f"rotate {holder.username}")
        self.count += 1

    def _write(self, cells: tuple[str, ...], otherwise: str) -> None:
        row = StringIO()
        csv.writer(row, lineterminator="\n").writerow(cells)
        data, start = row.getvalue().encode(), self._rows.tell()
        try:
            # Unbuffered: what a full disk has refused must not be tried once more when the file is closed.
            if self._rows.write(data) != len(data):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            os.fsync(self._rows.fileno())
        except OSError as error:
            with suppress(OSError):
                self._rows.truncate(start)  # half a password is none
            raise Refused(f"{self._path}: cannot be written: {error.strerror}: {otherwise}") from error


@contextmanager
def _new_file(path: Path) -> Iterator[_File]:
    """One that nobody has yet; it is taken away again where nobody was given a password."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadInput(f"{path}: is there already; name a new file, so that no password is lost") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb", buffering=0) as rows:
        file = _File(path, rows)
        try:
            file.begin()
            yield file
        finally:
            if file.count == 0:
                path.unlink(missing_ok=True)
