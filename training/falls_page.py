"""The table of docs/detection.md that shows how well falls are found, from the measured figures; and what they hold for."""

import ast
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- falls:begin -->", "<!-- falls:end -->"
_ROOT = Path(__file__).parents[1]
_SOURCES = ("rules_engine/acceleration.py", "rules_engine/fall_features.py", "rules_engine/fall_model.py")


def fingerprint() -> str:
    """Of the code that measures: other figures are to be expected only if it, or the weights, differ."""
    code = (ast.dump(_without_words((_ROOT / source).read_text("utf-8"))) for source in _SOURCES)
    return sha256("\n".join(code).encode()).hexdigest()[:16]


def _without_words(source: str) -> ast.Module:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


def table(told: Mapping[str, Any]) -> str:
    """As it stands on the page."""
    lines = [
        "| people not learned from | aim | falls found | daily life left alone | of elders |",
        "|---|---|---|---|---|",
    ]
    for row in told["rows"]:
        cells = (_cell(row[name]) for name in ("sensitivity", "specificity", "elders_specificity"))
        lines.append(f"| {row['what']} | {row.get('aim', '–')} | {' | '.join(cells)} |")
    lines += ["", "| false alarms | alarms | hours of scripted activity | per hour | aim |", "|---|---|---|---|---|"]
    for where, hour in told["false_alarms_per_hour"].items():
        lines.append(f"| {where} | {hour['alarms']} | {hour['hours']} | {hour['per_hour']} | {hour['aim']} |")
    weights = (
        f"{place} `{one['sha256'][:12]}` from score {one['score_from']}" for place, one in told["weights"].items()
    )
    return "\n".join([*lines, "", f"Weights: {', '.join(weights)}."])


def _cell(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return "–"
    return f"{told['percent']:.1f} % [{told['low']:.1f}–{told['high']:.1f}] of {told['trials']}"


def into_page(page: str, told: Mapping[str, Any]) -> str:
    """The page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(told)}\n{END}{after}"
