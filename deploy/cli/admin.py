"""`carebell admin`: what whoever runs a box or a city does by hand."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from deploy.city_config import read_city
from deploy.cli import credentials, history, pair, rules
from deploy.cli.city import add_config
from deploy.cli.homes import export_homes, import_homes
from deploy.cli.place import add_place


def add(commands: Any) -> None:
    """The command and its arguments."""
    parser = commands.add_parser("admin", help="homes, credentials, rules, schema and topics", description=__doc__)
    areas = parser.add_subparsers(dest="area", required=True, metavar="AREA")
    homes = areas.add_parser("homes", help="import or export the registry").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    importing = homes.add_parser("import", help="from a .yaml or .csv file: all of it, or nothing and every bad line")
    importing.set_defaults(run=import_homes)
    exporting = homes.add_parser("export", help="to a .yaml or .csv file")
    exporting.set_defaults(run=export_homes)
    for one in (importing, exporting):
        one.add_argument("file", type=Path, metavar="FILE")
        add_place(one)
    credentials.add(areas)
    rules.add(areas)
    history.add(areas)
    pair.add(areas)
    migrating = areas.add_parser(
        "migrate",
        help="city: bring the database to the schema of this version",
        description="Once, with every new version before its processes start, and after a restore. Does nothing twice.",
    )
    migrating.set_defaults(run=migrate_database)
    making = areas.add_parser(
        "topics",
        help="city: make the topics of Kafka, and set what differs",
        description="Once, and with every new version before its processes start. Never changes how many partitions there are.",
    )
    making.set_defaults(run=make_topics)
    for one in (migrating, making):
        add_config(one)


def migrate_database(options: argparse.Namespace) -> int:
    """Says what it did."""
    from deploy.migrate import migrate

    for line in asyncio.run(migrate(read_city(options.config).database.url.get_secret_value())):
        print(line)
    return 0


def make_topics(options: argparse.Namespace) -> int:
    """Says what it did."""
    from deploy.topics import set_up_topics

    config = read_city(options.config)
    kafka = config.kafka
    done = set_up_topics(
        kafka.servers,
        namespace=kafka.namespace,
        partitions=kafka.partitions,
        replication=kafka.replication,
        keep=config.keep_readings,
    )
    for line in asyncio.run(done):
        print(line)
    return 0
