"""Everything that a responder can read is there in both languages: who adds a sentence, a kind or a state adds both."""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from devices.confirm import Stage
from devices.registry import Role
from notifier import words
from notifier.case_value import CaseStatus, Purpose, What
from notifier.casebook import DeliveryStatus
from notifier.desk.api import OUTCOMES
from notifier.escalation import HOME_CHANNEL
from notifier.words import Said
from notifier.words_delivery import in_chinese
from rules_engine.ruleset import every_rule
from tests.support.build import ROOT

CHINESE = re.compile("[一-鿿]")
ENGLISH = re.compile("[A-Za-z]{2,}")
# What stands in a sentence by itself, whatever its language.
GIVEN = {"MQTT", "X1"}
SAMPLES = {str: "X1", int: 7, timedelta: timedelta(seconds=60), timedelta | None: None}
NOTIFIER = ROOT / "notifier"
PAGE = NOTIFIER / "desk" / "page" / "src"


def is_chinese(text: str) -> bool:
    return bool(CHINESE.search(text)) and not set(ENGLISH.findall(text.replace("X1", ""))) - GIVEN


def sentences() -> Iterator[tuple[str, Said]]:
    """Every sentence of the time line; functions with samples of what they are about."""
    for name, value in vars(words).items():
        if isinstance(value, Said):
            yield name, value
        elif isinstance(value, dict):
            yield from ((f"{name} {key}", one) for key, one in value.items() if isinstance(one, Said))
        elif inspect.isfunction(value) and value.__module__ == words.__name__ and not name.startswith("_"):
            parameters = inspect.signature(value).parameters.values()
            if value is not words.in_their_words:
                yield name, value(*(SAMPLES[one.annotation] for one in parameters))


@pytest.mark.parametrize(("name", "said"), [pytest.param(*one, id=one[0]) for one in sentences()])
def test_every_sentence_of_the_time_line_is_said_in_both_languages(name: str, said: Said) -> None:
    assert ENGLISH.search(said.en)
    assert not CHINESE.search(said.en)
    assert is_chinese(said.zh), said.zh


def test_every_stage_of_a_signal_has_its_sentence() -> None:
    assert set(words.STAGES) == set(Stage) - {Stage.ACCEPTED}


def test_what_somebody_wrote_is_left_as_it_is() -> None:
    assert words.in_their_words("spoke with the son") == Said("spoke with the son", "spoke with the son")


# the page


def tables(path: Path) -> dict[str, set[str]]:
    """The tables of words of a page's language: their keys by name."""
    found = re.findall(r"^  (\w+): \{(.*?)\}", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return {name: keys(body) for name, body in found}


def keys(body: str) -> set[str]:
    """Of a table of texts, one key before each text."""
    return set(re.findall(r'"?([\w-]+)"?: "', body))


LANGUAGES = {language: tables(PAGE / f"words_{language}.ts") for language in ("en", "zh")}
CHANNELS = [
    name
    for path in (NOTIFIER / "channels").glob("*.py")
    for name in re.findall(r'^    name = (?:"(\w+)"|HOME_CHANNEL)$', path.read_text("utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("what", What),
        ("purposes", Purpose),
        ("status", CaseStatus),
        ("delivery", DeliveryStatus),
        ("stages", Stage),
        ("tiers", Role),
        ("outcomes", OUTCOMES),
        ("rules", [rule.name for rule in every_rule()]),
        ("channels", [HOME_CHANNEL, *filter(None, CHANNELS)]),
    ],
)
def test_the_page_has_a_word_for_it(language: str, table: str, wanted: Iterable[str]) -> None:
    assert set(map(str, wanted)) <= LANGUAGES[language][table]


def test_both_languages_of_the_page_have_the_same_words() -> None:
    assert LANGUAGES["en"] == LANGUAGES["zh"]


# what is said of deliveries, and refused


def texts(node: ast.AST) -> Iterator[str]:
    """The sentences in an expression, with a sample where something is put in."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def calls(tree: ast.AST, *names: str) -> Iterator[ast.AST]:
    """What is given to calls of these."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in names:
                yield from node.args
                yield from (one.value for one in node.keywords if one.arg in (None, "detail"))


def returns(tree: ast.AST) -> Iterator[ast.AST]:
    yield from (node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None)


def parsed(path: Path, function: str = "") -> ast.AST:
    tree = ast.parse(path.read_text("utf-8"))
    if not function:
        return tree
    return next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function)


def details() -> set[str]:
    """All that channels, the delivery and the case say of how a delivery ended."""
    nodes: list[ast.AST] = [*returns(parsed(NOTIFIER / "case.py", "wants"))]
    for path in [*(NOTIFIER / "channels").glob("*.py"), ROOT / "carebell" / "mqtt.py"]:
        nodes += calls(parsed(path), "Refused", "TryLater", "_judged")
    for path in (NOTIFIER / "channels").glob("*.py"):
        nodes += returns(parsed(path))
    nodes += calls(parsed(NOTIFIER / "delivery.py"), "Outcome", "_again")
    return {text for node in nodes for text in texts(node) if text}


def test_the_sentences_on_deliveries_are_found() -> None:
    assert len(details()) > 20
    assert {"accepted by 7", "7 cannot show this", "7; given up after 7 attempts", "recipient refused"} <= details()


@pytest.mark.parametrize("said", sorted(details()))
def test_what_is_said_of_a_delivery_can_be_said_in_chinese(said: str) -> None:
    assert is_chinese(in_chinese(said)), in_chinese(said)


def test_what_a_far_end_says_in_its_own_words_stays_as_it_is() -> None:
    assert in_chinese("accepted: 2.0.0 Ok: queued") == "邮件服务器已接收：2.0.0 Ok: queued"
    assert in_chinese("answered 503; given up after 6 attempts") == "对方答复 503；尝试 6 次后放弃"
    assert in_chinese("") == ""
    assert in_chinese("taken") == "taken"


def test_the_page_knows_every_refusal_of_a_case_in_chinese() -> None:
    table = (PAGE / "refusals_zh.ts").read_text("utf-8")
    known = re.findall(r'\[/(.*)/s?, "(.*)"\],', table)
    refused = {text for node in calls(parsed(NOTIFIER / "case.py"), "Refused") for text in texts(node)}
    assert len(refused) >= 3
    for said in refused:
        assert any(re.fullmatch(sentence, said) and CHINESE.search(chinese) for sentence, chinese in known), said
