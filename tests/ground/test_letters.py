"""Letters against a real SMTP server: sent once, refused, bounced, uncertain."""

import socket
from collections.abc import Callable, Iterator
from email import message_from_bytes
from typing import Any

import pytest
import time_machine
from aiosmtpd.controller import Controller
from django.db import connection

from mamori.ground.actors import Role
from mamori.ground.errors import Forbidden
from mamori.ground.letters import queries, services
from mamori.ground.letters.models import Letter
from mamori.ground.letters.services import letter_post
from mamori.ground.letters.smtp import Outcome
from tests.together import together

pytestmark = pytest.mark.django_db


class Box:
    """Keeps mails; refuses unknown@ for good and full@ for now."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.goodbyes = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if address.startswith("unknown@"):
            return "550 5.1.1 no such user"
        if address.startswith("full@"):
            return "451 4.2.2 try later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(message_from_bytes(envelope.content))
        return "250 taken"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.goodbyes += 1
        return "221 bye"


@pytest.fixture
def box(settings: Any) -> Iterator[Box]:
    box = Box()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.SMTP_PORT = port
    yield box
    controller.stop()


def post(key: str = "k", to: str = "abuse@host.example") -> Letter:
    return Letter.objects.get(id=letter_post(key=key, kind="notice", to=to, subject="件名", body="本文\n.dot\n"))


def test_a_letter_is_sent_once_however_often_its_job_runs(box: Box, run_jobs: Callable[[], int]) -> None:
    letter = post()
    assert post().id == letter.id
    run_jobs()
    services.letter_send(letter.id)
    letter.refresh_from_db()
    assert (letter.state, len(box.mails)) == ("handed", 1)
    assert box.mails[0].get_payload(decode=True).decode().replace("\r\n", "\n") == "本文\n.dot\n"
    assert box.mails[0]["Message-ID"] == f"<{letter.id}@mamori.example>"


def test_a_refusal_for_good_is_told_and_not_tried_again(box: Box, run_jobs: Callable[[], int]) -> None:
    letter = post(to="unknown@host.example")
    run_jobs()
    letter.refresh_from_db()
    assert letter.state == "refused"
    assert "550" in letter.answer
    assert box.goodbyes == 1  # no DATA after a refusal, and no line that just drops


def test_a_full_mailbox_is_tried_again_later(
    box: Box, run_jobs: Callable[..., int], frozen: time_machine.Traveller
) -> None:
    letter = post(to="full@host.example")
    run_jobs(times=1)
    letter.refresh_from_db()
    assert letter.state == "queued"
    frozen.shift(60)
    services.letters_recover()
    assert run_jobs(times=1) == 1
    letter.refresh_from_db()
    assert letter.attempts == 2


def test_no_server_keeps_the_letter_in_the_queue(settings: Any, run_jobs: Callable[[], int]) -> None:
    settings.SMTP_PORT = 9
    letter = post()
    run_jobs()
    letter.refresh_from_db()
    assert letter.state == "queued"


def test_a_letter_whose_job_is_gone_gets_another(
    box: Box, run_jobs: Callable[[], int], frozen: time_machine.Traveller
) -> None:
    post()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    frozen.shift(6 * 3600)
    services.letters_recover()
    assert (run_jobs(), box.mails) == (0, [])
    frozen.shift(1)
    services.letters_recover()
    run_jobs()
    assert len(box.mails) == 1


def test_a_sender_that_died_before_the_last_dot_is_followed_by_another(
    box: Box, run_jobs: Callable[[], int], frozen: time_machine.Traveller
) -> None:
    letter = post()
    assert services._begin(letter.id)  # and then the worker is killed
    frozen.shift(31)
    services.letters_recover()
    frozen.shift(60)
    services.letters_recover()
    run_jobs()
    assert len(box.mails) == 1


def test_a_sender_that_died_at_the_last_dot_leaves_the_decision_to_a_person(
    box: Box, run_jobs: Callable[[], int], frozen: time_machine.Traveller, person: Callable[..., Any]
) -> None:
    letter = post()
    attempt = services._begin(letter.id)
    assert attempt
    services._handing_over(letter.id, attempt)  # and then the worker is killed
    frozen.shift(31)
    services.letters_recover()
    run_jobs()
    letter.refresh_from_db()
    assert (letter.state, box.mails) == ("uncertain", [])
    with pytest.raises(Forbidden):
        services.letter_resolve(actor=person(Role.ANALYST).actor, letter_id=letter.id, send_again=True)
    services.letter_resolve(actor=person(Role.SENIOR_ANALYST).actor, letter_id=letter.id, send_again=True)
    run_jobs()
    assert len(box.mails) == 1


def test_two_senders_never_both_reach_the_last_dot(box: Box) -> None:
    letter = post()
    attempt = services._begin(letter.id)
    assert attempt
    services._handing_over(letter.id, attempt)
    with pytest.raises(services.Overtaken):
        services._handing_over(letter.id, attempt)


def test_a_slow_sender_that_was_given_up_and_a_quick_one_that_fails_send_once_together(
    box: Box, settings: Any, run_jobs: Callable[[], int], frozen: time_machine.Traveller
) -> None:
    """The first takes longer than a sender may live; the second finds no server; neither puts the other's letter back."""
    letter = post()
    slow = services._begin(letter.id)
    assert slow
    frozen.shift(31)
    services.letters_recover()
    quick = services._begin(letter.id)
    assert quick
    with pytest.raises(services.Overtaken):
        services._handing_over(letter.id, slow)  # it comes to its last dot now
    services._ended(letter.id, slow, Outcome(taken=False, final=True, answer="550 no"))
    letter.refresh_from_db()
    assert letter.state == "sending"
    services._handing_over(letter.id, quick)
    services._ended(letter.id, slow, Outcome(taken=False, final=False, answer="timed out"))
    letter.refresh_from_db()
    assert letter.state == "handing_over"  # and not in the queue again
    services._ended(letter.id, quick, Outcome(taken=True, final=False, answer="250 taken"))
    frozen.shift(3600)
    services.letters_recover()
    run_jobs()
    letter.refresh_from_db()
    assert (letter.state, box.mails) == ("handed", [])


def test_a_night_without_a_mail_server_refuses_no_letter_and_is_an_alarm_at_once(
    box: Box, settings: Any, run_jobs: Callable[[], int], frozen: time_machine.Traveller, person: Callable[..., Any]
) -> None:
    port, settings.SMTP_PORT = settings.SMTP_PORT, 9
    letter = post()
    for _ in range(60):
        frozen.shift(600)
        services.letters_recover()
        run_jobs()
    letter.refresh_from_db()
    assert letter.state == "queued"
    assert [(w.count, w.alarm) for w in queries.desk(person(Role.SENIOR_ANALYST).actor)] == [(1, True)]
    settings.SMTP_PORT = port
    frozen.shift(301)
    services.letters_recover()
    run_jobs()
    assert len(box.mails) == 1


def bounce_of(letter: Letter) -> bytes:
    return (
        f"To: {services.bounce_address(letter.id)}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        "Final-Recipient: rfc822; abuse@host.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 no such user\r\n\r\n--b--\r\n"
    ).encode()


def test_a_bounce_finds_its_letter(box: Box, run_jobs: Callable[[], int]) -> None:
    letter = post()
    run_jobs()
    assert services.bounce_receive(bounce_of(letter))
    letter.refresh_from_db()
    assert letter.state == "bounced"
    assert "550" in letter.answer
    assert not services.bounce_receive(bounce_of(letter))
    assert not services.bounce_receive(b"Subject: hello\r\n\r\nnot a bounce")


def test_a_bounce_that_cannot_be_read_or_kept_as_it_is_raises_nothing(box: Box, run_jobs: Callable[[], int]) -> None:
    """Of what raises, Postfix would keep the mail and try again for days, then answer whoever it says sent it."""
    letter = post()
    run_jobs()
    address = f"To: {services.bounce_address(letter.id)}\r\n".encode()
    assert not services.bounce_receive(address + b"Content-Type: message/rfc822\r\n\r\n" * 2000)
    assert services.bounce_receive(bounce_of(letter).replace(b"550", b"=?utf-8?q?55=000?="))
    letter.refresh_from_db()
    assert letter.state == "bounced"
    assert "\0" not in letter.answer


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_letter_send_it_once(box: Box) -> None:
    letter = post()
    together(*[lambda: services.letter_send(letter.id)] * 4)
    assert len(box.mails) == 1
