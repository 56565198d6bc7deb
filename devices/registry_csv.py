"""One CSV file of homes as the same tree that YAML gives, and back.

Each row is one record: `record` says which (home, resident, contact, service, device, binding, setting), `home_id` whose.
A cell that a spreadsheet would take for a formula is written with a ' in front, and read without it.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from carebell.types import BindingProfile
from devices.registry import Contact, Device, Home, Resident, Service
from devices.registry_checks import closest
from devices.registry_settings import read_cell, write_cell
from devices.registry_yaml import Node, Problem

PARTS = {
    "resident": ("residents", Resident),
    "contact": ("contacts", Contact),
    "service": ("services", Service),
    "device": ("devices", Device),
}
SETTING = ("rule", "parameter", "value")
RECORDS = ("home", *PARTS, "binding", "setting")
_APART = (*(name for name, _ in PARTS.values()), "bindings", "settings")
_SHAPES = (Home, Resident, Contact, Service, Device, BindingProfile)
_NAMES = [field.name for shape in _SHAPES for field in fields(shape)]
COLUMNS = ("record", *(name for name in dict.fromkeys(_NAMES) if name not in _APART), *SETTING)
_NEEDED = ("record", "home_id")
# A leading ' before a formula is ours; text that has one already gets one more, so that reading is exact
_FORMULA = re.compile(r"'*[=+\-@\t\n＝＋－＠]")
_GUARDED = re.compile(r"''*[=+\-@\t\n＝＋－＠]")
_Row = tuple[int, dict[str, str]]


def read_csv(text: str) -> tuple[Node, list[Problem]]:
    """The tree of the homes in the text, and what is wrong with the rows."""
    problems: list[Problem] = []
    lines = _lines(text, problems)
    line, header = next(lines, (1, []))
    columns = [cell.strip() for cell in header]
    if not any(columns):
        problems = problems or [(1, f"the file is empty; begin it with the header row {','.join(COLUMNS)}")]
        return Node(1, None), problems
    if faults := _header_faults(line, columns):
        return Node(1, None), faults
    rows = list(_rows(lines, columns, problems))
    return Node(line, {"homes": Node(line, _homes(rows, problems))}), problems


def write_csv(tree: dict[str, Any]) -> str:
    """The tree as CSV with every column, in the order of the homes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for home in tree["homes"]:
        writer.writerow(_cells("home", home, home["home_id"]))
        for record, (name, _) in PARTS.items():
            for part in home.get(name, []):
                writer.writerow(_cells(record, part, home["home_id"]))
                for binding in part.get("bindings", []):
                    named = {"device_id": part["device_id"], **binding}
                    writer.writerow(_cells("binding", named, home["home_id"]))
        for rule, parameters in home.get("settings", {}).items():
            for parameter, value in parameters.items():
                setting = dict(zip(SETTING, (rule, parameter, write_cell(value)), strict=True))
                writer.writerow(_cells("setting", setting, home["home_id"]))
    return out.getvalue()


def _cells(record: str, values: dict[str, Any], home_id: str) -> list[str]:
    texts = {name: _cell_text(value) for name, value in values.items() if name not in _APART}
    texts |= {"record": record, "home_id": home_id}
    return [_guard(texts.get(column, "")) for column in COLUMNS]


def _cell_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(value) if isinstance(value, list) else str(value)


def _guard(cell: str) -> str:
    return f"'{cell}" if cell and _FORMULA.match(cell) else cell


def _unguard(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell


def _lines(text: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line on which it begins; a cell in quotes may run over several."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            problems.append((line, f"this row is not CSV ({error}); mend its quotes"))
            return
        if row is None:
            return
        yield line, row


def _header_faults(line: int, columns: Sequence[str]) -> list[Problem]:
    if len(columns) == 1 and re.search("[;\t]", columns[0]):
        return [(line, "the columns are not separated by commas; save the file as CSV with commas")]
    faults = []
    for place, column in enumerate(columns, start=1):
        if not column:
            faults.append((line, f"column {place} has no name; name it or take it away"))
        elif column not in COLUMNS:
            known = ", ".join(COLUMNS)
            hint = closest(column, COLUMNS) or f", the columns are {known}"
            faults.append((line, f"there is no column {column!r}{hint}"))
        elif column in columns[: place - 1]:
            faults.append((line, f"the column {column!r} is there twice; keep one"))
    faults.extend((line, f"the column {name!r} is missing; add it") for name in _NEEDED if name not in columns)
    return faults


def _rows(lines: Iterator[tuple[int, list[str]]], columns: Sequence[str], problems: list[Problem]) -> Iterator[_Row]:
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            problems.append(
                (line, f"this row has {len(cells)} cells, the header has {len(columns)}; mend its commas and quotes")
            )
            continue
        values = {column: _unguard(cell) for column, cell in zip(columns, cells, strict=True) if cell}
        record = values["record"] = values.get("record", "").strip()
        if record not in RECORDS:
            hint = closest(record, RECORDS) or f", write one of {', '.join(RECORDS)}"
            problems.append((line, f"there is no record {record!r}{hint}"))
            continue
        yield line, values


def _homes(rows: Sequence[_Row], problems: list[Problem]) -> list[Node]:
    """Rows to homes. A part may stand before its home, a binding before its device."""
    homes: list[Node] = []
    by_id: dict[str, dict[str, Node]] = {}
    for line, values in rows:
        if values["record"] == "home":
            node = {name: Node(line, value) for name, value in values.items() if name != "record"}
            homes.append(Node(line, node))
            by_id.setdefault(values.get("home_id", ""), node)
    devices: dict[tuple[str, str], dict[str, Node]] = {}
    parts = [row for row in rows if row[1]["record"] != "home"]
    for line, values in sorted(parts, key=lambda row: row[1]["record"] == "binding"):
        if fault := _owner_fault(values, by_id):
            problems.append((line, fault))
        elif values["record"] == "setting":
            problems.extend(_set(by_id[values["home_id"]], line, values))
        elif values["record"] == "binding":
            problems.extend(_bind(devices, line, values))
        else:
            _belong(by_id[values["home_id"]], devices, line, values)
    return homes


def _owner_fault(values: dict[str, str], by_id: Mapping[str, object]) -> str:
    home_id = values.get("home_id", "")
    if not home_id:
        return f"home_id is missing; say whose {values['record']} this is"
    if home_id not in by_id:
        return f"there is no home {home_id!r}{closest(home_id, list(by_id)) or '; add a row `home` for it'}"
    return ""


def _belong(
    home: dict[str, Node], devices: dict[tuple[str, str], dict[str, Node]], line: int, values: dict[str, str]
) -> None:
    """One part of a home; a device is found again by its id."""
    name, _ = PARTS[values["record"]]
    part = _add(home, name, line, {key: one for key, one in values.items() if key not in _NEEDED})
    if values["record"] == "device":
        devices.setdefault((values["home_id"], values.get("device_id", "")), part)


def _add(owner: dict[str, Node], name: str, line: int, values: dict[str, str]) -> dict[str, Node]:
    """One more of the parts that an owner has under that name."""
    part = {key: Node(line, value) for key, value in values.items()}
    siblings = owner.setdefault(name, Node(line, [])).value
    if isinstance(siblings, list):
        siblings.append(Node(line, part))
    return part


def _bind(devices: Mapping[tuple[str, str], dict[str, Node]], line: int, values: dict[str, str]) -> Iterator[Problem]:
    """One binding of one device, as YAML has it below the device."""
    home_id, device_id = values["home_id"], values.get("device_id", "")
    if not device_id:
        yield line, "device_id is missing; say whose binding this is"
    elif (device := devices.get((home_id, device_id))) is None:
        hint = closest(device_id, [one for home, one in devices if home == home_id]) or "; add a row `device` for it"
        yield line, f"there is no device {device_id!r} in home {home_id!r}{hint}"
    else:
        _add(device, "bindings", line, {key: one for key, one in values.items() if key not in (*_NEEDED, "device_id")})


def _set(home: dict[str, Node], line: int, values: dict[str, str]) -> Iterator[Problem]:
    """One parameter of one rule, as YAML has it below the home."""
    if missing := [name for name in SETTING if name not in values]:
        yield line, f"{', '.join(missing)} is missing; a setting is a rule, a parameter and its value"
        return
    if strange := [name for name in values if name not in (*_NEEDED, *SETTING)]:
        yield line, f"a setting has no {strange[0]!r}; it has {', '.join(SETTING)}"
    node, problems = read_cell(values["value"], line)
    yield from problems
    rules = home.setdefault("settings", Node(line, {})).value
    parameters = rules.setdefault(values["rule"], Node(line, {})).value if isinstance(rules, dict) else None
    if isinstance(parameters, dict):
        if first := parameters.get(values["parameter"]):
            yield line, f"this is set on line {first.line} already; keep one"
        parameters.setdefault(values["parameter"], node)
