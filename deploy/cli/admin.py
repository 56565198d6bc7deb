"""`carebell admin`: what whoever runs a box does by hand."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from carebell.clock import SystemClock
from carebell.errors import BadInput
from deploy.data_dir import registry_url
from devices.registry import Home
from devices.registry_file import read_homes, write_homes
from devices.registry_sql import SqlRegistry

_PAGE = 500


def add(commands: Any) -> None:
    """The command and its arguments."""
    parser = commands.add_parser("admin", help="homes and their devices", description=__doc__)
    areas = parser.add_subparsers(dest="area", required=True, metavar="AREA")
    homes = areas.add_parser("homes", help="import or export the registry").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    importing = homes.add_parser("import", help="from a .yaml or .csv file: all of it, or nothing and every bad line")
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.set_defaults(run=import_homes)
    exporting = homes.add_parser("export", help="to a .yaml or .csv file")
    exporting.add_argument("file", type=Path, metavar="FILE")
    exporting.set_defaults(run=export_homes)
    for one in (importing, exporting):
        one.add_argument(
            "--data", type=Path, default=Path("data"), metavar="DIR", help="the box's directory (default: data)"
        )


def import_homes(options: argparse.Namespace) -> int:
    """Put a file's homes into the registry of a box; it may be running, and takes them up within seconds."""
    try:
        homes = read_homes(options.file.read_bytes(), options.file.name)
    except OSError as error:
        raise BadInput(f"{options.file}: cannot be read: {error.strerror}") from error
    changed = asyncio.run(_put(options.data, homes))
    print(f"{len(homes)} homes read, {changed} changed")
    return 0


async def _put(data: Path, homes: Sequence[Home]) -> int:
    registry = await _open(data)
    try:
        return await registry.put(homes, by=getpass.getuser(), at=SystemClock().now())
    finally:
        await registry.close()


def export_homes(options: argparse.Namespace) -> int:
    """Write every home of a box."""
    homes = asyncio.run(_all(options.data))
    try:
        options.file.write_text(write_homes(homes, options.file.suffix), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{options.file}: cannot be written: {error.strerror}") from error
    print(f"{len(homes)} homes written", file=sys.stderr)
    return 0


async def _all(data: Path) -> list[Home]:
    registry = await _open(data)
    homes: list[Home] = []
    try:
        while page := await registry.homes(homes[-1].home_id if homes else "", _PAGE):
            homes += page
    finally:
        await registry.close()
    return homes


async def _open(data: Path) -> SqlRegistry:
    if not data.is_dir():
        raise BadInput(f"--data {data}: no such directory; it is made by the first carebell up")
    return await SqlRegistry.open(registry_url(data))
