"""Problems of a YAML file stand with the line where somebody can mend them."""

import pytest
from pydantic import BaseModel, ConfigDict

from carebell.errors import BadInput
from carebell.file_yaml import read_model


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = "x"
    inner: Inner | None = None
    many: list[Inner] = []
    added: str = ""


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("name: a\ninner:\n  size: big\n", ["f:3: inner.size"]),
        ("name: a\nmany:\n  - size: 1\n  - size: big\n", ["f:4: many.1.size"]),
        ("name: a\nmany:\n  - {}\n", ["f:3: many.0.size: Field required"]),
        ("name: a\nnmae: b\n", ["f:2: nmae: Extra inputs"]),
        ("name: a\ninner: {size: 1}\nname: b\n", ["f:3: name stands here a second time"]),
        ("inner:\n  size: 1\n  size: 2\n", ["f:3: size stands here a second time"]),
        ("name: [\n", ["f:2: not YAML"]),
        ("- a\n", ["f:1: expected names with values"]),
        ("name: 1\ninner: {size: a}\nmany: 7\n", ["f:1: name", "f:2: inner.size", "f:3: many"]),
    ],
)
def test_every_problem_has_its_line(text: str, problems: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        read_model(Outer, text, "f")
    assert len(refused.value.problems) == len(problems)
    for said, expected in zip(refused.value.problems, problems, strict=True):
        assert said.startswith(expected)


def test_an_empty_file_says_nothing_and_what_is_added_is_there() -> None:
    assert read_model(Outer, "", "f", {"added": "fingerprint"}) == Outer(added="fingerprint")
