"""What Mosquitto's plugin is told: nothing that it knows already, nothing about others, and never a guess."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.dynsec_plan import ACCESS, Client, Found, acls_of, admission, document, expulsion, plan
from devices.credentials import Action, Credential, Holder, device, gateway, grants_of, permits, server, service
from devices.password import hashed

AT = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = hashed("x", b"a salt of 12")
BUTTON, MAIN = device("h1", "button"), service("carebell")


def credential(holder: Holder = BUTTON, *, is_settled: bool = True) -> Credential:
    return Credential(holder=holder, secret=SECRET, issued_at=AT, is_settled=is_settled)


def gone(*, is_settled: bool = True) -> Credential:
    return replace(credential(is_settled=is_settled), revoked_at=AT)


def found(*holders: Holder, is_disabled: bool = False) -> Found:
    """A broker that holds just these."""
    return Found(
        dict(ACCESS),
        {one.username: acls_of(grants_of(one)) for one in holders},
        {one.username: Client(frozenset({one.username}), is_disabled) for one in holders},
    )


def test_a_node_may_hear_that_it_is_asked_for_its_birth_and_ingest_may_ask() -> None:
    command = "spBv1.0/oak/NCMD/n"
    below = f"carebell/h1/sparkplug/{command}"
    assert {permits(MAIN, Action.PUBLISH, topic) for topic in (command, below)} == {True}
    nodes = server("sparkplug", "sparkplug"), gateway("h1", "edge", "sparkplug")
    assert [permits(node, Action.SUBSCRIBE, topic) for node, topic in zip(nodes, (command, below), strict=True)] == [
        True,
        True,
    ]
    assert not permits(gateway("h2", "edge", "sparkplug"), Action.SUBSCRIBE, below)
    assert {("publishClientSend", "spBv1.0/#"), ("publishClientSend", "carebell/#")} <= acls_of(grants_of(MAIN))
    acl = (Path(__file__).parents[3] / "deploy/mosquitto/acl").read_text("utf-8")
    assert {"topic readwrite spBv1.0/#", "topic readwrite carebell/#"} <= set(acl.splitlines())


def test_nothing_is_to_be_done_twice() -> None:
    made = plan([credential(), credential(MAIN)], found(BUTTON, MAIN))
    assert (made.commands, made.settled, made.problems) == ([], [], [])


def test_who_is_unknown_to_the_broker_is_told_of_and_not_invented() -> None:
    made = plan([credential()], found())
    assert made.commands == []
    assert made.problems == ["h1/button: the broker does not know it: rotate it, or write a whole file with export"]


def test_who_is_revoked_goes_whether_the_broker_had_heard_of_it_or_not() -> None:
    for is_settled in (True, False):
        assert plan([gone(is_settled=is_settled)], found(BUTTON)).commands == expulsion("h1/button")
    made = plan([gone(is_settled=False)], found())
    assert made.commands == []
    assert [one.username for one in made.settled] == ["h1/button"]


def test_what_differs_is_set_right() -> None:
    held = found(BUTTON)
    wide = Found(
        {**ACCESS, "subscribe": True},
        {"h1/button": frozenset({("publishClientSend", "#")})},
        {"h1/button": Client(frozenset({"h1/button", "admin"}))},
    )
    assert [one["command"] for one in plan([credential()], wide).commands] == [
        "modifyRole",
        "modifyClient",
        "setDefaultACLAccess",
    ]
    without_role = Found(held.access, {}, held.clients)
    assert [one["command"] for one in plan([credential()], without_role).commands] == ["createRole"]


def test_what_only_a_person_can_mend_is_told() -> None:
    assert "old password: rotate it" in plan([credential(is_settled=False)], found(BUTTON)).problems[0]
    assert "disabled" in plan([credential()], found(BUTTON, is_disabled=True)).problems[0]
    strangers = plan([], found(BUTTON, service("nagios")))
    assert strangers.commands == []
    assert strangers.problems == ["h1/button: the broker lets it in, and it was not issued here"]


def test_whoever_is_admitted_anew_leaves_nothing_of_old() -> None:
    commands = [one["command"] for one in admission(credential(), "password")]
    assert commands == ["deleteClient", "deleteRole", "createRole", "createClient"]


def test_the_file_holds_who_is_valid_and_no_password() -> None:
    written = document([credential(), replace(gone(), holder=device("h1", "old"))], "admin", SECRET)
    names = [one["username"] for one in written["clients"]]  # type: ignore[union-attr,call-overload,index]
    assert names == ["admin", "h1/button"]
    assert written["defaultACLAccess"] == dict(ACCESS)
    assert not ACCESS["subscribe"]
    assert not ACCESS["publishClientSend"]
    assert not ACCESS["publishClientReceive"]
