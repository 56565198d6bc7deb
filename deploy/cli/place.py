"""Where a box or a city is: the arguments of commands that work beside one, and what they open there."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from carebell.clock import SystemClock
from carebell.errors import BadInput, TryLater
from carebell.log import Log
from carebell.log_sqlite import SqliteLog
from deploy.city_config import read_city
from deploy.config import rulebook_of
from deploy.data_dir import log_path, registry_url
from deploy.rulebook_in_force import rulebook_in_force
from devices.registry_sql import SqlRegistry
from rules_engine.rulebook import Rulebook


def add_place(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """A box by its directory or a city by its configuration; the group, for what else may stand in their place."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--data", type=Path, default=Path("data"), metavar="DIR", help="the box's directory (default: data)"
    )
    where.add_argument("--config", type=Path, metavar="FILE", help="the city's configuration, in place of --data")
    return where


def rulebook_at(options: argparse.Namespace) -> Rulebook:
    """The one that is named, or the one in force there."""
    if options.rulebook is not None:
        return rulebook_of(options.rulebook)
    return rulebook_in_force(options.data, options.config)


@asynccontextmanager
async def open_registry(options: argparse.Namespace) -> AsyncIterator[SqlRegistry]:
    """The homes of that place. Raises BadInput, TryLater."""
    if options.config is not None:
        url = read_city(options.config).database.url.get_secret_value()
    else:
        url = registry_url(_directory(options.data))
    registry = await SqlRegistry.open(url)
    try:
        yield registry
    finally:
        await registry.close()


@asynccontextmanager
async def open_log(options: argparse.Namespace) -> AsyncIterator[Log]:
    """The log of that place, to read only. Raises BadInput, TryLater; a log that goes away meanwhile is TryLater too."""
    try:
        log = await _log(options)
        try:
            yield log
        finally:
            await log.close()
    except BrokenPipeError:
        raise  # whoever reads what is printed has gone
    except OSError as error:
        raise TryLater(f"the log cannot be read: {error}") from error


async def _log(options: argparse.Namespace) -> Log:
    if options.config is None:
        path = log_path(_directory(options.data))
        if not path.is_file():
            raise BadInput(f"--data {options.data}: there is no log; it is made by the first carebell up")
        return await SqliteLog.look(path, SystemClock())
    # Kafka's client is loaded by those alone who speak to it.
    from carebell.log_kafka import KafkaLog

    kafka = read_city(options.config).kafka
    return await KafkaLog.open(kafka.servers, SystemClock(), namespace=kafka.namespace, client_id="carebell-admin")


def _directory(data: Path) -> Path:
    if not data.is_dir():
        raise BadInput(f"--data {data}: no such directory; it is made by the first carebell up")
    return data
