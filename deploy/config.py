"""The configuration of a box: one YAML file and the command line, read once at the start into values that are handed down."""

import base64
import os
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from carebell.duration import Duration
from carebell.errors import BadInput
from carebell.file_yaml import read_model
from devices.listener import NO_PRODUCTS, Products
from devices.products import read_products
from devices.registry import Role
from notifier.person import CONSOLE, Person, Reach
from notifier.policy import PolicyBook, read_policies
from rules_engine.rulebook import Rulebook, read_rulebook


class Part(BaseModel):
    """A part of a configuration: fixed, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _found(stated: Any) -> Any:
    """A secret as it stands there, or from where `{env: NAME}` or `{file: PATH}` says."""
    if not isinstance(stated, dict):
        return stated
    if list(stated) == ["env"]:
        found = os.environ.get(str(stated["env"]))
        if found is None:
            raise ValueError(f"the environment variable {stated['env']} is not set")
        return found
    if list(stated) == ["file"]:
        try:
            return Path(str(stated["file"])).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(f"the file {stated['file']} cannot be read: {reason}") from error
    raise ValueError("a secret is a text, {env: NAME} or {file: PATH}")


# So that the file itself need hold no secret.
Secret = Annotated[SecretStr, BeforeValidator(_found)]


class WebhookPart(Part):
    """Signed webhooks. The secret is `whsec_` and 24 to 64 bytes in base64."""

    secret: Secret
    timeout: Duration = timedelta(seconds=5)

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, secret: SecretStr) -> SecretStr:
        prefix, _, text = secret.get_secret_value().partition("_")
        try:
            size = len(base64.b64decode(text, validate=True))
        except ValueError:
            size = 0
        if prefix != "whsec" or not 24 <= size <= 64:
            raise ValueError("a webhook secret is whsec_ and 24 to 64 bytes in base64")
        return secret


class EmailPart(Part):
    """An SMTP server."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    sender: str
    username: str | None = None
    password: Secret | None = None
    tls: Literal["none", "starttls", "implicit"] = "starttls"
    timeout: Duration = timedelta(seconds=10)


class ChannelsPart(Part):
    """The channels that exist here."""

    console: bool = False
    webhook: WebhookPart | None = None
    email: EmailPart | None = None


class ResponderPart(Part):
    """Somebody on duty for every home. Without an address they are named on the console."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    name: str
    role: Role
    language: str = "zh-CN"
    webhook: str | None = None
    email: str | None = None

    @field_validator("webhook")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("a webhook is an address that begins with http:// or https://")
        return url

    @field_validator("email")
    @classmethod
    def _is_a_mail_address(cls, address: str | None) -> str | None:
        if address is not None and "@" not in address.strip("@"):
            raise ValueError("an e-mail address looks like name@example.org")
        return address

    def person(self) -> Person:
        ways = (("webhook", self.webhook), ("email", self.email))
        reach = tuple(Reach(channel, to) for channel, to in ways if to)
        return Person(
            person_id=self.id,
            name=self.name,
            role=self.role.value,
            language=self.language,
            reach=reach or (Reach(CONSOLE, self.id),),
        )


class DeskPart(Part):
    """Where the desk listens, who may use it (token: name), the address that messages link to, whom to phone if it fails."""

    listen: str = "127.0.0.1"
    tokens: dict[Annotated[str, Field(min_length=1)], str] = Field(default_factory=dict)
    url: str | None = None
    phone: str = ""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("the desk's url begins with http:// or https://")
        return url


class MqttPart(Part):
    """Where the broker of the box listens for devices."""

    listen: str = "127.0.0.1"


class Common(Part):
    """What a box and a city have in common."""

    desk: DeskPart = DeskPart()
    channels: ChannelsPart = ChannelsPart()
    responders: tuple[ResponderPart, ...] = ()
    keep_readings: Duration = timedelta(days=30)
    policies: Path | None = None
    rulebook: Path | None = None
    products: Path | None = None
    beat: str | None = None

    @field_validator("responders")
    @classmethod
    def _each_once(cls, responders: tuple[ResponderPart, ...]) -> tuple[ResponderPart, ...]:
        ids = [responder.id for responder in responders]
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            raise ValueError(f"each responder needs an id of its own: {', '.join(twice)} stands there twice")
        return responders

    @field_validator("keep_readings")
    @classmethod
    def _is_long_enough(cls, keep: timedelta) -> timedelta:
        if not timedelta(days=1) <= keep <= timedelta(days=3660):
            raise ValueError("readings are kept for 1d to 3660d: what was not judged yet must not be forgotten")
        return keep

    @field_validator("beat")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("the beat is an address that begins with http:// or https://")
        return url


class Config(Common):
    """The configuration file of a box."""

    mqtt: MqttPart = MqttPart()
    partitions: Annotated[int, Field(ge=1, le=256)] = 2


Whole = TypeVar("Whole", bound=Common)


def read_config(path: Path | None) -> Config:
    """The file's configuration, or the defaults without one. Raises BadInput."""
    return Config() if path is None else read_file(Config, path)


def read_file(model: type[Whole], path: Path) -> Whole:
    """A whole configuration; paths in it begin beside the file. Raises BadInput."""
    config = read_model(model, text_of(path), str(path))
    folder = path.parent
    beside = {name: folder / value for name, value in config if isinstance(value, Path)}
    return config.model_copy(update=beside)


def text_of(path: Path) -> str:
    """A file that a person wrote. Raises BadInput."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def policies_of(config: Common) -> PolicyBook:
    """The policies of the configuration, or those that come with Carebell."""
    if config.policies is None:
        return read_policies(files("deploy").joinpath("policies/default.yaml").read_text("utf-8"), "default.yaml")
    return read_policies(text_of(config.policies), str(config.policies))


def products_of(config: Common) -> Products:
    """What the words of products mean that choose their own: one file, or a folder of them. Raises BadInput."""
    return NO_PRODUCTS if config.products is None else read_products([config.products])


def rulebook_of(path: Path | None) -> Rulebook:
    """The rulebook at a path, or the one that comes with Carebell."""
    return read_rulebook(rulebook_text(path), "rulebook.yaml" if path is None else str(path))


def rulebook_text(path: Path | None) -> str:
    """The same as it stands in its file."""
    return files("deploy").joinpath("rulebook.yaml").read_text("utf-8") if path is None else text_of(path)
