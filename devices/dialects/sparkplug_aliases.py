"""Aliases of Sparkplug B: what a birth says they mean, and data that came before the birth that names it. Pure.

alias without a birth ── kept ── the node is asked for a rebirth ── its birth names it: a press is a call after all
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.coercion import moment
from devices.dialects.sparkplug_payload import METRIC_LIMIT, NAME_LIMIT, TEMPLATE, Metric, Payload
from devices.products import Meaning

CALLING = URGENT_KINDS | {Kind.BUTTON}
ALIASES_KEPT, SILENT_KEPT, UNREAD_KEPT = 128, 512, 128
# A late call is a call, but a node that was set up anew meanwhile may mean something else by the same number.
UNREAD_FOR = timedelta(hours=1)
_TEXT = 64
Lore = dict[str, JsonValue]


def taught_by(metrics: Sequence[Metric], meaning: Callable[[str], Meaning | None]) -> Lore:
    """What a birth teaches: names and types by alias, the aliases that mean nothing here, and whether that is all."""
    calling: Lore = {}
    rest: Lore = {}
    silent: list[JsonValue] = []
    for metric in metrics:
        if metric.alias is None:
            continue
        meant = meaning(metric.name)
        if meant is None and metric.datatype != TEMPLATE:
            silent.append(metric.alias)
            continue
        about: JsonValue = {"name": metric.name, "datatype": metric.datatype, "unit": metric.unit}
        (calling if meant is None or meant.kind in CALLING else rest)[str(metric.alias)] = about
    # Where there are too many, calls are kept.
    aliases = dict([*calling.items(), *rest.items()][:ALIASES_KEPT])
    is_cut = len(calling) + len(rest) > ALIASES_KEPT or len(silent) > SILENT_KEPT or len(metrics) >= METRIC_LIMIT
    return {"aliases": aliases, "silent": silent[:SILENT_KEPT], "is_cut": is_cut}


def named(metric: Metric, taught: Mapping[str, JsonValue] | None) -> Metric:
    """A metric under the name and type that its birth gave."""
    aliases: Any = taught.get("aliases") if taught else None
    sought = metric.template if metric.name else metric.alias
    found: Any = aliases.get(str(sought)) if isinstance(aliases, dict) else None
    if not isinstance(found, dict):
        return metric
    if metric.name:
        return replace(metric, name=f"{found.get('name')}/{metric.name}"[:NAME_LIMIT])
    return replace(
        metric,
        name=str(found.get("name")),
        datatype=metric.datatype or _whole(found.get("datatype")) or 0,
        unit=metric.unit or str(found.get("unit") or ""),
    )


def is_unknown(metric: Metric, taught: Mapping[str, JsonValue] | None) -> bool:
    """Whether no birth that was heard has said what the alias of this metric, as it came, means."""
    if metric.name or metric.alias is None:
        return False
    if taught is None:
        return True
    aliases, silent = taught.get("aliases"), taught.get("silent")
    is_named = isinstance(aliases, dict) and str(metric.alias) in aliases
    is_silent = isinstance(silent, list) and metric.alias in silent
    return not (is_named or is_silent or taught.get("is_cut") is True)


def kept_unread(
    unknown: Iterable[Metric], payload: Payload, at: datetime, before: Mapping[str, JsonValue] | None
) -> Lore:
    """What was said under aliases that are unknown, the newest of each value; what cannot be a call is not kept."""
    kept: dict[tuple[int | None, JsonValue, bool], Lore] = {}
    for one in _entries(before):
        alias, value = _whole(one.get("alias")), one.get("value")
        if isinstance(value, bool | int | str):
            kept[alias, value, isinstance(value, bool)] = one
    for metric in unknown:
        value = metric.value[:_TEXT] if isinstance(metric.value, str) else metric.value
        if metric.is_history or not isinstance(value, bool | int | str):
            continue
        key = metric.alias, value, isinstance(value, bool)
        kept.pop(key, None)
        kept[key] = {
            "alias": metric.alias,
            "value": value,
            "datatype": metric.datatype,
            "timestamp": metric.timestamp,
            "sent": payload.timestamp,
            "seq": payload.seq,
            "at": at.isoformat(),
        }
    # Switches go last, so that numbers which count up push none of them out.
    entries = sorted(kept.values(), key=lambda one: isinstance(one["value"], bool))
    return {"entries": list(entries[-UNREAD_KEPT:])}


def read_at_last(unread: Mapping[str, JsonValue] | None, at: datetime) -> list[tuple[Metric, Payload]]:
    """What was kept, oldest first: the metric as it came, and what else is known of its message."""
    found = []
    for one in _entries(unread):
        came_at = moment(one.get("at"))
        if came_at is None or not timedelta(0) <= at - came_at <= UNREAD_FOR:
            continue
        metric = Metric(
            alias=_whole(one.get("alias")),
            timestamp=_whole(one.get("timestamp")),
            datatype=_whole(one.get("datatype")) or 0,
            value=one.get("value"),
        )
        sent = _whole(one.get("sent"))
        found.append((came_at, metric, Payload(timestamp=sent, seq=_whole(one.get("seq")))))
    return [(metric, payload) for _, metric, payload in sorted(found, key=lambda one: one[0])]


def _entries(unread: Mapping[str, JsonValue] | None) -> list[Lore]:
    entries = unread.get("entries") if unread else None
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []


def _whole(stated: JsonValue) -> int | None:
    return stated if isinstance(stated, int) and not isinstance(stated, bool) and stated >= 0 else None
