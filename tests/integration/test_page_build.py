"""The page that is served is the page that is written: a fresh compile gives the committed files, byte for byte."""

from pathlib import Path

import pytest

from tests.support.page import PAGE, compile_page
from tests.support.services import needed_npm

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_a_fresh_compile_equals_what_is_committed(tmp_path: Path) -> None:
    compile_page(needed_npm(), tmp_path)

    fresh = {path.name: path.read_bytes() for path in tmp_path.glob("*.js")}
    committed = {path.name: path.read_bytes() for path in (PAGE / "static").glob("*.js")}
    assert fresh.keys() == committed.keys() == {f"{path.stem}.js" for path in (PAGE / "src").glob("*.ts")}
    stale = [name for name, content in fresh.items() if content != committed[name]]
    assert not stale, f"run make page and commit: {', '.join(stale)}"
