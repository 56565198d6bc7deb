"""`carebell admin homes`: the registry of a box or a city, from files and into files."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Sequence

from carebell.clock import SystemClock
from carebell.errors import BadInput
from deploy.city_config import read_city
from deploy.data_dir import registry_url
from devices.registry import Home
from devices.registry_file import read_homes, write_homes
from devices.registry_sql import SqlRegistry

_PAGE = 500


def import_homes(options: argparse.Namespace) -> int:
    """Put a file's homes into the registry; box and city may be running, and take them up within seconds."""
    try:
        homes = read_homes(options.file.read_bytes(), options.file.name)
    except OSError as error:
        raise BadInput(f"{options.file}: cannot be read: {error.strerror}") from error
    changed = asyncio.run(_put(options, homes))
    print(f"{len(homes)} homes read, {changed} changed")
    return 0


async def _put(options: argparse.Namespace, homes: Sequence[Home]) -> int:
    registry = await _open(options)
    try:
        return await registry.put(homes, by=getpass.getuser(), at=SystemClock().now())
    finally:
        await registry.close()


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
    registry = await _open(options)
    homes: list[Home] = []
    try:
        while page := await registry.homes(homes[-1].home_id if homes else "", _PAGE):
            homes += page
    finally:
        await registry.close()
    return homes


async def _open(options: argparse.Namespace) -> SqlRegistry:
    if options.config is not None:
        return await SqlRegistry.open(read_city(options.config).database.url.get_secret_value())
    if not options.data.is_dir():
        raise BadInput(f"--data {options.data}: no such directory; it is made by the first carebell up")
    return await SqlRegistry.open(registry_url(options.data))
