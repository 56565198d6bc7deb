"""Which rulebook is in force, for commands that run beside a box or a city; and a word in the log where it has changed."""

from pathlib import Path

from carebell.instruments import Instruments
from carebell.log import Log
from carebell.topics import Topic
from carebell.types import Alert
from carebell.wire import Unreadable, decode
from deploy.city_config import read_city
from deploy.config import rulebook_of
from deploy.data_dir import rulebook_path
from rules_engine.rulebook import Rulebook

_LOOK_BACK = 100


def rulebook_in_force(data: Path, config: Path | None) -> Rulebook:
    """A city's is named in its configuration; a box keeps the one that it began with. Raises BadInput."""
    if config is not None:
        return rulebook_of(read_city(config).rulebook)
    kept = rulebook_path(data)
    return rulebook_of(kept if kept.exists() else None)


def keep_rulebook(data: Path, text: str, instruments: Instruments) -> None:
    """As a box begins with it. A disk that takes nothing keeps no call from being heard."""
    kept = rulebook_path(data)
    new = kept.with_suffix(".new")
    try:
        new.write_text(text, "utf-8")
        new.replace(kept)
    except OSError as error:
        instruments.logger.warning("the rulebook is not kept for commands beside the box", error=str(error))


async def tell_rulebook(log: Log, rulebook: Rulebook, instruments: Instruments) -> None:
    """Say under which rulebook the rules begin, and under which one the last alert was raised where that was another."""
    try:
        before = await _last_label(log)
    except OSError as error:
        instruments.logger.warning("the last rulebook is not known: the log cannot be read", error=str(error))
        return
    if before not in ("", rulebook.label):
        instruments.logger.warning("the rulebook has changed", before=before, rulebook=rulebook.label)


async def _last_label(log: Log) -> str:
    """That of the newest alert that names one; empty where none does."""
    for record in await log.tail(Topic.ALERTS, _LOOK_BACK):
        try:
            alert = decode(record.value)
        except Unreadable:
            continue
        if isinstance(alert, Alert) and alert.rulebook:
            return alert.rulebook
    return ""
