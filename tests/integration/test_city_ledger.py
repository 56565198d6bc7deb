"""The ledger of a city: real MQTT clients press and tell while one thing after the other dies. `make soak` is longer."""

from pathlib import Path

import pytest

from tests.support.ordeal import SHORT, endure

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(1800)]


async def test_nothing_is_lost_whatever_dies_in_the_city(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    survived = await endure(tmp_path / "city", SHORT)
    with capsys.disabled():  # for whoever reads the run, also when all is well
        print(survived.text())
    assert survived.faults >= 10
    for row in survived.ledger.rows:
        assert not row.missing, (row.line(), row.missing[:5])
        assert not row.strangers, (row.line(), row.strangers[:5])
        assert not row.doubled or row.stage.startswith("webhook"), (row.line(), row.doubled[:5])
