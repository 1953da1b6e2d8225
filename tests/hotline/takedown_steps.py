"""Steps that tests of takedown share: the way to a notice through every room, over real sockets on loopback."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from aiosmtpd.controller import Controller

from mamori.engine.keys import create_signing_key
from mamori.ground import jobs
from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM, Role
from mamori.hotline.assessment.services import criteria_install
from mamori.hotline.assessment.states import Verdict
from mamori.hotline.checks.services import check_attest
from mamori.hotline.referral import services as referral
from mamori.hotline.referral.models import Referral
from mamori.hotline.referral.states import Channel, PolicyKind
from mamori.hotline.takedown.models import Notice
from mamori.hotline.tracing import queries as tracing
from mamori.hotline.tracing import services as tracing_services
from tests.hotline.assessment_steps import confirmed
from tests.hotline.outside import Outside, entity, free_port, outside

SWEEPS = ("referral.send", "takedown.answers", "takedown.prepare", "takedown.send", "takedown.clocks", "takedown.pages")


class Box:
    """The mailboxes of the world. `refuses`: addresses nobody has; `full`: mailboxes that take nothing for now."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses: set[str] = set()
        self.full: set[str] = set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if address in self.refuses:
            return "550 5.1.1 no such user"
        if address in self.full:
            return "451 4.2.2 try later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == address and "P-" not in mail["Subject"]]

    def preserving(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == address and "P-" in mail["Subject"]]

    def link(self, address: str) -> str:
        """The path of the hoster's page in the newest letter."""
        return re.findall(r"https?://[^/\s]+(/(?:ja|en)/hoster/\S+)", text_of(self.to(address)[-1]))[0]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return part.get_content()


class World:
    """Everything a notice needs, and one step for each thing that happens to it."""

    def __init__(
        self, nets: Outside, box: Box, person: Callable[..., User], frozen: Any, run: Callable[[], int]
    ) -> None:
        self.nets, self.box, self.person, self.frozen, self._run = nets, box, person, frozen, run
        self.first, self.second = person(Role.ANALYST), person(Role.ANALYST)
        self.senior = person(Role.SENIOR_ANALYST)
        self._hosts = 0

    def host(self, *names: str, abuse: str = "abuse@kasumi.example", upstream: str = "noc@upstream.example") -> None:
        """Names on a network of their own, with its abuse contact."""
        self._hosts += 1
        ip = f"192.0.2.{self._hosts}"
        for name in names:
            self.nets.names.record(name, "A", ip)
            self.nets.answers[f"/domain/{name}"] = {
                "ldhName": name,
                "entities": [entity("registrar", name="Reg", inner=[entity("abuse", mail="abuse@registrar.example")])],
            }
        self.nets.network(ip, abuse=abuse, name="KASUMI")
        self.nets.abusix(".".join(reversed(ip.split("."))), abuse)
        self.nets.answers["/autnum/64500"] = {"entities": [entity("abuse", mail=upstream, name="Upstream")]}

    def content(
        self, url: str, *, verdict: Verdict = Verdict.NATIONAL, attest: bool = True, approve: bool = True
    ) -> UUID:
        """Content confirmed by two, told to police, traced, its contact approved, attested to be online."""
        found = confirmed(self.first, self.second, url, verdict).id
        self.work()
        if tracing.host_of(found) is None:
            tracing_services.trace_run(actor=SYSTEM, content_id=found)
        if approve:
            self.approve(found)
        if attest:
            check_attest(actor=self.first.actor, content_id=found, online=True)
        self.work()
        return found

    def approve(self, content_id: UUID) -> None:
        host = tracing.host_of(content_id)
        assert host is not None
        assert host.contact_id is not None
        if not host.confirmed:
            tracing_services.trace_confirm(actor=self.first.actor, content_id=content_id, contact_id=host.contact_id)

    def approve_mail(self, mail: str) -> None:
        from mamori.hotline.tracing.models import Contact

        tracing_services.contact_approve(actor=self.first.actor, contact_id=Contact.objects.get(mail=mail).id)

    def work(self, minutes: float = 0) -> None:
        """Time passes; then sweeps and jobs run until nothing is left to do."""
        self.frozen.shift(timedelta(minutes=minutes))
        for _ in range(2):
            self._run()
            for sweep in SWEEPS:
                jobs.run_sweep(sweep)
            self._run()

    def attest(self, content_id: UUID, *, online: bool, by: User | None = None) -> None:
        check_attest(actor=(by or self.first).actor, content_id=content_id, online=online)
        self.work()

    def next_day(self, *content_ids: UUID) -> None:
        """A day later a person sees them online still."""
        self.frozen.shift(timedelta(days=1))
        for content_id in content_ids:
            check_attest(actor=self.first.actor, content_id=content_id, online=True)
        self.work()

    def gone(self, content_id: UUID) -> None:
        """Two people half an hour apart find it gone."""
        self.attest(content_id, online=False, by=self.first)
        self.frozen.shift(timedelta(minutes=30))
        self.attest(content_id, online=False, by=self.second)

    def hold(self, content_id: UUID) -> None:
        officer = self.person(Role.POLICE_LIAISON, name="Sergeant Doi").actor
        row = Referral.objects.get(content_id=content_id)
        referral.referral_opened_by_officer(actor=officer, referral_id=row.id, officer="Sergeant Doi")
        until = self.frozen_now() + timedelta(days=2)
        referral.hold_request(actor=officer, referral_id=row.id, until=until, reason="an arrest is near")
        self.officer = officer
        self.work()

    def release(self, content_id: UUID) -> None:
        referral.release(actor=self.officer, referral_id=Referral.objects.get(content_id=content_id).id)
        self.work()

    @staticmethod
    def frozen_now() -> Any:
        from mamori.ground import clock

        return clock.now()


@contextmanager
def world(tmp_path: Any, settings: Any, person: Any, frozen: Any, run_jobs: Any) -> Iterator[World]:
    box = Box()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.SMTP_PORT = port
    key = tmp_path / "evidence.pem"
    create_signing_key(key)
    settings.EVIDENCE_KEY_FILE = key
    criteria_install()
    try:
        with outside(tmp_path, settings) as nets:
            found = World(nets, box, person, frozen, run_jobs)
            referral.policy_set(
                actor=found.senior.actor,
                kind=PolicyKind.SIMULTANEOUS,
                silence_hours=48,
                longest_hold_days=30,
                channel=Channel.DESK,
                organisation_id=None,
                notification_mail="desk@police.example",
                duty_mail="duty@police.example",
                duty_phone="",
                supervisors=["chief@police.example"],
            )
            yield found
    finally:
        controller.stop()


def only_notice() -> Notice:
    return Notice.objects.get()
