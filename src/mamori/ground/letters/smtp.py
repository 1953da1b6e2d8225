"""Hand one mail to the mail server, with a word to the caller just before the last dot."""

import contextlib
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage

from django.conf import settings

TIMEOUT_SECONDS = 10
LONGEST = timedelta(seconds=30)  # recovering a live sender is harmless: of two, only the last to begin goes on
PAUSE = timedelta(seconds=50)
LONG_PAUSE = timedelta(minutes=5)  # after the first FAST attempts
FAST = 20


@dataclass(frozen=True)
class Outcome:
    """What the server said: taken, refused for good (`final`), or try again."""

    taken: bool
    final: bool
    answer: str


def hand_over(message: EmailMessage, *, sender: str, to: str, before_last_dot: Callable[[], None]) -> Outcome:
    """Send `message`. `before_last_dot` runs when the server has everything but the dot that makes it responsible.

    An error before that moment, or a refusal after it, is an Outcome. A connection lost after it is raised
    (OSError): nobody knows then whether the letter was taken, and the caller must not send it again by itself.
    """
    try:
        server = smtplib.SMTP(settings.SMTP_HOST, settings.SMTP_PORT, timeout=TIMEOUT_SECONDS)
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(taken=False, final=False, answer=str(error))
    with contextlib.closing(server):
        try:
            refusal = _begin(server, sender, to)
            if refusal is None:
                server.send(_dot_stuffed(message))
        except (OSError, smtplib.SMTPException) as error:
            return Outcome(taken=False, final=False, answer=str(error))
        if refusal is not None:
            return refusal
        before_last_dot()
        server.send(b".\r\n")
        outcome = _outcome(*server.getreply())
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.quit()
        return outcome


def _begin(server: smtplib.SMTP, sender: str, to: str) -> Outcome | None:
    server.ehlo()
    if settings.SMTP_STARTTLS:
        server.starttls(context=ssl.create_default_context())  # the host by name, an authority of the system
        server.ehlo()
    if settings.SMTP_USER:
        server.login(settings.SMTP_USER, settings.SMTP_PASSWORD)
    steps: tuple[Callable[[], tuple[int, bytes]], ...] = (
        lambda: server.mail(sender),
        lambda: server.rcpt(to),
        lambda: server.docmd("DATA"),
    )
    for step in steps:
        code, answer = step()
        if code >= 400:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()
            return _outcome(code, answer)
    return None


def _outcome(code: int, answer: bytes) -> Outcome:
    return Outcome(taken=200 <= code < 300, final=code >= 500, answer=f"{code} {answer.decode(errors='replace')}")


def _dot_stuffed(message: EmailMessage) -> bytes:
    data = message.as_bytes()
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
