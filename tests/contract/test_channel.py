"""What every channel must do: take a message once, or raise TryLater or Refused, and nothing else."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import orjson
import pytest
from aiosmtpd.smtp import SMTP
from standardwebhooks import Webhook

from carebell.clock import ManualClock, SystemClock
from carebell.errors import Refused, TryLater
from notifier.answers import Answers
from notifier.channel import Channel
from notifier.channels.console import ConsoleChannel
from notifier.channels.email import EmailChannel, Mailbox
from notifier.channels.home import HomeChannel
from notifier.channels.webhook import WebhookChannel
from notifier.message import Outgoing
from tests.support.build import START
from tests.support.services import free_port

PATIENT, HURRIED = timedelta(seconds=30), timedelta(milliseconds=300)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = Outgoing(
    key="d" * 32,
    to="?",
    subject="呼救：幸福里 3-101",
    text="按钮被按下。尚无人应答。",
    data={
        "home_id": "h1",
        "source_id": "press-1",
        "who": "王芳",
        "role": "family",
        "step": "family",
        "purpose": "coming",
    },
)


@dataclass
class Far:
    """A far end that is really there: how it shall answer, and what it was given."""

    to: str
    port: int = 0
    answer: str = "take"
    wait: str = ""
    given: list[Any] = field(default_factory=list)


# webhooks: a server of our own, so that every bad manner can be had

ANSWERS = {"take": "204 No Content", "later": "503 Busy", "never": "410 Gone"}


@asynccontextmanager
async def http_server() -> AsyncIterator[Far]:
    far = Far(to="")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])
            }
            far.given.append((headers, await reader.readexactly(int(headers["content-length"]))))
            if far.answer == "hang":
                await reader.read()
                return
            if far.answer == "drip":
                for character in "HTTP/1.1 200 OK\r\nx-slow: " + "x" * 1000:
                    writer.write(character.encode())
                    await writer.drain()
                    await asyncio.sleep(0.05)
            if far.answer == "nonsense":
                writer.write(b"\x00\x01 who are you\r\n\r\n")
            elif far.answer != "drop":
                status = ANSWERS.get(far.answer, far.answer)
                writer.write(f"HTTP/1.1 {status}\r\n{far.wait}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    far.port = server.sockets[0].getsockname()[1]
    far.to = f"http://127.0.0.1:{far.port}/hook"
    async with server:
        yield far


@asynccontextmanager
async def webhook(timeout: timedelta = PATIENT) -> AsyncIterator[tuple[Channel, Far]]:
    async with http_server() as far:
        channel = WebhookChannel(secret=SECRET, timeout=timeout, clock=SystemClock())
        yield channel, far
        await channel.close()


# e-mail: a real SMTP server


class Post:
    """What the server does with a letter."""

    def __init__(self, far: Far) -> None:
        self._far = far

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        said = {"later": "450 mailbox busy", "never": "550 no such user"}.get(self._far.answer, "250 OK")
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self._far.answer == "hang":
            await asyncio.sleep(5)
        self._far.given.append((list(envelope.rcpt_tos), envelope.content))
        return self._far.answer if self._far.answer[:1].isdigit() else "250 queued as 1"


@asynccontextmanager
async def smtp_server() -> AsyncIterator[Far]:
    far = Far(to="son@example.org")
    loop = asyncio.get_running_loop()
    served: list[SMTP] = []

    def serve() -> SMTP:
        served.append(SMTP(Post(far), hostname="test", enable_SMTPUTF8=True, loop=loop))
        return served[-1]

    server = await loop.create_server(serve, "127.0.0.1", 0)
    far.port = server.sockets[0].getsockname()[1]
    try:
        yield far
    finally:
        server.close()
        for one in served:
            if one.transport is not None:
                one.transport.close()
        tasks = [task for task in asyncio.all_tasks() if task.get_coro().__qualname__.startswith("SMTP.")]  # type: ignore[union-attr]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def email(timeout: timedelta = PATIENT) -> AsyncIterator[tuple[Channel, Far]]:
    async with smtp_server() as far:
        mailbox = Mailbox(host="127.0.0.1", port=far.port, sender="bell@example.org", tls="none")
        channel = EmailChannel(mailbox=mailbox, timeout=timeout, clock=ManualClock(START))
        yield channel, far
        await channel.close()


class Terminal(io.StringIO):
    """A console that may be gone."""

    def __init__(self, far: Far) -> None:
        super().__init__()
        self._far = far

    def write(self, text: str) -> int:
        if self._far.answer == "later":
            raise OSError("broken pipe")
        self._far.given.append(text)
        return len(text)


@asynccontextmanager
async def console() -> AsyncIterator[tuple[Channel, Far]]:
    far = Far(to="desk-1")
    channel = ConsoleChannel(Terminal(far))
    yield channel, far
    await channel.close()


@asynccontextmanager
async def way_home() -> AsyncIterator[tuple[Channel, Far]]:
    far = Far(to="button-1")

    async def publish(topic: str, payload: bytes) -> None:
        if far.answer == "later":
            raise TryLater("not connected to the MQTT broker")
        far.given.append((topic, payload))

    channel = HomeChannel(publish, Answers())
    yield channel, far
    await channel.close()


Opener = Callable[[], Any]
REAL = pytest.mark.integration
EVERY = [
    pytest.param(console, id="console"),
    pytest.param(way_home, id="home"),
    pytest.param(webhook, id="webhook", marks=REAL),
    pytest.param(email, id="email", marks=REAL),
]
OUTSIDE = [pytest.param(webhook, id="webhook", marks=REAL), pytest.param(email, id="email", marks=REAL)]


@pytest.mark.parametrize("opener", EVERY)
async def test_a_message_is_given_over_once_and_the_far_end_s_word_comes_back(opener: Opener) -> None:
    async with opener() as (channel, far):
        assert await channel.send(replace(MESSAGE, to=far.to))
        assert len(far.given) == 1


@pytest.mark.parametrize("opener", EVERY)
async def test_a_far_end_that_cannot_now_is_tried_later_and_then_takes_it(opener: Opener) -> None:
    async with opener() as (channel, far):
        far.answer = "later"
        with pytest.raises(TryLater):
            await channel.send(replace(MESSAGE, to=far.to))
        far.answer = "take"
        await channel.send(replace(MESSAGE, to=far.to))


@pytest.mark.parametrize("opener", OUTSIDE)
async def test_a_far_end_that_never_will_refuses(opener: Opener) -> None:
    async with opener() as (channel, far):
        far.answer = "never"
        with pytest.raises(Refused):
            await channel.send(replace(MESSAGE, to=far.to))


@pytest.mark.parametrize("opener", OUTSIDE)
async def test_a_far_end_that_hangs_is_left_in_time(opener: Opener) -> None:
    async with opener(HURRIED) as (channel, far):
        far.answer = "hang"
        with pytest.raises(TryLater, match="no answer"):
            await asyncio.wait_for(channel.send(replace(MESSAGE, to=far.to)), PATIENT.total_seconds())


@pytest.mark.parametrize("opener", OUTSIDE)
async def test_a_far_end_that_is_not_there_is_tried_later(opener: Opener) -> None:
    async with opener() as (channel, far):
        port = free_port()
        if isinstance(channel, EmailChannel):
            box = Mailbox(host="127.0.0.1", port=port, sender="bell@example.org", tls="none")
            channel = EmailChannel(mailbox=box, timeout=PATIENT, clock=SystemClock())
        with pytest.raises(TryLater, match="no answer"):
            await channel.send(replace(MESSAGE, to=far.to.replace(str(far.port), str(port))))


# webhook only


@pytest.mark.integration
async def test_a_webhook_is_signed_after_the_standard_and_keeps_its_id_at_every_attempt() -> None:
    async with webhook() as (channel, far):
        message = replace(MESSAGE, to=far.to)
        far.answer = "later"
        with pytest.raises(TryLater):
            await channel.send(message)
        far.answer = "take"
        await channel.send(message)
        assert {headers["webhook-id"] for headers, _ in far.given} == {MESSAGE.key}
        for headers, body in far.given:
            said = Webhook(SECRET).verify(body, headers)
            assert said == orjson.loads(body)
            assert said["type"] == "carebell.delivery.v1"
            assert said["data"]["subject"] == MESSAGE.subject
            with pytest.raises(Exception, match="signature"):
                Webhook(SECRET).verify(body.replace(b"h1", b"h2"), headers)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *((f"{code} x", "taken") for code in (200, 201, 202, 204)),
        *((f"{code} x", "later") for code in (408, 409, 425, 429, 500, 502, 503, 504)),
        *((f"{code} x", "refused") for code in (301, 302, 307, 400, 401, 403, 404, 405, 410, 422)),
        ("nonsense", "later"),
        ("drop", "later"),
    ],
)
async def test_what_a_webhook_s_answer_means(answer: str, expected: str) -> None:
    async with webhook() as (channel, far):
        far.answer, far.wait = answer, "Location: http://127.0.0.1:1/elsewhere\r\n"
        assert await ending(channel.send(replace(MESSAGE, to=far.to))) == expected
        assert len(far.given) == 1


@pytest.mark.integration
async def test_a_webhook_that_answers_letter_by_letter_is_left_in_time() -> None:
    async with webhook(HURRIED) as (channel, far):
        far.answer = "drip"
        assert (
            await ending(asyncio.wait_for(channel.send(replace(MESSAGE, to=far.to)), PATIENT.total_seconds()))
            == "later"
        )


async def ending(sending: Awaitable[str]) -> str:
    try:
        await sending
    except TryLater:
        return "later"
    except Refused:
        return "refused"
    return "taken"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("header", "after"),
    [
        ("7", timedelta(seconds=7)),
        ("0", timedelta(0)),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("9999999999999", None),
        ("", None),
    ],
)
async def test_the_wish_of_a_busy_webhook_is_handed_on_where_it_is_a_number(
    header: str, after: timedelta | None
) -> None:
    async with webhook() as (channel, far):
        far.answer, far.wait = "429 x", f"Retry-After: {header}\r\n"
        with pytest.raises(TryLater) as later:
            await channel.send(replace(MESSAGE, to=far.to))
        assert later.value.after == after


@pytest.mark.integration
@pytest.mark.parametrize(
    "to",
    [
        "",
        "not an address",
        "ftp://example.org/x",
        "http://",
        "http://[::1",
        "//x",
        "http://\x00/",
    ],
)
async def test_what_is_no_web_address_is_refused(to: str) -> None:
    async with webhook() as (channel, _):
        with pytest.raises(Refused, match="not an address"):
            await channel.send(replace(MESSAGE, to=to))


# e-mail only


def letter(far: Far) -> EmailMessage:
    ((_, content),) = far.given
    read = message_from_bytes(content, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


@pytest.mark.integration
async def test_a_letter_arrives_in_chinese_with_an_id_made_of_the_key() -> None:
    async with email() as (channel, far):
        await channel.send(replace(MESSAGE, to=far.to))
        got = letter(far)
        assert got["Subject"] == MESSAGE.subject
        assert got.get_content().strip() == MESSAGE.text
        assert got["Message-ID"] == f"<{MESSAGE.key}@carebell>"
        assert (got["To"], got["From"]) == ("son@example.org", "bell@example.org")
        assert got["Date"].datetime == START
        assert far.given[0][0] == ["son@example.org"]


@pytest.mark.integration
@pytest.mark.parametrize(
    "subject", ["a\r\nBcc: all@example.org", "a\nBcc: all@example.org", "a\u2028Bcc: all@example.org"]
)
async def test_a_subject_adds_no_header_and_no_recipient(subject: str) -> None:
    async with email() as (channel, far):
        await channel.send(replace(MESSAGE, to=far.to, subject=subject))
        assert letter(far)["Bcc"] is None
        assert letter(far)["Subject"] == "a Bcc: all@example.org"
        assert far.given[0][0] == ["son@example.org"]


@pytest.mark.integration
@pytest.mark.parametrize("to", ["son@example.org\r\nBcc: all@example.org", "son@example.org\nX: y", "", "@", "<>", ","])
async def test_what_is_no_mail_address_is_refused(to: str) -> None:
    async with email() as (channel, far):
        far.answer = "take"
        with pytest.raises(Refused):
            await channel.send(replace(MESSAGE, to=to))
        assert far.given == []


@pytest.mark.integration
@pytest.mark.parametrize(
    ("answer", "expected"), [("451 greylisted", "later"), ("554 spam", "refused"), ("250 ok", "taken")]
)
async def test_what_the_server_says_of_the_letter_counts(answer: str, expected: str) -> None:
    async with email() as (channel, far):
        far.answer = answer
        assert await ending(channel.send(replace(MESSAGE, to=far.to))) == expected


# console and home


async def test_the_console_writes_one_line_whatever_the_text() -> None:
    async with console() as (channel, far):
        await channel.send(replace(MESSAGE, to=far.to, text="a\nb\r\nc\u2028d"))
        assert "".join(far.given).count("\n") == 1
        assert "".join(far.given).splitlines() == ["[family → family desk-1] 呼救：幸福里 3-101 | a b c d"]


async def test_a_console_that_is_closed_or_cannot_write_chinese_is_tried_later() -> None:
    closed = io.StringIO()
    closed.close()
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    for stream in (closed, narrow):
        channel = ConsoleChannel(stream)
        with pytest.raises(TryLater, match="cannot be written"):
            await channel.send(MESSAGE)
        await channel.close()


async def test_the_home_is_told_who_is_coming_in_the_native_dialect() -> None:
    async with way_home() as (channel, far):
        await channel.send(replace(MESSAGE, to="button-1"))
        ((topic, payload),) = far.given
        assert topic == "carebell/h1/button-1/down"
        assert orjson.loads(payload) == {"id": "press-1", "type": "coming", "who": "王芳"}


@pytest.mark.parametrize(
    ("purpose", "told"),
    [
        ("pre_alarm", {"id": "press-1", "type": "pre_alarm", "until": "2026-03-01T08:00:20+00:00"}),
        ("test_ok", {"id": "press-1", "type": "test_ok"}),
    ],
)
async def test_the_home_is_told_of_a_pre_alarm_and_that_a_test_was_heard(purpose: str, told: dict[str, str]) -> None:
    data = {**MESSAGE.data, "purpose": purpose, "until": "2026-03-01T08:00:20+00:00"}
    async with way_home() as (channel, far):
        await channel.send(replace(MESSAGE, to="button-1", data=data))
        ((_, payload),) = far.given
        assert orjson.loads(payload) == told
