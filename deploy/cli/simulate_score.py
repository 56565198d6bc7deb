"""`carebell simulate --score`: alerts beside the truth about the homes that they are of."""

import argparse
import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from carebell.errors import BadInput
from carebell.topics import Topic
from carebell.types import Alert, AlertStatus, Severity
from carebell.wire import Unreadable, decode
from deploy.cli.place import open_log
from deploy.recording import read_time
from devices.simulator.score import Score, read_truth, score
from devices.simulator.trouble import Truth

_NO_WAIT = timedelta(0)
_SHOWN = 20


def score_run(options: argparse.Namespace) -> int:
    """A table, what was missed, and what was for nothing; 1 where anything was missed."""
    truths = [_truth(options.score, number, line) for number, line in _numbered(options.score)]
    if (options.alerts is None) == (options.data is None and options.config is None):
        raise BadInput("--score needs the alerts: either --alerts FILE, or --data DIR or --config FILE")
    alerts = list(_read(options.alerts)) if options.alerts is not None else asyncio.run(_logged(options))
    until = max((one.at for one in alerts), default=datetime.max.replace(tzinfo=UTC))
    found = score(truths, alerts, until)
    _print(found, len(alerts))
    return 1 if found.missed else 0


def _print(found: Score, alerts: int) -> None:
    print(f"{'incident':14} {'happened':>8} {'told':>6} {'median s':>9} {'worst s':>9}")
    for row in found.rows:
        middle = "-" if row.median_s is None else f"{row.median_s:.1f}"
        worst = "-" if row.worst_s is None else f"{row.worst_s:.1f}"
        print(f"{row.what:14} {row.incidents:8} {row.told:6} {middle:>9} {worst:>9}")
    print(f"missed {len(found.missed)}, false alarms {len(found.false_alarms)} of {alerts} alerts")
    for truth in found.missed[:_SHOWN]:
        print(f"  missed: {truth.home_id} {truth.what} of {truth.device_id} at {truth.at.isoformat()}")
    for alert in found.false_alarms[:_SHOWN]:
        print(f"  for nothing: {alert.home_id} {alert.rule} at {alert.at.isoformat()}: {alert.summary}")


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _truth(path: Path, number: int, line: bytes) -> Truth:
    try:
        return read_truth(line)
    except ValueError as error:
        raise BadInput(f"{path}:{number}: {error}") from error


def _read(path: Path) -> Iterator[Alert]:
    for number, line in _numbered(path):
        try:
            content = orjson.loads(line)
            at = read_time(content["at"])
            yield Alert(
                id="",
                rule=content["rule"],
                home_id=content["home_id"],
                status=AlertStatus(content["status"]),
                at=at,
                severity=Severity(content["severity"]),
                summary=content["summary"],
                summary_zh="",
                caused_at=at,
            )
        except (ValueError, KeyError, TypeError, BadInput) as error:
            raise BadInput(f"{path}:{number}: not a line that carebell replay prints: {error}") from error


async def _logged(options: argparse.Namespace) -> list[Alert]:
    found: list[Alert] = []
    async with open_log(options) as log:
        reader = await log.reader(None, [Topic.ALERTS])
        try:
            while records := await reader.poll(1000, _NO_WAIT):
                for record in records:
                    try:
                        event = decode(record.value)
                    except Unreadable:
                        continue
                    if isinstance(event, Alert):
                        found.append(event)
        finally:
            await reader.close()
    return found
