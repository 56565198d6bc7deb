"""`carebell admin credentials`: who may speak to the broker, and as whom."""

import argparse
import asyncio
import getpass
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from carebell.clock import SystemClock
from carebell.errors import BadInput, Refused
from carebell.mqtt import MqttAddress
from deploy.access import Access, AskingGate, DynsecGate, Gate, every
from deploy.address import read_address
from deploy.city_config import read_city
from deploy.cli.credentials_file import every_home, issue_missing, named_home
from deploy.cli.place import add_place, open_registry
from deploy.data_dir import registry_url
from deploy.dynsec import open_dynsec
from deploy.dynsec_plan import document
from deploy.revocations import revoke_left_behind
from devices.credentials import Credential, Holder, grants_of, holder_of, server, service
from devices.credentials_sql import SqlCredentials
from devices.password import SALT_BYTES, hashed

_ABOUT = (
    "Passwords for devices, gateways, network servers and Carebell itself. Each is shown once and kept as a hash. "
    "Mosquitto is told through its dynamic security plugin; EMQX asks the desk."
)
Work = Callable[[argparse.Namespace, SqlCredentials], Awaitable[int]]


def add(areas: Any) -> None:
    """The commands and their arguments."""
    parser = areas.add_parser("credentials", help="who may speak to the MQTT broker", description=_ABOUT)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add(actions, "provision", "bring the broker to what is kept here; may be repeated", _provision)
    issuing = _add(actions, "issue", "a password for a device of a home, a network server or a service", _issue)
    issuing.add_argument("home", nargs="?", metavar="HOME")
    issuing.add_argument("device", nargs="?", metavar="DEVICE", help="as the registry has it")
    issuing.add_argument(
        "--all-missing",
        type=Path,
        metavar="FILE",
        help="one for every device of HOME, or of all homes, that has none; they are written to FILE, which must be new",
    )
    issuing.add_argument("--dialect", default="", metavar="NAME", help="what a network server speaks")
    whose = issuing.add_mutually_exclusive_group()
    whose.add_argument("--server", metavar="NAME", help="a network server, such as ChirpStack; needs --dialect")
    whose.add_argument("--service", metavar="NAME", help="Carebell's own processes")
    rotating = _add(actions, "rotate", "another password; the old one stops at once", _rotate)
    revoking = _add(actions, "revoke", "no password any more; who is connected is cut off", _revoke)
    telling = _add(actions, "audit", "who changed it, and when", _audit, broker=False)
    for one in (rotating, revoking, telling):
        one.add_argument("username", metavar="USERNAME", help="HOME/DEVICE, or the name of a server or service")
    listing = _add(actions, "list", "all of them, without secrets", _list, broker=False)
    listing.add_argument("--home", default="", metavar="HOME", help="of this home only")
    writing = _add(actions, "export", "the plugin's whole file, for a Mosquitto that begins anew", _export)
    writing.add_argument("file", type=Path, metavar="FILE")


def _add(actions: Any, name: str, about: str, work: Work, *, broker: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=about, description=f"{name}: {about}.")
    add_place(parser)
    if broker:
        parser.add_argument(
            "--broker",
            metavar="URL",
            help="mqtt://ADMIN@host:port, for the plugin's administrator: a password that is left out is asked for (default: as "
            "--config says)",
        )
    parser.set_defaults(run=partial(_run, work))
    return parser


def _run(work: Work, options: argparse.Namespace) -> int:
    try:
        return asyncio.run(_worked(work, options))
    except Refused as error:
        print(f"carebell admin: {error.reason}", file=sys.stderr)
        return 1


async def _worked(work: Work, options: argparse.Namespace) -> int:
    async with open_credentials(options) as credentials:
        return await work(options, credentials)


@asynccontextmanager
async def open_credentials(options: argparse.Namespace) -> AsyncIterator[SqlCredentials]:
    """Those of that place. Raises BadInput, TryLater."""
    if options.config is not None:
        url = read_city(options.config).database.url.get_secret_value()
    elif options.data.is_dir():
        url = registry_url(options.data)
    else:
        raise BadInput(f"--data {options.data}: no such directory; it is made by the first carebell up")
    credentials = await SqlCredentials.open(url)
    try:
        yield credentials
    finally:
        await credentials.close()


async def _provision(options: argparse.Namespace, credentials: SqlCredentials) -> int:
    async with open_registry(options) as registry:
        left = await revoke_left_behind(credentials, registry, by=getpass.getuser(), at=SystemClock().now())
    said = [*left, *await _gate(options).reconcile(credentials)]
    for line in said:
        print(line)
    return 1 if any(line.startswith("!") for line in said) else 0


async def _issue(options: argparse.Namespace, credentials: SqlCredentials) -> int:
    if options.all_missing is not None:
        return await _issue_missing(options, credentials)
    holder = await _holder(options)
    access = Access(credentials, _gate(options))
    _show(holder, await access.issue(holder, by=getpass.getuser(), at=SystemClock().now()))
    return 0


async def _issue_missing(options: argparse.Namespace, credentials: SqlCredentials) -> int:
    if options.device is not None or options.server is not None or options.service is not None or options.dialect:
        raise BadInput("--all-missing FILE is for all devices of a HOME, or of all homes: leave the rest out")
    access = Access(credentials, _gate(options))
    async with open_registry(options) as registry:
        homes = every_home(registry) if options.home is None else await named_home(registry, options.home)
        return await issue_missing(access, homes, options.all_missing, getpass.getuser(), SystemClock())


async def _holder(options: argparse.Namespace) -> Holder:
    """Whom the arguments mean. A misspelt home would get a password that fits nothing, so the registry is asked."""
    elsewhere = options.server is not None or options.service is not None
    if elsewhere == (options.device is not None) or (elsewhere and options.home is not None):
        raise BadInput("say whose: HOME DEVICE, or --server NAME with --dialect NAME, or --service NAME")
    if options.service is not None:
        return service(options.service)
    if options.server is not None:
        return server(options.server, options.dialect)
    async with open_registry(options) as registry:
        home = await registry.home(options.home)
    if home is None:
        raise BadInput(f"there is no home {options.home!r} in the registry")
    return holder_of(home, options.device)


async def _rotate(options: argparse.Namespace, credentials: SqlCredentials) -> int:
    access = Access(credentials, _gate(options))
    password = await access.rotate(options.username, by=getpass.getuser(), at=SystemClock().now())
    known = await credentials.find(options.username)
    if known is not None:
        _show(known.holder, password)
    return 0


async def _revoke(options: argparse.Namespace, credentials: SqlCredentials) -> int:
    access = Access(credentials, _gate(options))
    await access.revoke(options.username, by=getpass.getuser(), at=SystemClock().now())
    print(f"{options.username} is revoked")
    return 0


async def _list(options: argparse.Namespace, credentials: SqlCredentials) -> int:
    is_asked = asks_desk(options)
    async for one in every(credentials, home_id=options.home):
        speaks = one.holder.dialect or "-"
        told = one.username, one.holder.speaker, speaks, f"{one.issued_at:%F %T}", _state(one, is_asked=is_asked)
        print("\t".join(told))
    return 0


def asks_desk(options: argparse.Namespace) -> bool:
    """Whether the broker of that place asks the desk (EMQX), and is never told."""
    return options.config is not None and read_city(options.config).credentials.hook_secret is not None


def _state(one: Credential, *, is_asked: bool) -> str:
    """`is_asked`: the broker asks the desk, and does what is kept here."""
    if one.revoked_at is None:
        return "valid" if one.is_settled else "valid; the broker may not know it: rotate it"
    said = f"revoked {one.revoked_at:%F %T}"
    return said if one.is_settled or is_asked else f"{said}; THE BROKER MAY STILL LET IT IN: revoke it again"


async def _audit(options: argparse.Namespace, credentials: SqlCredentials) -> int:
    for change in await credentials.audit(options.username):
        print(f"{change.at.isoformat(timespec='seconds')}\t{change.what}\t{change.by}")
    return 0


async def _export(options: argparse.Namespace, credentials: SqlCredentials) -> int:
    address = _admin(options)
    if address is None or address.username is None or address.password is None:
        raise BadInput("only Mosquitto has such a file: credentials.admin_password is its administrator's")
    secret = hashed(address.password, secrets.token_bytes(SALT_BYTES))
    written = document([one async for one in every(credentials)], address.username, secret)
    try:
        options.file.touch(mode=0o600)
        options.file.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise BadInput(f"{options.file}: cannot be written: {error.strerror}") from error
    print(f"{options.file}: stop Mosquitto, put it in place of the plugin's file, let Mosquitto own it, and start")
    return 0


def _gate(options: argparse.Namespace) -> Gate:
    address = _admin(options)
    return AskingGate() if address is None else DynsecGate(lambda: open_dynsec(address, SystemClock()))


def _admin(options: argparse.Namespace) -> MqttAddress | None:
    """The administrator's way to the broker; None where the broker asks us."""
    config = None if options.config is None else read_city(options.config)
    if options.broker is not None:
        named = read_address(options.broker)
        address = named if named.password else replace(named, password=getpass.getpass("password: "))
        ours = config.mqtt.address if config else address
        return replace(address, ca=ours.ca, certificate=ours.certificate, key=ours.key)
    if config is None:
        raise BadInput("--broker: say where the broker is, mqtt://ADMIN@host:port; the broker of a box asks nobody")
    if config.credentials.hook_secret is not None:
        return None
    if config.administrator is None:
        raise BadInput(
            f"{options.config}: credentials needs admin_password (Mosquitto) or hook_secret (EMQX), or --broker"
        )
    return config.administrator


def _show(holder: Holder, password: str) -> None:
    grants = grants_of(holder)
    print(f"username   {holder.username}\npassword   {password}")
    for may, filters in (("publishes", grants.publish), ("hears", grants.subscribe)):
        print(f"{may:10} {'  '.join(filters)}")
    print("The password is not shown again.")
