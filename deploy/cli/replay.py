"""`carebell replay`: recorded readings through the real rules, alerts as JSON lines on stdout, a summary on stderr."""

import argparse
import gzip
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from carebell.duration import parse_duration
from carebell.errors import BadInput
from carebell.ids import computed
from carebell.types import Alert, DeviceProfile, HomeProfile, Reading
from deploy.config import rulebook_of
from rules_engine.replay import Replay


def add(commands: Any) -> None:
    """The command and its arguments."""
    parser = commands.add_parser("replay", help="recorded readings through the rules", description=__doc__)
    parser.add_argument("events", type=Path, metavar="EVENTS.jsonl[.gz]", help="readings, ordered by observed_at")
    parser.add_argument("--rulebook", type=Path, metavar="FILE", help="default: the one that comes with Carebell")
    parser.add_argument(
        "--homes",
        type=Path,
        metavar="FILE",
        help="homes as JSON lines, see docs/configuration.md",
    )
    parser.add_argument("--until", metavar="TIME", help="go on to this time (RFC 3339) after the last reading")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the alerts."""
    until = None if options.until is None else _time(options.until, "--until")
    replay = Replay(rulebook_of(options.rulebook))
    homes = [] if options.homes is None else list(_homes(options.homes))
    count: Counter[str] = Counter()
    for alert in replay.run(homes, _readings(options.events), until):
        count[f"{alert.rule} {alert.status}"] += 1
        sys.stdout.write(orjson.dumps(_alert_json(alert)).decode() + "\n")
    sys.stdout.flush()
    said = ", ".join(f"{name}: {number}" for name, number in sorted(count.items())) or "none"
    print(f"{replay.readings} readings, {len(homes)} homes; alerts: {said}", file=sys.stderr)
    for rule, number in sorted(replay.failures.items()):
        print(f"rule {rule} failed {number} times", file=sys.stderr)
    return 0


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every line as an object, with where it stands."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}:{number}", _object(f"{path}:{number}", line)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _object(where: str, line: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{where}: not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{where}: expected a JSON object")
    return content


def _time(stated: Any, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(stated)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise BadInput(f"{where}: not an RFC 3339 time: {str(stated)[:64]!r}") from None
    raise BadInput(f"{where}: a time needs a zone, such as Z: {stated!r}")


def _text(content: dict[str, Any], key: str, where: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{where}: {key} is missing or not a text")
    return value


def _readings(path: Path) -> Iterator[Reading]:
    for where, content in _lines(path):
        at = _time(content.get("observed_at"), where)
        home_id, device_id = _text(content, "home_id", where), _text(content, "device_id", where)
        kind, value = _text(content, "kind", where), content.get("value")
        source = content.get("id")
        try:
            stated = source if isinstance(source, str) else repr(value)
        except RecursionError:
            raise BadInput(f"{where}: value is nested too deeply") from None
        source_id = stated if stated is source else computed(home_id, device_id, kind, at.isoformat(), stated)
        yield Reading(
            id=computed("reading", home_id, device_id, source_id),
            home_id=home_id,
            device_id=device_id,
            kind=kind,
            value=value,
            unit=str(content.get("unit") or ""),
            place=str(content.get("place") or ""),
            observed_at=at,
            received_at=at,
            source_message_id=source_id,
        )


def _homes(path: Path) -> Iterator[HomeProfile]:
    for where, content in _lines(path):
        devices = content.get("devices", [])
        if not isinstance(devices, list) or not all(isinstance(device, dict) for device in devices):
            raise BadInput(f"{where}: devices is a list of objects")
        yield HomeProfile(
            home_id=_text(content, "home_id", where),
            timezone=str(content.get("timezone") or "UTC"),
            devices=tuple(_device(device, where) for device in devices),
        )


def _device(device: dict[str, Any], where: str) -> DeviceProfile:
    every = device.get("expected_every")
    try:
        expected_every = None if every is None else parse_duration(every)
    except ValueError as error:
        raise BadInput(f"{where}: expected_every: {error}") from error
    return DeviceProfile(
        device_id=_text(device, "device_id", where),
        model=str(device.get("model") or ""),
        place=str(device.get("place") or ""),
        gateway_id=str(device.get("gateway_id") or ""),
        is_gateway=device.get("is_gateway") is True,
        is_sos=device.get("is_sos") is True,
        expected_every=expected_every,
    )


def _alert_json(alert: Alert) -> dict[str, Any]:
    return {
        "rule": alert.rule,
        "home_id": alert.home_id,
        "status": alert.status.value,
        "at": alert.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "severity": alert.severity.value,
        "summary": alert.summary,
        "summary_zh": alert.summary_zh,
        "evidence": list(alert.evidence),
        "id": alert.id,
        "rulebook": alert.rulebook,
    }
