"""The page of a plot: every home with its legend, its pictures and the alerts in them. One file that needs nothing else."""

import base64
from collections.abc import Iterator, Sequence
from html import escape

from carebell.types import Alert
from deploy.life import Life
from deploy.plot_days import Day, days_of, rooms_of
from deploy.plot_figure import ALERT, LIMIT, NOTE, SILENCE, colours_of, date_of, picture

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Days of homes</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #20242a; }
img { max-width: 100%; height: auto; }
ul.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
ul.legend i { display: inline-block; width: 1rem; height: 1rem; margin-right: .4rem; border: 1px solid #8a9099; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #d0d4d8; }
</style>
</head>
<body>
<h1>Days of homes</h1>
<p>Each row is one day. Above: the rooms in which somebody moved. Below, in grey: for how long nothing has moved, growing until
something moves again. The black line: for how long that may be, here and at this time of day, as far as the rule
<code>inactivity</code> has learned it. Where the grey passes the line, the rule calls, unless the home could not be heard
for a part of that time. Triangles are alerts; their numbers lead to the list below the picture.</p>
<p lang="zh">每行一天。上方色条：有人活动的房间。下方灰色：多久没有活动，有活动时归零；黑线：规则 <code>inactivity</code>
目前学到的该住户此时允许的静止时长。灰色超过黑线即报警（若其间收不到该住户的数据则除外）。三角为报警，编号见图下列表。</p>
"""


def page(lives: Sequence[Life], days_each: int) -> str:
    """Pictures of at most so many days each."""
    return "".join([_HEAD, *(part for life in lives for part in _home(life, days_each)), "</body>\n</html>\n"])


def _home(life: Life, days_each: int) -> Iterator[str]:
    days, rooms = days_of(life), rooms_of(life)
    home_id = escape(life.home.home_id)
    yield f"<section>\n<h2>{home_id}</h2>\n"
    yield _legend(rooms)
    for first in range(0, len(days), days_each):
        shown = days[first : first + days_each]
        since_until = f"{date_of(shown[0])} – {date_of(shown[-1])}"
        drawn = base64.b64encode(picture(life.home, shown, rooms, with_legend=False)).decode()
        yield f"<h3>{since_until}</h3>\n"
        yield f'<img alt="Rooms over hours in {home_id}, {since_until}" src="data:image/png;base64,{drawn}">\n'
        yield _alerts(shown)
    yield "</section>\n"


def _legend(rooms: Sequence[str]) -> str:
    marks = {**colours_of(rooms), "silence so far 静止时长": SILENCE, "silence allowed 允许时长": LIMIT}
    marks |= {"alert 报警": ALERT, "note or fault 提示": NOTE}
    lines = (f'<li><i style="background:{colour}"></i>{escape(name)}</li>\n' for name, colour in marks.items())
    return f'<ul class="legend">\n{"".join(lines)}</ul>\n'


def _alerts(days: Sequence[Day]) -> str:
    rows = [_row(f"{date_of(day)} {_clock(hour)}", number, alert) for day in days for hour, number, alert in day.alerts]
    if not rows:
        return "<p>No alerts. 无报警。</p>\n"
    head = "<tr><th>No.</th><th>local time</th><th>rule</th><th>severity</th><th>why</th></tr>\n"
    return f"<table>\n{head}{''.join(rows)}</table>\n"


def _clock(hour: float) -> str:
    minutes = round(hour * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _row(at: str, number: int, alert: Alert) -> str:
    why = f'{escape(alert.summary)}<br><span lang="zh">{escape(alert.summary_zh)}</span>'
    cells = (str(number), at, escape(alert.rule), alert.severity.value, why)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"
