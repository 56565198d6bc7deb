"""Draws the days of homes into a file: one page with everything in it (.html), or the newest days of one home (.png)."""

from collections.abc import Sequence
from pathlib import Path

from carebell.errors import BadInput
from deploy.life import Life
from deploy.plot_days import days_of, rooms_of
from deploy.plot_figure import picture
from deploy.plot_page import page

# So many days stand below one another in a picture.
DAYS = 31


def draw(path: Path, lives: Sequence[Life]) -> str:
    """Write the file; what it shows, in one line. Raises BadInput."""
    if not lives:
        raise BadInput(f"--plot {path}: there are no readings to draw")
    if path.suffix == ".png":
        content, said = _newest(lives)
    else:
        content, said = page(lives, DAYS).encode(), f"{len(lives)} homes"
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadInput(f"--plot {path}: cannot be written: {error.strerror}") from error
    return f"{path} shows {said}"


def _newest(lives: Sequence[Life]) -> tuple[bytes, str]:
    life, days = lives[0], days_of(lives[0])
    shown = days[-DAYS:]
    said = f"home {life.home.home_id}, {len(shown)} of {len(days)} days"
    more = "; an .html shows everything" if len(shown) < len(days) or len(lives) > 1 else ""
    return picture(life.home, shown, rooms_of(life), with_legend=True), said + more
