"""E-mail over SMTP. The Message-ID is computed from the idempotency key, so that a second copy can be told as one."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from carebell.clock import Clock
from carebell.errors import Refused, TryLater
from notifier.message import Outgoing

_PERMANENT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """The SMTP server and who writes. `tls`: none, starttls or implicit."""

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = None
    tls: str = "starttls"


class EmailChannel:
    """One connection per message: there are few, and a stale connection must not delay a call for help."""

    name = "email"

    def __init__(self, *, mailbox: Mailbox, timeout: timedelta, clock: Clock) -> None:
        self._mailbox = mailbox
        self._timeout = timeout
        self._clock = clock

    async def send(self, message: Outgoing) -> str:
        box = self._mailbox
        try:
            # the library's own timeout is per command: a server that drips would never end
            async with asyncio.timeout(self._timeout.total_seconds()):
                _, said = await aiosmtplib.send(
                    self._letter(message),
                    hostname=box.host,
                    port=box.port,
                    username=box.username,
                    password=box.password,
                    use_tls=box.tls == "implicit",
                    start_tls=box.tls == "starttls",
                    timeout=self._timeout.total_seconds(),
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _judged(
                max((one.code for one in error.recipients), default=_PERMANENT), "recipient refused"
            ) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _judged(error.code, f"server answered {error.code}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TryLater(f"no answer: {type(error).__name__}") from error
        except ValueError as error:
            raise Refused(f"not an address: {error}") from error
        return f"accepted: {said[:100]}"

    def _letter(self, message: Outgoing) -> EmailMessage:
        letter = EmailMessage()
        letter["From"] = self._mailbox.sender
        letter["To"] = message.to
        letter["Subject"] = " ".join(message.subject.split())
        letter["Date"] = format_datetime(self._clock.now())
        letter["Message-ID"] = f"<{message.key}@carebell>"
        letter["X-Priority"] = "1"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.text)
        return letter

    async def close(self) -> None:
        """Nothing is held between messages."""


def _judged(code: int, what: str) -> TryLater | Refused:
    return Refused(what) if code >= _PERMANENT else TryLater(what)
