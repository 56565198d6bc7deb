"""docs/asyncapi.yaml says what the code does."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
import yaml

from carebell.topics import Topic
from carebell.types import Kind
from carebell.wire import decode, encode
from deploy.asyncapi import document, text
from devices.dialect import Message
from devices.listener import Listener
from ingest.accept import accept
from ingest.roster import Roster

FILE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
MESSAGES = DOCUMENT["components"]["messages"]
EXAMPLES = [(name, example["payload"]) for name, one in MESSAGES.items() for example in one["examples"]]
LOG_MESSAGES = [name for name, one in MESSAGES.items() if "headers" in one]


def validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})


def test_the_committed_file_is_what_make_docs_writes() -> None:
    assert FILE.read_text("utf-8") == text(), "run: make docs"


def test_it_is_written_the_same_twice() -> None:
    assert text() == text()


def test_it_describes_every_topic_of_the_log() -> None:
    described = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert {topic.value for topic in Topic} <= described


@pytest.mark.parametrize(("name", "payload"), EXAMPLES)
def test_every_example_is_valid(name: str, payload: Any) -> None:
    validator(MESSAGES[name]["payload"]).validate(payload)


def test_every_message_has_an_example_and_belongs_to_a_channel() -> None:
    used = {name for channel in DOCUMENT["channels"].values() for name in channel["messages"]}
    assert used == set(MESSAGES) == {name for name, _ in EXAMPLES}


@pytest.mark.parametrize("name", LOG_MESSAGES)
def test_an_example_of_the_log_is_read_and_written_back_unchanged(name: str) -> None:
    for example in MESSAGES[name]["examples"]:
        value = decode(orjson.dumps(example["payload"]))
        assert type(value).__name__ == name
        assert orjson.loads(encode(value)) == example["payload"]


@pytest.mark.parametrize("name", LOG_MESSAGES)
def test_a_log_message_with_a_broken_field_is_not_valid(name: str) -> None:
    check = validator(MESSAGES[name]["payload"])
    for example in MESSAGES[name]["examples"]:
        broken = {**example["payload"], "type": 7}
        assert not check.is_valid(broken)


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for child in node.values() for found in references(child)]
    return [found for child in node for found in references(child)] if isinstance(node, list) else []


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_ingest_reads_what_a_device_is_shown_to_say() -> None:
    for example in MESSAGES["up"]["examples"]:
        message = Message(
            topic="carebell/h/d/up",
            payload=orjson.dumps(example["payload"]),
            received_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        accepted = accept(message, Listener(Roster()))
        assert accepted.readings
        assert accepted.rejected is None


@pytest.mark.parametrize("kind", list(Kind))
def test_what_ingest_answers_is_described(kind: Kind) -> None:
    """Whatever a device says of any kind: each reply is one of the messages of the down channel."""
    down = [validator(MESSAGES[name]["payload"]) for name in DOCUMENT["channels"]["down"]["messages"]]
    for value in (None, True, "active", 7, [1], {"a": 1}):
        content = {"id": "n-1", "kind": kind.value, "value": value}
        message = Message(
            topic="carebell/h/d/up", payload=orjson.dumps(content), received_at=datetime(2026, 1, 1, tzinfo=UTC)
        )
        for reply in accept(message, Listener(Roster())).replies:
            assert sum(check.is_valid(orjson.loads(reply.payload)) for check in down) == 1


def test_the_document_has_the_parts_of_asyncapi_3() -> None:
    assert list(document()) == ["asyncapi", "info", "defaultContentType", "channels", "operations", "components"]
    assert DOCUMENT["asyncapi"].startswith("3.")
