"""The demo world's mail: a real SMTP server on loopback; every mail becomes a file in a folder per address.

Addresses that begin with `full@` are refused for now (451), with `unknown@` for good (550); mail to `bounce@` is
taken and answered with a bounce (RFC 3464) to its envelope sender. As a process: `python -m demo.mailboxes --help`.
"""

from __future__ import annotations

import argparse
import signal
import threading
from collections import Counter
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from email.utils import formatdate, make_msgid
from itertools import count
from pathlib import Path
from typing import Self
from urllib.parse import quote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
REPLIES = {"full": "451 4.2.2 mailbox full, try again later", "unknown": "550 5.1.1 no such mailbox"}
BOUNCING = "bounce"


def bounce(original: EmailMessage, recipient: str, sender: str, *, status: str = "5.1.1") -> EmailMessage:
    """A delivery status notification (RFC 3464) to `sender`, saying that `recipient` failed."""
    report = EmailMessage()
    report["From"] = f"Mail Delivery System <mailer-daemon@{recipient.rpartition('@')[2]}>"
    report["To"] = sender
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Date"] = formatdate()
    report["Message-ID"] = make_msgid(domain=recipient.rpartition("@")[2])
    report["Auto-Submitted"] = "auto-replied"
    report["MIME-Version"] = "1.0"
    words = EmailMessage()
    words.set_content(f"Your message could not be delivered to <{recipient}>.\n")
    about = EmailMessage()
    about["Reporting-MTA"] = "dns; mail.hosting.example"
    about_recipient = EmailMessage()
    about_recipient["Final-Recipient"] = f"rfc822; {recipient}"
    about_recipient["Action"] = "failed"
    about_recipient["Status"] = status
    about_recipient["Diagnostic-Code"] = f"smtp; 550 {status} no such mailbox"
    delivery = MIMEPart()
    delivery["Content-Type"] = "message/delivery-status"
    delivery.set_payload([about, about_recipient])
    headers = MIMEPart()
    headers["Content-Type"] = "text/rfc822-headers"
    encoded = original.as_bytes(policy=policy.SMTP.clone(linesep="\n"))
    headers.set_payload(encoded.partition(b"\n\n")[0].decode("ascii", "replace") + "\n")
    report["Content-Type"] = 'multipart/report; report-type="delivery-status"'
    report.set_payload([words, delivery, headers])
    return report


class Mailboxes:
    """The server and its folders: `folder`/<address>/new/<number>.eml."""

    def __init__(self, folder: Path, port: int, host: str = HOST) -> None:
        self.folder = folder
        self.address = (host, port)
        folder.mkdir(parents=True, exist_ok=True)
        self._numbers = count(1 + sum(1 for _ in folder.glob("*/new/*.eml")))
        self._lock = threading.Lock()
        self._controller: Controller | None = None

    # What arrived

    def addresses(self) -> list[str]:
        """All addresses that ever got mail."""
        return sorted((each / "address").read_text() for each in self.folder.iterdir() if (each / "address").exists())

    def received(self, to: str) -> list[EmailMessage]:
        """Mails of one address, oldest first."""
        return [_read(path) for path in sorted((self._box(to) / "new").glob("*.eml"))]

    def counts(self) -> Counter[str]:
        """How often each Message-ID arrived, bounces included. Twice in two mailboxes counts two."""
        return Counter(str(_read(path)["Message-ID"]) for path in self.folder.glob("*/new/*.eml"))

    # Server

    def start(self) -> None:
        self._controller = Controller(self, hostname=self.address[0], port=self.address[1], ready_timeout=15)
        self._controller.start()

    def stop(self) -> None:
        if self._controller:
            self._controller.stop(no_assert=True)
            self._controller = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        refusal = REPLIES.get(address.partition("@")[0].lower())
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            self.deliver(recipient, content)
            if recipient.partition("@")[0].lower() == BOUNCING and envelope.mail_from:
                message = message_from_bytes(content, policy=policy.default)
                report = bounce(message, recipient, envelope.mail_from)
                self.deliver(envelope.mail_from, report.as_bytes())
        return "250 2.0.0 stored"

    def deliver(self, recipient: str, content: bytes) -> None:
        """Store one mail: written whole, then moved into `new`."""
        box = self._box(recipient)
        (box / "new").mkdir(parents=True, exist_ok=True)
        (box / "address").write_text(recipient.lower())
        with self._lock:
            name = f"{next(self._numbers):08}.eml"
        (box / name).write_bytes(content)
        (box / name).replace(box / "new" / name)

    def _box(self, address: str) -> Path:
        return self.folder / quote(address.lower(), safe="@+").replace(".", "%2E")


def _read(path: Path) -> EmailMessage:
    return message_from_bytes(path.read_bytes(), policy=policy.default)


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with Mailboxes(chosen.folder, chosen.port):
        print(f"mailboxes: smtp://{HOST}:{chosen.port} -> {chosen.folder}", flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
