"""Homes in a file: YAML or CSV in and out. Every problem of a file is told with its line; a faulty file gives nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from carebell.errors import BadInput
from devices.registry import AddressTaken, Home, Registry, Resident
from devices.registry_conflicts import claims, early_returns
from devices.registry_convert import plain
from devices.registry_csv import read_csv, write_csv
from devices.registry_settings import Settings, check_settings
from devices.registry_walk import Draft, Walk
from devices.registry_yaml import Problem, read_yaml, write_yaml

MAX_BYTES = 16 * 1024 * 1024
_MAX_SENTENCE = 600
_READERS = {".yaml": read_yaml, ".yml": read_yaml, ".csv": read_csv}
_WRITERS = {".yaml": write_yaml, ".yml": write_yaml, ".csv": write_csv}
_CLAIMING = ("device_id", "dialect", "address", "returned_on")
# Why settings of a home cannot be used, by rule.
Refusals = Callable[[Home], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class HomesFile:
    """What a file says. `homes`: all of it, none where it has `problems`. `put_into` names every bad line."""

    name: str
    homes: tuple[Home, ...]
    problems: tuple[Problem, ...]
    drafts: tuple[Draft, ...]
    is_clear: bool

    async def put_into(self, registry: Registry, *, by: str, at: datetime, is_trial: bool = False) -> int:
        """All of it or nothing; how many homes changed. Raises BadInput with every bad line, whatever is wrong with it."""
        problems = [*self.problems, *self._early(at), *self._taken(await registry.taken(self._claims()))]
        if problems:
            raise self._refusal(problems)
        try:
            return await registry.put(self.homes, by=by, at=at, is_trial=is_trial)
        except AddressTaken as taken:
            raise self._refusal(self._taken(taken.places)) from taken

    def whole(self) -> tuple[Home, ...]:
        """The homes. Raises BadInput."""
        if self.problems:
            raise self._refusal(self.problems)
        return self.homes

    def _claims(self) -> dict[str, dict[tuple[str, str], str]]:
        """As `Home.claims`. Nothing while it is not certain which homes the file names: one of them may be who has an address."""
        found: dict[str, dict[tuple[str, str], str]] = {}
        for home in self.drafts if self.is_clear else ():
            sure = [one.values for one in home.parts("devices") if not any(map(one.is_faulty, _CLAIMING))]
            told = claims([{"dialect": "", "address": "", **one} for one in sure if "device_id" in one])
            found.setdefault(home.values["home_id"], {}).update(told)
        return found

    def _taken(self, places: Sequence[tuple[str, str, str]]) -> list[Problem]:
        if not places:
            return []
        lines = {
            (home.values.get("home_id"), device.values.get("device_id")): device.line_of("address")
            for home in self.drafts
            for device in home.parts("devices")
        }
        return [(lines[home_id, device_id], f"address: {said}") for home_id, device_id, said in places]

    def _early(self, at: datetime) -> list[Problem]:
        devices = [device for home in self.drafts for device in home.parts("devices")]
        found = early_returns([one.values for one in devices], at)
        return [(devices[index].line_of(name), f"{name}: {said}") for index, name, said in found]

    def _refusal(self, problems: Sequence[Problem]) -> BadInput:
        told = dict.fromkeys(sorted(problems, key=lambda problem: problem[0]))
        return BadInput([f"{self.name}:{line}: {_short(sentence)}" for line, sentence in told])


def read_homes(data: bytes, name: str, refusals: Refusals = lambda home: {}) -> tuple[Home, ...]:
    """The homes of a file, as `read_file` reads it. Raises BadInput with every problem as `name:LINE: what to do`."""
    return read_file(data, name, refusals).whole()


def read_file(data: bytes, name: str, refusals: Refusals = lambda home: {}) -> HomesFile:
    """A .yaml, .yml or .csv file. `refusals` knows what settings mean. Raises BadInput where it cannot be read at all."""
    reader = _READERS.get(PurePath(name).suffix.lower())
    if reader is None:
        raise BadInput(f"{name}:1: name the file .yaml, .yml or .csv, so that it is clear how to read it")
    if len(data) > MAX_BYTES:
        raise BadInput(f"{name}:1: the file is larger than {MAX_BYTES >> 20} MiB; split it into several")
    root, problems = reader(_decode(data, name))
    walk = Walk(problems)
    drafts = tuple(walk.homes(root))
    homes = () if walk.problems else tuple(draft.build() for draft in drafts)
    asked = homes or [_outline(draft) for draft in drafts]
    told = [
        (draft.line_of(f"settings.{rule}"), f"settings of {rule}: {sentence}")
        for draft, home in zip(drafts, asked, strict=True)
        for rule, sentence in refusals(home).items()
    ]
    is_clear = not problems and all("home_id" in draft.values for draft in drafts)
    return HomesFile(name, () if told else homes, (*walk.problems, *told), drafts, is_clear)


def _outline(draft: Draft) -> Home:
    """As much of a home as says what its settings mean, whatever else of it could not be read."""
    levels = [one.values["ability_level"] for one in draft.parts("residents") if "ability_level" in one.values]
    people = [Resident(resident_id=f"r{place}", name="-", ability_level=level) for place, level in enumerate(levels)]
    settings = {rule: said for rule, said in draft.values.get("settings", {}).items() if _is_in_form({rule: said})}
    return Home(home_id="outline", residents=tuple(people), settings=settings)


def _is_in_form(settings: Settings) -> bool:
    try:
        check_settings(settings)
    except ValueError:
        return False  # that is told already
    return True


def write_homes(homes: Sequence[Home], suffix: str) -> str:
    """The homes as the text of a file with that suffix; `read_homes` reads it back equal."""
    writer = _WRITERS.get(suffix.lower())
    if writer is None:
        raise BadInput(f"homes cannot be written as {suffix!r}; choose one of {', '.join(_WRITERS)}")
    return writer({"homes": [plain(home) for home in homes]})


def _short(sentence: str) -> str:
    return sentence if len(sentence) <= _MAX_SENTENCE else f"{sentence[:_MAX_SENTENCE]}…"


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput(f"{name}:1: the file is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        try:
            data.decode("gb18030")
        except UnicodeDecodeError:
            looks = "other"
        else:
            looks = "GBK"
        raise BadInput(f"{name}:{line}: this is not UTF-8 but {looks} text; save the file as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
