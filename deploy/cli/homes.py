"""`carebell admin homes`: the registry of a box or a city, from files and into files."""

import argparse
import asyncio
import getpass
import sys

from carebell.clock import SystemClock
from carebell.errors import BadInput
from deploy.cli.credentials import asks_desk, open_credentials
from deploy.cli.place import open_registry
from deploy.revocations import by_home, silent_devices
from deploy.rulebook_in_force import rulebook_in_force
from devices.registry import Home
from devices.registry_file import HomesFile, read_file, write_homes
from rules_engine.in_force import ParametersInForce

_PAGE = 500
_TELL = "; until the broker knows, it may still speak: carebell admin credentials provision"


def import_homes(options: argparse.Namespace) -> int:
    """Put a file's homes into the registry; box and city may be running, and take them up within seconds."""
    in_force = ParametersInForce(rulebook_in_force(options.data, options.config))
    try:
        data = options.file.read_bytes()
    except OSError as error:
        raise BadInput(f"{options.file}: cannot be read: {error.strerror}") from error
    file = read_file(data, options.file.name, lambda home: in_force.of(home.profile(0)).refused)
    changed, told = asyncio.run(_put(options, file))
    print(f"{len(file.homes)} homes read, {changed} changed")
    for line in told:
        print(line, file=sys.stderr)
    return 0


async def _put(options: argparse.Namespace, file: HomesFile) -> tuple[int, list[str]]:
    """How many homes changed, whom the broker may still let in, and who cannot speak to it."""
    async with open_registry(options) as registry, open_credentials(options) as credentials:
        at = SystemClock().now()
        changed = await file.put_into(registry, by=getpass.getuser(), at=at)
        revoked = [one.username for one in await credentials.still_inside() if one.revoked_at == at]
        told = [f"! {name} is revoked with its device{'' if asks_desk(options) else _TELL}" for name in revoked]
        kept = await by_home(credentials)
        for home in file.homes:
            if home.home_id in kept:
                told += await silent_devices(credentials, home, kept[home.home_id])
        return changed, told


def export_homes(options: argparse.Namespace) -> int:
    """Write every home."""
    homes = asyncio.run(_all(options))
    try:
        options.file.write_text(write_homes(homes, options.file.suffix), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{options.file}: cannot be written: {error.strerror}") from error
    print(f"{len(homes)} homes written", file=sys.stderr)
    return 0


async def _all(options: argparse.Namespace) -> list[Home]:
    homes: list[Home] = []
    async with open_registry(options) as registry:
        while page := await registry.homes(homes[-1].home_id if homes else "", _PAGE):
            homes += page
    return homes
