"""`carebell admin homes` on a box that is not running."""

from pathlib import Path

import pytest

from deploy.cli import main

FIRST = """\
homes:
- home_id: h1
  contacts:
  - {contact_id: son, name: Wei, hours: "08:00-22:00", has_key: true}
  devices:
  - {device_id: pendant, dialect: chirpstack, address: A840-1, lent_on: 2026-01-05}
  - device_id: button
    dialect: zigbee2mqtt
    address: bed button
    bindings:
    - {gesture: single, kind: sos}
"""
SECOND = """\
homes:
- home_id: h2
- home_id: h3
  devices:
  - device_id: x
    dialect: chirpstack
    address: a840-1
"""


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["admin", "homes", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("name", ["again.yaml", "again.csv"])
def test_what_is_exported_is_imported_without_a_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "homes.yaml").write_text(FIRST, "utf-8")
    place = ("--data", str(tmp_path))
    assert run(capsys, "import", str(tmp_path / "homes.yaml"), *place)[1] == "1 homes read, 1 changed\n"
    assert run(capsys, "export", str(tmp_path / name), *place)[0] == 0
    assert "single" in (tmp_path / name).read_text("utf-8")
    assert run(capsys, "import", str(tmp_path / name), *place)[1] == "1 homes read, 0 changed\n"


def test_an_address_that_another_home_has_is_told_with_its_line_and_nothing_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ("--data", str(tmp_path))
    for name, text in (("first.yaml", FIRST), ("second.yaml", SECOND)):
        (tmp_path / name).write_text(text, "utf-8")
    assert run(capsys, "import", str(tmp_path / "first.yaml"), *place)[0] == 0
    code, out, error = run(capsys, "import", str(tmp_path / "second.yaml"), *place)
    assert (code, out) == (2, "")
    assert "second.yaml:7: address: address 'a840-1' of chirpstack is in home h1 already" in error
    run(capsys, "export", str(tmp_path / "all.yaml"), *place)
    assert "home_id: h2" not in (tmp_path / "all.yaml").read_text("utf-8")
