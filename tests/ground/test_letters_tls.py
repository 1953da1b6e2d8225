"""The way to the mail server: letters go only to the one whose certificate a known authority signed."""

import datetime as dt
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import time_machine
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mamori.ground import clock
from mamori.ground.actors import Role
from mamori.ground.letters import queries, services, smtp
from mamori.ground.letters.models import Letter
from mamori.ground.letters.services import letter_post
from tests.ground.test_letters import Box
from tests.hotline.outside import free_port

pytestmark = pytest.mark.django_db


def certificates(folder: Path, host: str) -> tuple[Path, Path]:
    """(authority, key and certificate of `host` signed by it) as PEM files."""
    now = dt.datetime.now(dt.UTC)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("Test authority", host)}

    def make(name: str, alternative: x509.GeneralName | None) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")]))
            .public_key(keys[name].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=alternative is None, path_length=None), critical=True)
        )
        if alternative is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        return builder.sign(keys["Test authority"], hashes.SHA256())

    pem = serialization.Encoding.PEM
    authority, served = folder / "authority.pem", folder / "server.pem"
    authority.write_bytes(make("Test authority", None).public_bytes(pem))
    served.write_bytes(
        keys[host].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + make(host, x509.DNSName(host)).public_bytes(pem)
    )
    return authority, served


@contextmanager
def server(folder: Path, settings: Any, host: str) -> Iterator[tuple[Box, Path]]:
    """A mail server that wants STARTTLS, as `host`: its box and the authority of its certificate."""
    authority, served = certificates(folder, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served)
    box, port = Box(), free_port()
    controller = Controller(
        box, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True, ready_timeout=10
    )
    controller.start()
    settings.SMTP_HOST, settings.SMTP_PORT, settings.SMTP_STARTTLS = "localhost", port, True
    try:
        yield box, authority
    finally:
        controller.stop()


def post() -> Letter:
    key = letter_post(key="k", kind="notice", to="abuse@host.example", subject="A letter", body="A link.\n")
    return Letter.objects.get(id=key)


def test_a_server_of_a_known_authority_gets_the_letter(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, run_jobs: Callable[[], int]
) -> None:
    with server(tmp_path, settings, "localhost") as (box, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        letter = post()
        run_jobs()
        letter.refresh_from_db()
        assert (letter.state, len(box.mails)) == ("handed", 1)


@pytest.mark.parametrize("known", [False, True])
def test_another_server_gets_nothing_the_letter_waits_and_then_is_an_alarm(
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    run_jobs: Callable[[], int],
    frozen: time_machine.Traveller,
    person: Callable[..., Any],
    known: bool,
) -> None:
    """An unknown authority; or a known one that vouches for another name."""
    with server(tmp_path, settings, "mail.other.example" if known else "localhost") as (box, authority):
        if known:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        frozen.move_to(clock.now())
        letter = post()
        run_jobs()
        letter.refresh_from_db()
        assert (letter.state, box.mails) == ("queued", [])
        assert "certificate verify failed" in letter.answer
        Letter.objects.update(attempts=services.MOST_ATTEMPTS - 2)
        for _ in range(2):
            frozen.shift(smtp.LONG_PAUSE.total_seconds() + 1)
            services.letters_recover()
            run_jobs()
        letter.refresh_from_db()
        assert (letter.state, box.mails) == ("refused", [])
        assert [waiting.count for waiting in queries.desk(person(Role.SENIOR_ANALYST).actor)] == [1]
