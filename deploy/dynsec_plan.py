"""What Mosquitto's dynamic security plugin must hold for our credentials: its commands and its file, as values.

Each credential has a role of its own with its user name as name, because an ACL of the plugin knows no placeholders.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from devices.credentials import Credential, Grants, grants_of

CONTROL = "$CONTROL/dynamic-security"
ADMIN_ROLE = "carebell-admin"
Command = dict[str, JsonValue]
Acl = tuple[str, str]

# Without a role nobody may do anything. What may be heard is checked once more when it is delivered: a session that was
# taken from somebody else brings its subscriptions along.
ACCESS: Mapping[str, bool] = {
    "publishClientSend": False,
    "publishClientReceive": False,
    "subscribe": False,
    "unsubscribe": True,
}


@dataclass(frozen=True, slots=True)
class Client:
    """A client as the plugin knows it."""

    roles: frozenset[str]
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What the plugin holds: default access by type, ACLs by role, clients by user name."""

    access: Mapping[str, bool]
    roles: Mapping[str, frozenset[Acl]]
    clients: Mapping[str, Client]


@dataclass(frozen=True, slots=True)
class Plan:
    """Commands that bring the plugin to what it must hold, the credentials that it holds then, and what only a person can
    mend."""

    commands: Sequence[Command] = ()
    settled: Sequence[Credential] = ()
    problems: Sequence[str] = ()


def acls_of(grants: Grants) -> frozenset[Acl]:
    """As the plugin names them."""
    sending = {("publishClientSend", topic) for topic in grants.publish}
    hearing = {(kind, topic) for topic in grants.subscribe for kind in ("subscribePattern", "publishClientReceive")}
    return frozenset(sending | hearing)


def admission(credential: Credential, password: str) -> list[Command]:
    """A new client with its role. Whatever is left of an earlier one goes first; that it was not there is no error."""
    name = credential.username
    return [
        *expulsion(name),
        {"command": "createRole", "rolename": name, "acls": _written(acls_of(grants_of(credential.holder)))},
        {"command": "createClient", "username": name, "password": password, "roles": [{"rolename": name}]},
    ]


def expulsion(username: str) -> list[Command]:
    """No client and no role of that name any more; whoever is connected is cut off."""
    return [{"command": "deleteClient", "username": username}, {"command": "deleteRole", "rolename": username}]


def plan(credentials: Iterable[Credential], found: Found) -> Plan:
    """What to do so that the plugin holds these credentials. Clients that we know nothing of are left as they are."""
    drawing = _Drawing(found)
    known = set()
    for credential in credentials:
        known.add(credential.username)
        if credential.is_valid:
            drawing.keep(credential)
        else:
            drawing.remove(credential)
    strangers = sorted(name for name in found.clients if "/" in name and name not in known)
    drawing.problems += [f"{name}: the broker lets it in, and it was not issued here" for name in strangers]
    if dict(found.access) != dict(ACCESS):
        acls: list[JsonValue] = [{"acltype": kind, "allow": allow} for kind, allow in ACCESS.items()]
        drawing.commands.append({"command": "setDefaultACLAccess", "acls": acls})
    return Plan(drawing.commands, drawing.settled, drawing.problems)


@dataclass(slots=True)
class _Drawing:
    """A plan while it is made."""

    found: Found
    commands: list[Command] = field(default_factory=list)
    settled: list[Credential] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def keep(self, credential: Credential) -> None:
        name, acls = credential.username, acls_of(grants_of(credential.holder))
        client = self.found.clients.get(name)
        if client is None:
            self.problems.append(f"{name}: the broker does not know it: rotate it, or write a whole file with export")
            return
        if name not in self.found.roles:
            self.commands.append({"command": "createRole", "rolename": name, "acls": _written(acls)})
        elif self.found.roles[name] != acls:
            self.commands.append({"command": "modifyRole", "rolename": name, "acls": _written(acls)})
        if client.roles != {name}:
            self.commands.append({"command": "modifyClient", "username": name, "roles": [{"rolename": name}]})
        if not credential.is_settled:
            self.problems.append(f"{name}: the broker may still take its old password: rotate it")
        elif client.is_disabled:
            self.problems.append(f"{name}: somebody has disabled it at the broker: enable it there, or revoke it")

    def remove(self, credential: Credential) -> None:
        name = credential.username
        if name in self.found.clients:
            self.commands.append({"command": "deleteClient", "username": name})
        if name in self.found.roles:
            self.commands.append({"command": "deleteRole", "rolename": name})
        if not credential.is_settled:
            self.settled.append(credential)


def document(credentials: Iterable[Credential], admin: str, secret: str) -> dict[str, JsonValue]:
    """The plugin's whole file, for a broker that begins anew. `secret`: the hash of the administrator's password."""
    control = f"{CONTROL}/#"
    kinds = ("publishClientSend", "publishClientReceive", "subscribePattern")
    roles: list[JsonValue] = [{"rolename": ADMIN_ROLE, "acls": _written((kind, control) for kind in kinds)}]
    clients: list[JsonValue] = [_client(admin, ADMIN_ROLE, secret)]
    for credential in credentials:
        if credential.is_valid:
            name = credential.username
            roles.append({"rolename": name, "acls": _written(acls_of(grants_of(credential.holder)))})
            clients.append(_client(name, name, credential.secret))
    return {"defaultACLAccess": dict(ACCESS), "clients": clients, "roles": roles}


def _client(username: str, role: str, secret: str) -> JsonValue:
    _, _, rounds, salt, digest = secret.split("$")
    return {
        "username": username,
        "password": digest,
        "salt": salt,
        "iterations": int(rounds),
        "roles": [{"rolename": role}],
    }


def _written(acls: Iterable[Acl]) -> list[JsonValue]:
    return [{"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind, topic in sorted(acls)]
