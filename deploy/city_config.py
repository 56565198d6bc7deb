"""The configuration of a city: one YAML file that every process and every command reads."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from carebell.errors import BadInput
from carebell.mqtt import MqttAddress
from deploy.address import check_server_url, read_address
from deploy.config import Common, Part, Secret, read_file
from ingest.seat import EVERYTHING

Namespace = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")]
SEAT_NAME = r"[A-Za-z0-9_-]{1,40}"
_HOOK_SECRET_LENGTH = 20
Port = Annotated[int, Field(ge=0, le=65535)]


class KafkaPart(Part):
    """Where the log is, and what its topics shall be like."""

    servers: Annotated[str, Field(min_length=1)]
    namespace: Namespace = ""
    partitions: Annotated[int, Field(ge=1, le=256)] = 12
    replication: Annotated[int, Field(ge=1, le=7)] = 3

    @field_validator("servers")
    @classmethod
    def _are_servers(cls, servers: str) -> str:
        for server in servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"servers are host:port, several with commas, not {server.strip()!r}")
        return ",".join(server.strip() for server in servers.split(","))


class RedisPart(Part):
    """Where the rules keep what they remember."""

    url: Secret
    namespace: Namespace = ""

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("a Redis address begins with redis://, rediss:// or unix://")
        check_server_url(url.get_secret_value())
        return url


class DatabasePart(Part):
    """The PostgreSQL that holds cases and homes."""

    url: Secret

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, url: SecretStr) -> SecretStr:
        scheme, _, rest = url.get_secret_value().partition("://")
        if scheme not in ("postgresql", "postgres", "postgresql+asyncpg") or not rest or rest.startswith("/"):
            raise ValueError("a database address is postgresql://USER:PASSWORD@HOST:PORT/NAME")
        options = check_server_url(url.get_secret_value())
        if options.keys() - {"sslmode"}:
            raise ValueError("behind the ? may stand sslmode=require or another sslmode, nothing else")
        return SecretStr(f"postgresql+asyncpg://{rest}")


class CityMqttPart(Part):
    """The broker that the homes speak to."""

    url: str
    username: str | None = None
    password: Secret | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    seat: Annotated[str, Field(pattern=f"^{SEAT_NAME}$")] = "1"
    filters: tuple[str, ...] = EVERYTHING

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, url: str) -> str:
        try:
            read_address(url, "mqtt.url")
        except BadInput as error:
            raise ValueError(str(error)) from error
        return url

    @property
    def address(self) -> MqttAddress:
        """Where to connect; a login of its own goes before one in the url."""
        found = read_address(self.url, "mqtt.url")
        password = found.password if self.password is None else self.password.get_secret_value()
        ca, certificate, key = (None if one is None else str(one) for one in (self.ca, self.certificate, self.key))
        username = self.username or found.username
        return replace(found, username=username, password=password, ca=ca, certificate=certificate, key=key)


class CredentialsPart(Part):
    """How the broker knows who may do what: Mosquitto from the administrator of its dynamic security, EMQX by asking the
    desk, with a secret that both know."""

    admin: Annotated[str, Field(min_length=1)] = "carebell-admin"
    admin_password: Secret | None = None
    hook_secret: Secret | None = None

    @field_validator("hook_secret")
    @classmethod
    def _is_long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < _HOOK_SECRET_LENGTH:
            raise ValueError(f"a secret of at least {_HOOK_SECRET_LENGTH} characters")
        return secret

    @model_validator(mode="after")
    def _one_broker(self) -> Self:
        if self.admin_password is not None and self.hook_secret is not None:
            raise ValueError("admin_password is for Mosquitto, hook_secret for EMQX: set one of them")
        return self


class HttpPart(Part):
    """Where each kind of process answers for itself; `--http-port` goes before it, 0 takes any port."""

    listen: str = "127.0.0.1"
    desk: Port = 8480
    ingest: Port = 8481
    rules: Port = 8482
    notify: Port = 8483


class CityConfig(Common):
    """The configuration file of a city."""

    kafka: KafkaPart
    redis: RedisPart
    database: DatabasePart
    mqtt: CityMqttPart
    credentials: CredentialsPart = CredentialsPart()
    http: HttpPart = HttpPart()
    spool: Path = Path("spool")

    @property
    def administrator(self) -> MqttAddress | None:
        """The way to the broker of whoever may let others in there; None where that is not set."""
        part = self.credentials
        if part.admin_password is None:
            return None
        return replace(self.mqtt.address, username=part.admin, password=part.admin_password.get_secret_value())

    def seated(self, seat: str) -> "CityConfig":
        """The same, for an ingest process with a seat of its own."""
        return self.model_copy(update={"mqtt": self.mqtt.model_copy(update={"seat": seat})})


def read_city(path: Path) -> CityConfig:
    """Raises BadInput with the line of every problem."""
    return read_file(CityConfig, path)
