"""The picture of some days, by matplotlib: a row for each day, rooms above, silence below. Same days, same bytes."""

import io
from collections.abc import Sequence
from datetime import date, timedelta

from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from carebell.types import HomeProfile, Severity
from deploy.plot_days import Day

# Paul Tol's “muted”: told apart by colour-blind people too. What lies beyond them is drawn in one grey.
COLOURS = ("#332288", "#DDCC77", "#117733", "#88CCEE", "#CC6677", "#44AA99", "#999933", "#882255", "#AA4499")
OTHER = "#B8B8B8"
SILENCE, LIMIT, ALERT, NOTE = "#D0D4D8", "#20242A", "#D81B00", "#FFFFFF"
# The strip of silence is so many hours high, and more where a longer silence is allowed; what is longer still is cut off.
_STRIP_H = 12.0
_WIDTH_IN, _ROW_IN, _MARGIN_IN = 12.0, 0.66, 1.1
_ROOMS, _STRIP = (0.07, 0.40), (0.47, 0.96)
_SANS = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans SC", "WenQuanYi Micro Hei", "PingFang SC", "Microsoft YaHei")
_EPOCH = date(1970, 1, 1)


def colours_of(rooms: Sequence[str]) -> dict[str, str]:
    """The colour of each room."""
    return {room: COLOURS[place] if place < len(COLOURS) else OTHER for place, room in enumerate(rooms)}


def date_of(day: Day) -> date:
    """The local date."""
    return _EPOCH + timedelta(days=day.number)


def picture(home: HomeProfile, days: Sequence[Day], rooms: Sequence[str], *, with_legend: bool) -> bytes:
    """A PNG. Without a legend there are only figures and Latin letters in it."""
    known = set(font_manager.get_font_names())
    fonts = [name for name in _SANS if name in known] if with_legend else _SANS[0]
    with rc_context({"font.family": fonts, "font.size": 9}):
        height = _MARGIN_IN + _ROW_IN * len(days) + (0.5 if with_legend else 0)
        figure = Figure(figsize=(_WIDTH_IN, height), dpi=100)
        axes = figure.add_axes((0.1, 0.62 / height, 0.875, _ROW_IN * len(days) / height))
        top = _top(days)
        _frame(axes, days, f"local time ({home.timezone}); the strip of silence is {top:.0f} hours high")
        colours = colours_of(rooms)
        _rooms(axes, days, colours)
        _silences(axes, days, top)
        _alerts(axes, days)
        if with_legend:
            figure.legend(handles=_legend(colours), loc="upper center", ncols=6, frameon=False)
        written = io.BytesIO()
        figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def _top(days: Sequence[Day]) -> float:
    allowed = (allowed for day in days for *_, allowed in day.silences if allowed is not None)
    return max([_STRIP_H, *allowed])


def _frame(axes: Axes, days: Sequence[Day], below: str) -> None:
    axes.set_xlim(0, 24)
    axes.set_ylim(len(days), 0)
    axes.set_xticks(range(0, 25, 3), [f"{hour:02}:00" for hour in range(0, 25, 3)])
    axes.set_yticks([row + 0.5 for row in range(len(days))], [f"{date_of(day):%Y-%m-%d %a}" for day in days])
    axes.tick_params(length=0)
    axes.tick_params(axis="x", labeltop=True)
    axes.set_xlabel(below, color="#555555")
    for row in range(len(days) + 1):
        axes.axhline(row, color="#8A9099", linewidth=0.6)
    for hour in range(3, 24, 3):
        axes.axvline(hour, color="#E3E6EA", linewidth=0.8, zorder=0)


def _rooms(axes: Axes, days: Sequence[Day], colours: dict[str, str]) -> None:
    low, high = _ROOMS
    spans = [(row, *span) for row, day in enumerate(days) for span in day.rooms]
    boxes = [_box(begin, end, row + low, row + high) for row, begin, end, _ in spans]
    axes.add_collection(PolyCollection(boxes, facecolors=[colours[room] for *_, room in spans], linewidths=0))


def _silences(axes: Axes, days: Sequence[Day], top: float) -> None:
    low, high = _STRIP
    silences = [(row, *silence) for row, day in enumerate(days) for silence in day.silences]

    def height(row: int, hours: float) -> float:
        return row + high - (high - low) * min(hours, top) / top

    shapes, lines = [], []
    for row, begin, end, so_far, allowed in silences:
        upper = [(hour, height(row, so_far + hour - begin)) for hour in _corners(begin, end, begin + top - so_far)]
        shapes.append([(begin, row + high), *upper, (end, row + high)])
        if allowed is not None:
            lines.append([(begin, height(row, allowed)), (end, height(row, allowed))])
    axes.add_collection(PolyCollection(shapes, facecolors=SILENCE, linewidths=0))
    axes.add_collection(LineCollection(lines, colors=LIMIT, linewidths=1.2))


def _corners(begin: float, end: float, full: float) -> list[float]:
    """Where the upper edge of a silence turns: it grows until the strip is full."""
    return [begin, full, end] if begin < full < end else [begin, end]


def _box(begin: float, end: float, low: float, high: float) -> list[tuple[float, float]]:
    return [(begin, low), (begin, high), (end, high), (end, low)]


def _alerts(axes: Axes, days: Sequence[Day]) -> None:
    for row, day in enumerate(days):
        for hour, number, alert in day.alerts:
            colour = ALERT if alert.severity.rank >= Severity.HIGH.rank else NOTE
            axes.plot([hour], [row + 0.5], "v", color=colour, markeredgecolor="black", markersize=9, zorder=5)
            axes.annotate(f"{number}", (hour, row + 0.5), (7, -3), textcoords="offset points", zorder=6)


def _legend(colours: dict[str, str]) -> list[Patch | Line2D]:
    rooms = [Patch(color=colour, label=room) for room, colour in colours.items()]
    return [
        *rooms,
        Patch(color=SILENCE, label="silence so far"),
        Line2D([], [], color=LIMIT, label="silence allowed"),
        Line2D([], [], color=ALERT, marker="v", linestyle="", markeredgecolor="black", label="alert"),
        Line2D([], [], color=NOTE, marker="v", linestyle="", markeredgecolor="black", label="note or fault"),
    ]
