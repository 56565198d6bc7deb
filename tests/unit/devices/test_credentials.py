"""Who a credential is for, what it may do, and what its password must be."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carebell.errors import BadInput
from deploy.doctor.mqtt import _DROPPED, _VERSION
from devices.credentials import (
    Action,
    Credential,
    Holder,
    covers,
    device,
    gateway,
    grants_of,
    holder_of,
    issued,
    may_be,
    permits,
    revoked,
    rotated,
    server,
    service,
)
from devices.ecosystems import DIALECTS, SERVER_FILTERS
from devices.password import drawn_password, hashed, is_password, new_password
from devices.registry import Device, Home
from ingest.dropped import DROPPED
from ingest.pulse import pulse_topic
from ingest.seat import EVERYTHING
from ingest.watch import beat_topic, gone_topic

AT = datetime(2026, 3, 1, tzinfo=UTC)
BUTTON = device("h1", "button")
Z2M = gateway("h1", "stick", "zigbee2mqtt")
NATIVE = gateway("h1", "hub", "native")
SMOKE = gateway("h1", "smoke", "shelly", "shellyplussmoke-1")
PLUG = gateway("h1", "plug", "tasmota", "plug_1")
CHIRPSTACK = server("chirpstack", "chirpstack")
MAIN = service("carebell")
PUBLISH, SUBSCRIBE = Action


@pytest.mark.parametrize(
    ("holder", "action", "topic", "is_permitted"),
    [
        (BUTTON, PUBLISH, "carebell/h1/button/up", True),
        (BUTTON, PUBLISH, "carebell/h1/button/down", False),
        (BUTTON, PUBLISH, "carebell/h1/button/up/more", False),
        (BUTTON, PUBLISH, "carebell/h1/button", False),
        (BUTTON, PUBLISH, "carebell/h1/other/up", False),
        (BUTTON, PUBLISH, "carebell/h2/button/up", False),
        (BUTTON, PUBLISH, "carebell/+/button/up", False),
        (BUTTON, PUBLISH, "", False),
        (BUTTON, PUBLISH, "carebell-pulse/carebell-seat-1", False),
        (BUTTON, SUBSCRIBE, "carebell/h1/button/down", True),
        (BUTTON, SUBSCRIBE, "carebell/h1/button/up", False),
        (BUTTON, SUBSCRIBE, "carebell/h1/+/down", False),
        (BUTTON, SUBSCRIBE, "carebell/h1/button/#", False),
        (BUTTON, SUBSCRIBE, "#", False),
        (BUTTON, SUBSCRIBE, "+/h1/button/down", False),
        (BUTTON, SUBSCRIBE, "$share/g/carebell/h1/button/down", False),
        (Z2M, PUBLISH, "carebell/h1/zigbee2mqtt/button", True),
        (Z2M, PUBLISH, "carebell/h1/zigbee2mqtt/bridge/state", True),
        (Z2M, PUBLISH, "carebell/h1/zigbee2mqtt2/button", False),
        (Z2M, PUBLISH, "carebell/h2/zigbee2mqtt/button", False),
        (Z2M, PUBLISH, "carebell/h1/stick/up", False),
        (Z2M, SUBSCRIBE, "carebell/h1/zigbee2mqtt/+/set", True),
        (Z2M, SUBSCRIBE, "carebell/h1/zigbee2mqtt/#", True),
        (Z2M, SUBSCRIBE, "carebell/+/zigbee2mqtt/#", False),
        (Z2M, SUBSCRIBE, "carebell/h1/+/x", False),
        (Z2M, SUBSCRIBE, "carebell/h1/#", False),
        (NATIVE, PUBLISH, "carebell/h1/button/up", True),
        (NATIVE, PUBLISH, "carebell/h2/button/up", False),
        (NATIVE, PUBLISH, "carebell/h1/button/down", False),
        (NATIVE, PUBLISH, "carebell/h1/zigbee2mqtt/bridge/state", False),
        (NATIVE, SUBSCRIBE, "carebell/h1/+/down", True),
        (NATIVE, SUBSCRIBE, "carebell/+/+/down", False),
        (SMOKE, PUBLISH, "carebell/h1/shelly/shellyplussmoke-1/events/rpc", True),
        (SMOKE, PUBLISH, "carebell/h1/shelly/shellyplussmoke-2/events/rpc", False),
        (PLUG, PUBLISH, "carebell/h1/tasmota/tele/plug_1/SENSOR", True),
        (PLUG, PUBLISH, "carebell/h1/tasmota/plug_1/tele/SENSOR", True),
        (PLUG, PUBLISH, "carebell/h1/tasmota/tele/plug_2/SENSOR", False),
        (PLUG, SUBSCRIBE, "carebell/h1/tasmota/cmnd/plug_1/#", True),
        (PLUG, SUBSCRIBE, "carebell/h1/tasmota/cmnd/+/#", False),
        (CHIRPSTACK, PUBLISH, "application/a/device/d/event/up", True),
        (CHIRPSTACK, SUBSCRIBE, "application/+/device/+/command/down", True),
        (CHIRPSTACK, PUBLISH, "carebell/h1/button/up", False),
        (CHIRPSTACK, PUBLISH, "v3/a/devices/d/up", False),
        (MAIN, SUBSCRIBE, "carebell/#", True),
        (MAIN, SUBSCRIBE, "$share/carebell/carebell/#", True),
        (MAIN, SUBSCRIBE, "#", False),
        (MAIN, SUBSCRIBE, "$SYS/#", False),
        (MAIN, PUBLISH, "carebell/h1/button/down", True),
        (MAIN, PUBLISH, "$SYS/broker/version", False),
        (MAIN, PUBLISH, "$CONTROL/dynamic-security/v1", False),
    ],
)
def test_what_a_holder_may_do(holder: Holder, action: Action, topic: str, *, is_permitted: bool) -> None:
    assert permits(holder, action, topic) == is_permitted


def test_services_may_do_all_that_they_do() -> None:
    seat = "carebell-seat-1"
    pulses = (pulse_topic(seat), beat_topic(seat), gone_topic(seat), f"{pulse_topic(seat)}/canary/+")
    for topic in (*EVERYTHING, *pulses, *SERVER_FILTERS, DROPPED, _DROPPED, _VERSION):
        assert permits(MAIN, SUBSCRIBE, topic), topic
    for topic in (*pulses[:3], "application/a/device/d/command/down", "v3/a/devices/d/down/replace"):
        assert permits(MAIN, PUBLISH, topic), topic


@pytest.mark.parametrize("dialect", [one for one in DIALECTS if one.FILTERS], ids=lambda one: one.NAME)
def test_a_network_server_has_the_topics_of_its_dialect(dialect: object) -> None:
    name, filters = dialect.NAME, tuple(dialect.FILTERS)  # type: ignore[attr-defined]
    assert grants_of(server("s", name)).publish == filters


LEVEL = st.sampled_from(["a", "b", "", "+", "#"])
FILTER = st.lists(LEVEL, min_size=1, max_size=4).filter(lambda levels: "#" not in levels[:-1]).map("/".join)


def matched(topic_filter: str, topic: str) -> bool:
    """As the standard says it, by a pattern."""
    pattern = "/".join({"+": "[^/]*", "#": ".*"}.get(one, one) for one in topic_filter.split("/"))
    return re.fullmatch(re.sub(r"/\.\*$", "(/.*)?", pattern), topic) is not None


@given(granted=FILTER, asked=FILTER)
def test_a_filter_covers_another_only_where_it_matches_all_of_its_topics(granted: str, asked: str) -> None:
    topics = ["/".join(levels) for length in range(1, 6) for levels in product(("a", "c"), repeat=length)]
    topics = [*topics, "", "b", "a/b", "b/a", "/a", "a/"]
    if covers(granted, asked):
        assert all(matched(granted, topic) for topic in topics if matched(asked, topic))
    if granted == asked:
        assert covers(granted, asked)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: device("h+", "b"), "cannot have '+'"),
        (lambda: device("h/1", "b"), "cannot have '/'"),
        (lambda: device("h1", "#"), "cannot have '#'"),
        (lambda: device("", "b"), "1 to"),
        (lambda: gateway("h1", "g", "zigbee2mqt"), "did you mean 'zigbee2mqtt'"),
        (lambda: gateway("h1", "g", "zigbee2mqtt", "x"), "only shelly, tasmota"),
        (lambda: gateway("h1", "g", "shelly", "+"), "cannot have '+'"),
        (lambda: server("s", "zigbee2mqtt"), "below its home only"),
        (lambda: server("s/t", "chirpstack"), "cannot have '/'"),
        (lambda: service("+"), "cannot have '+'"),
    ],
)
def test_what_nobody_can_hold(made: Callable[[], Holder], said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        made()


HOME = Home(
    home_id="h1",
    devices=(
        Device(device_id="button"),
        Device(device_id="hub", is_gateway=True),
        Device(device_id="wired", gateway_id="hub"),
        Device(device_id="stick", dialect="zigbee2mqtt", is_gateway=True),
        Device(device_id="remote", dialect="zigbee2mqtt", gateway_id="stick", address="0x1"),
        Device(device_id="smoke", dialect="shelly", address="shellyplussmoke-1"),
        Device(device_id="plug_1", dialect="tasmota"),
        Device(device_id="old", returned_on=date(2026, 2, 1)),
    ),
)


@pytest.mark.parametrize(
    ("device_id", "holder"),
    [
        ("button", BUTTON),
        ("hub", NATIVE),
        ("wired", device("h1", "wired")),
        ("stick", Z2M),
        ("smoke", SMOKE),
        ("plug_1", gateway("h1", "plug_1", "tasmota", "plug_1")),
    ],
)
def test_the_registry_says_who_a_device_is(device_id: str, holder: Holder) -> None:
    assert holder_of(HOME, device_id) == holder


@pytest.mark.parametrize(
    ("device_id", "said"),
    [("remote", "speaks through stick"), ("old", "was returned"), ("buton", "did you mean 'button'")],
)
def test_who_does_not_speak_itself_gets_no_password(device_id: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        holder_of(HOME, device_id)


def test_names_of_homes_never_meet_those_of_servers() -> None:
    assert BUTTON.username == "h1/button"
    assert "/" not in CHIRPSTACK.username + MAIN.username


def test_client_ids_of_ours_are_ours() -> None:
    for client_id in ("carebell-seat-1", "carebell-watch-x", "notify-host-1", "ingest-host-1"):
        assert not may_be(BUTTON, client_id)
        assert may_be(MAIN, client_id)
    assert may_be(BUTTON, "h1/button")


def test_a_password_is_kept_as_a_salted_hash_only() -> None:
    drawn = iter([bytes(range(16)), b"a salt of 12", bytes(range(16)), b"another salt"])
    password, secret = drawn_password(lambda _: next(drawn))
    _, other = drawn_password(lambda _: next(drawn))
    assert re.fullmatch("[a-z2-7]{26}", password)
    assert password not in secret
    assert secret != other
    assert is_password(password, secret)
    assert is_password(password, other)
    for wrong in ("", password[:-1], password.upper(), password + " ", secret):
        assert not is_password(wrong, secret)


def test_the_hash_is_the_one_that_mosquitto_reads() -> None:
    """Of `mosquitto_ctrl dynsec init`, which wrote this for the password adminpw."""
    secret = "$7$101$W76glwZ3kWDJkEor$mpDRpmmHhH3FLVtlML28Me9d0z9w4qcyVzI7xJBgveqABHGEjVVp/Hsl+LACuAed101HzuCrINCvqYNZNso2hA=="
    assert is_password("adminpw", secret)


def test_too_little_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="16 random bytes"):
        new_password(b"too few")


def test_the_life_of_a_credential() -> None:
    first = issued(None, BUTTON, "$1", AT)
    assert (first.revision, first.is_valid, first.is_settled) == (1, True, False)
    second = rotated(first, "h1/button", "$2", AT)
    assert (second.revision, second.secret) == (2, "$2")
    gone = revoked(second, "h1/button", AT)
    assert (gone.revision, gone.is_valid) == (3, False)
    assert revoked(gone, "h1/button", AT) == gone
    again = issued(gone, BUTTON, "$3", AT)
    assert (again.revision, again.is_valid) == (4, True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda known: issued(known, BUTTON, "$", AT), "rotate it, or revoke it first"),
        (lambda known: rotated(None, "h1/button", "$", AT), "no valid password"),
        (lambda known: rotated(revoked(known, "h1/button", AT), "h1/button", "$", AT), "no valid password"),
        (lambda known: revoked(None, "h1/button", AT), "never had a password"),
    ],
)
def test_changes_that_make_no_sense(change: Callable[[Credential], Credential], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        change(issued(None, BUTTON, hashed("x", b"a salt of 12"), AT))
