"""Which home has an address, where a server speaks for many homes and the address alone tells the home.

Writers hold the lock of the registry, so that what is looked up here stays true until they commit.
"""

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from devices.registry import AddressTaken, Home
from devices.registry_schema_sql import ADDRESS, AT_ONCE


def check_addresses(connection: sa.Connection, homes: Sequence[Home]) -> None:
    """Raises AddressTaken where two of these homes have one address, or one of these and one that stays as it is."""
    if taken := taken_addresses(connection, {home.home_id: home.claims() for home in homes}):
        raise AddressTaken(taken)


def taken_addresses(
    connection: sa.Connection, wanted: Mapping[str, Mapping[tuple[str, str], str]]
) -> list[tuple[str, str, str]]:
    """The places of an AddressTaken, by what each home claims."""
    owners: dict[tuple[str, str], str] = {}
    for place, home_id in _owners(connection, [claim for claims in wanted.values() for claim in claims]):
        if home_id not in wanted:
            owners[place] = home_id
    taken = []
    for home_id, claims in wanted.items():
        for (dialect, address), device_id in claims.items():
            owner = owners.setdefault((dialect, address), home_id)
            if owner != home_id:
                said = f"address {address!r} of {dialect} is in home {owner} already; take it away there first"
                taken.append((home_id, device_id, said))
    return taken


def _owners(connection: sa.Connection, places: Sequence[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], str]]:
    for start in range(0, len(places), AT_ONCE):
        addresses = [address for _, address in places[start : start + AT_ONCE]]
        for row in connection.execute(sa.select(ADDRESS).where(ADDRESS.c.address.in_(addresses))):
            yield (row.dialect, row.address), row.home_id


def write_addresses(connection: sa.Connection, homes: Sequence[Home]) -> None:
    """In place of those that these homes had."""
    forget_addresses(connection, [home.home_id for home in homes])
    rows = [
        {"dialect": dialect, "address": address, "home_id": home.home_id}
        for home in homes
        for dialect, address in home.claims()
    ]
    if rows:
        connection.execute(sa.insert(ADDRESS), rows)


def forget_addresses(connection: sa.Connection, ids: Sequence[str]) -> None:
    """Other homes may have them from now on."""
    for start in range(0, len(ids), AT_ONCE):
        connection.execute(sa.delete(ADDRESS).where(ADDRESS.c.home_id.in_(ids[start : start + AT_ONCE])))
