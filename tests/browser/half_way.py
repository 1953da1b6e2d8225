"""A platform in the middle of its day: beside the finished job something waits at every desk."""

import secrets
import time
from dataclasses import dataclass, field

from rich.console import Console

from demo.everything import Everything
from demo.main_job import DAY, MainJob
from demo.people import person
from demo.timeline import Timeline
from demo.visitor import Page, Visitor
from tests.platform import inside, rows

MORE = "import sys; from tests.browser.waiting import main; main(sys.argv[1])"


@dataclass
class HalfWay:
    """What waits. `entry`: proposed by endo, signed by nobody yet; `unlisted`: content that can be proposed; `referral`: not
    opened by police yet; `quiet`: a referral police did not object to; `contact`: not approved yet; `hoster`: the page of a
    notice that is open; `invitations`: a link by language; `members`: who is logged in already."""

    everything: Everything
    entry: str
    unlisted: str
    referral: str
    quiet: str
    contact: str
    hoster: str
    invitations: dict[str, str]
    members: dict[str, Visitor] = field(default_factory=dict)

    def url(self, face: str) -> str:
        return self.everything.platform.url(face)

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """What the database says."""
        return rows(self.everything.platform, query, *values)

    def member(self, login: str) -> Visitor:
        """A visitor of the staff face who is logged in, once for all tests."""
        if login not in self.members:
            made = Visitor(self.url("staff"))
            made.log_in(person(login))
            self.members[login] = made
        return self.members[login]


def half_way(everything: Everything) -> HalfWay:
    """Runs half a job with four addresses, then brings what waits at every desk."""
    return HalfJob(everything).half()


class HalfJob(MainJob):
    """The main job up to the first proposal; then what comes in on another day."""

    def __init__(self, everything: Everything) -> None:
        told = [{"url": f"http://sora-{secrets.token_hex(3)}.example/{n}/", "comment": "a drawing"} for n in range(4)]
        super().__init__(everything.platform, everything.world, Timeline([]), Console(quiet=True), told)
        self.everything = everything

    def half(self) -> HalfWay:
        try:
            self._report()
            self._assess()
            self._tell_police()
            self._notify_host()
            self.platform.forward(8 * DAY)
            self._wait_for("takedown.too_slow", self.contents, 300)
            contents = self._one_content_per_host()
            listed, unlisted, quiet, _left = (contents[host] for host in self.hosts)
            entry = self._propose(self._member("endo"), listed)
            hoster = self._link_about(self.hosts[0])
            for number, risk in enumerate((False, True, False, False, False, False, False)):
                self._told(f"page/{number}/", **({"child_at_risk": "on"} if risk else {}))
            self._complain()
            return HalfWay(
                everything=self.everything,
                entry=entry,
                unlisted=unlisted,
                referral=self._referral(),
                quiet=self._referral_of(quiet),
                contact=self._contact(),
                hoster=hoster,
                invitations=inside(self.platform, "manage", MORE, listed),
                members=self.visitors,
            )
        finally:
            self.side.shutdown(wait=False)
            self.database.close()

    def _link_about(self, host: str) -> str:
        """The hoster's page that names this host."""
        stranger = Visitor(self.platform.url("public"))
        return next(link for link in self._links() if host in stranger.get(link, Accept="application/json").body)

    def _referral_of(self, content: str) -> str:
        return str(self._rows("SELECT id FROM referral_referral WHERE content_id = %s", content)[0][0])

    def _contact(self) -> str:
        """A contact that a source named just now."""
        query = """
            INSERT INTO tracing_contact (id, mail, organisation, source, age_key, found_at, needed_at)
            VALUES (gen_random_uuid(), 'abuse@wave.example', 'Wave Hosting', 'rdap_ip', '', %(now)s, %(now)s)
            RETURNING id::text
        """
        return str(self.database.execute(query, {"now": self._now()}).fetchall()[0][0])

    def _sign(self, visitor: Visitor, page: Page, login: str) -> float:
        """Signing is left to the browser."""
        return time.monotonic()

    def _told(self, path: str, **more: str) -> None:
        """A report by the public form, without JavaScript."""
        url = f"http://kumo-{secrets.token_hex(3)}.example/{path}"
        self.world.host([url])
        stranger = Visitor(self.platform.url("public"))
        given = {"addresses": url, "text": "Drawings made for a test.", "contact": "reporter@mail.example", **more}
        stranger.wait_turn(stranger.submit("/en/report/", "addresses", given))

    def _complain(self) -> None:
        given = {"address": f"http://{self.hosts[0]}/", "text": "This is my shop.", "contact": "shop@mail.example"}
        stranger = Visitor(self.platform.url("public"))
        stranger.wait_turn(stranger.submit("/en/list/appeal/", "address", given))

    def _referral(self) -> str:
        """Two analysts confirm one of the later items, and police are told. Returns the referral's id."""
        waiting = """
            SELECT id::text FROM assessment_contentitem
            WHERE host LIKE 'kumo-%%' AND state = 'awaiting_assessment' ORDER BY id LIMIT 1
        """
        query = "SELECT id::text FROM referral_referral WHERE state = 'sent' LIMIT 1"
        self._eventually(lambda: self._rows(waiting), 30, "an item to assess")
        content = str(self._rows(waiting)[0][0])
        for login in ("aoki", "baba"):
            self._open_all(login, [content], lambda: None)
        self._eventually(lambda: self._rows(query), 30, "a referral to be sent")
        return str(self._rows(query)[0][0])
