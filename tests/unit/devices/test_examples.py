"""What every dialect makes of the messages in the folder `examples`: one table, one row a message."""

import pytest

from devices.ecosystems import BY_NAME
from tests.support.examples import FOLDER, Example, answer_to, examples, seen_of


def name_of(example: Example) -> str:
    return f"{example.dialect}/{example.file}: {example.why}"


@pytest.mark.parametrize("example", examples(), ids=name_of)
def test_a_message_says_what_stands_in_its_row(example: Example) -> None:
    answer = answer_to(example)
    assert seen_of(example, answer["readings"]) == example.says
    assert (answer["rejected"] or {}).get("reason") == example.rejected


@pytest.mark.parametrize("name", sorted(set(BY_NAME) - {"native"}))
def test_every_dialect_has_examples(name: str) -> None:
    assert list((FOLDER / name).glob("*.yaml")), f"no examples for {name}"
    assert {path.name for path in FOLDER.iterdir()} <= set(BY_NAME)
