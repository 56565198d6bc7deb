"""The section of docs/detection.md that shows how well silence is judged, from the measured figures; and what they hold for."""

import ast
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from rules_engine.rulebook import Rulebook

BEGIN, END = "<!-- silence:begin -->", "<!-- silence:end -->"
_ROOT = Path(__file__).parents[1]
_SOURCES = (
    "rules_engine/hearing.py",
    "rules_engine/rules/inactivity.py",
    "rules_engine/sign_of_life.py",
    "rules_engine/silence.py",
    "rules_engine/whereabouts.py",
)
_HEADER = (
    "| home | days scored | false alarms in 30 days | noticed after, h: median / p90 | not in 24 h "
    "| fixed limit, as few false alarms | its median / p90 |\n|---|---|---|---|---|---|---|\n"
)


def fingerprint(rulebook: Rulebook) -> str:
    """Of the rule's parameters and of what its code does: other figures are to be expected only if it differs."""
    parameters = rulebook.rules.inactivity.model_dump_json()
    code = (ast.dump(_without_words((_ROOT / source).read_text("utf-8"))) for source in _SOURCES)
    return sha256("\n".join([parameters, *code]).encode()).hexdigest()[:16]


def _without_words(source: str) -> ast.Module:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


def rendered(report: Mapping[str, Any]) -> str:
    """The table, between its marks."""
    return f"{BEGIN}\n{_HEADER}{''.join(map(_row, report['homes']))}{END}"


def into_page(page: str, report: Mapping[str, Any]) -> str:
    """The page with the table of a report in the place of the one it shows."""
    return page[: page.index(BEGIN)] + rendered(report) + page[page.index(END) + len(END) :]


def _row(home: Mapping[str, Any]) -> str:
    cells: Sequence[str] = (
        home["home"],
        f"{home['scored_days']:g}",
        f"{home['false_in_30_days']:.2f}",
        f"{home['median_h']:.1f} / {home['p90_h']:.1f}",
        f"{home['undetected']} of {home['cuts']}",
        f"{home['fixed_h']:g} h",
        f"{home['fixed_median_h']:.1f} / {home['fixed_p90_h']:.1f}",
    )
    return f"| {' | '.join(cells)} |\n"
