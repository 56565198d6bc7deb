"""Files that people write: YAML into a pydantic model, every problem with its line, nothing taken of a bad file."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from carebell.errors import BadInput

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]


def read_model(model: type[Model], text: str, name: str, more: Mapping[str, Any] | None = None) -> Model:
    """The file as a model; `more` is added to what it says. Raises BadInput with `name:LINE: where: what`."""
    root, content = _parse(text, name)
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise BadInput(f"{name}:1: expected names with values (`key: value`)")
    if repeated := [f"{name}:{line}: {key} stands here a second time" for key, line in _repeated(root)]:
        raise BadInput(repeated)
    try:
        return model.model_validate({**content, **(more or {})})
    except ValidationError as error:
        problems = [
            f"{name}:{_line(root, one['loc'])}: {_where(one['loc'])}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_url=False)
        ]
        raise BadInput(problems) from error


def line_of(text: str, location: Location) -> int:
    """The line of a location in a file that `read_model` has taken."""
    return _line(yaml.compose(text, yaml.SafeLoader), location)


def _parse(text: str, name: str) -> tuple[yaml.Node | None, Any]:
    try:
        return yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise BadInput(f"{name}:{line}: not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that does not exist is a ValueError
        raise BadInput(f"{name}:1: not YAML: {error}") from error


def _repeated(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Keys that stand twice in a mapping: YAML would silently keep the last."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                yield str(key.value), key.start_mark.line + 1
            seen.add(str(key.value))
            yield from _repeated(value)


def _line(node: yaml.Node | None, location: Location) -> int:
    """The line of the deepest part of a location that stands in the file."""
    line = 1
    for part in location:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if str(key.value) == str(part):
                return key.start_mark.line + 1, value
    return None


def _where(location: Location) -> str:
    return ".".join(str(part) for part in location) or "the file"
