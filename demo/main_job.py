"""The main job: one report, or a file of them, goes the whole way through the front doors.

People act by HTTP, mail by SMTP, resolvers answer DNS. What happened is read from Mamori's own audit log. Clocks of days
run on the demo clock, which is moved here; the seconds of DNS are real.
"""

from __future__ import annotations

import csv
import queue
import re
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import psycopg
from rich.console import Console

from demo.dns import ask
from demo.notebook import Notebook
from demo.people import person
from demo.platform import Platform
from demo.processes import WorldError
from demo.timeline import Station, Timeline
from demo.visitor import Page, Visitor
from demo.watching import LiftWatch, Telling
from demo.world import World
from mamori.engine.addresses import canonicalize
from mamori.engine.keys import load_signing_key, sign
from mamori.engine.transparency.note import encode_base64

R = TypeVar("R")
HOUR = 3600.0
DAY = 24 * HOUR
NO_RESOLVER = "not loaded: no resolver installed"
_OPEN = ["awaiting_assessment", "in_assessment", "second_opinion", "in_second_opinion"]
_DECIDED = """
    SELECT id::text FROM assessment_contentitem c WHERE id = ANY(%s) AND EXISTS (
        SELECT 1 FROM audit_event WHERE event = 'assessment.assessed' AND subject_id = c.id::text)
"""
REASON = "Seen on the demo's own site; every page of it was looked at."


class MainJob:
    """Runs every station once. `reports`: None for a single report on a site of its own.

    `left`: the notebook of a job that was interrupted: it goes on where that one stood.
    """

    def __init__(
        self,
        platform: Platform,
        world: World,
        timeline: Timeline,
        console: Console,
        reports: list[dict[str, str]] | None,
        left: Notebook | None = None,
    ) -> None:
        self.platform, self.world, self.timeline = platform, world, timeline
        self.telling = Telling(console)
        self.database = psycopg.connect(platform.postgres.owner_dsn(), autocommit=True)
        self.interrupted = left is not None
        self.notebook = left or Notebook(
            platform.base,
            reports or [{"url": f"http://hoshi-{secrets.token_hex(3)}.example/gallery/", "comment": "demo"}],
            self._last_event(),
            {box: len(world.mail.received(box)) for box in world.mail.addresses()},
        )
        timeline.stations = [Station(**station) for station in self.notebook.stations]
        self.rows = self.notebook.rows
        self.addresses = list(dict.fromkeys(canonicalize(row["url"]).url for row in self.rows))
        self.hosts = list(dict.fromkeys(canonicalize(url).host for url in self.addresses))
        self.visitors: dict[str, Visitor] = {}
        self.contents = self._reported() if left else []
        self.entries = {host: entry for host, (entry, _state) in self._standing().items()} if left else {}
        self.blocking: Future[dict[str, float]] | None = None
        self.side = ThreadPoolExecutor(2)

    def run(self) -> None:
        self.notebook.save()
        try:
            with self.telling:
                self.stations()
        finally:
            self.side.shutdown(wait=False)
            self.database.close()
        self.notebook.close()

    def stations(self) -> None:
        """All of them in their order. Of an interrupted job, the part that was not ended is run again: each step is
        one that looks first whether it was done."""
        parts: list[tuple[Callable[[], None], str, str]] = [
            (self._report, "report.received", "reporting by the public form and by import"),
            (self._assess, "content.confirmed", "assessment"),
            (self._tell_police, "police.no_objection", "police"),
            (self._notify_host, "notice.delivered", "notices to hosts"),
            (self._list, "block.effective", "the list body and the list"),
            (self._remove, "block.lifted", "removal by the hosts"),
            (self._close, "audit.verified", "closing"),
        ]
        for part, last, what in parts:
            self.telling.doing(what)
            if not self.timeline.has(last):
                part()
                self.interrupted = False

    def _reported(self) -> list[str]:
        """The items of what this job reported, as far as they are there."""
        query = "SELECT id::text FROM assessment_contentitem WHERE url = ANY(%s)"
        return sorted(content for (content,) in self._rows(query, self.addresses))

    def _standing(self) -> dict[str, tuple[str, str]]:
        """The entries for DNS that were proposed for these items: host to (entry, state), in their order."""
        query = """
            SELECT target, id::text, state FROM listing_entry
            WHERE content_id = ANY(%s) AND method = 'dns' ORDER BY proposed_at
        """
        return {target: (entry, state) for target, entry, state in self._rows(query, self.contents)}

    # --- stations -------------------------------------------------------------------------------------------------

    def _report(self) -> None:
        self.world.host(self.addresses)
        if not self.notebook.code:
            self._by_form()
        if len(self.rows) > 1:
            file = self.platform.base / "reports.csv"
            with file.open("w", newline="", encoding="utf-8") as out:
                writer = csv.DictWriter(out, ["url", "seen_at", "comment"], extrasaction="ignore")
                writer.writeheader()
                writer.writerows(self.rows[1:])
            self.platform.mamori("reports", "import", str(file))
        self._reached("report.received", f"{len(self.rows)} by the public form and import; receipt given")

    def _by_form(self) -> None:
        """The first row, typed into the public form. Its receipt is written down, as a reporter would."""
        stranger = Visitor(self.platform.url("public"))
        row = self.rows[0]
        seen = (row.get("seen_at") or "").strip()
        day = datetime.fromisoformat(seen).date().isoformat() if seen else ""  # the form asks for the day alone
        told = {"addresses": row["url"], "text": row.get("comment") or "", "seen_on": day}
        page = stranger.wait_turn(stranger.submit("/en/report/", "addresses", told))
        found = re.search(r"\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}\b", page.body)
        if not found:
            raise WorldError(f"the form gave no receipt: {page.text[:300]}")
        self.notebook.code = found[0]
        self.notebook.save()

    def _assess(self) -> None:
        """Two analysts at work at the same time: each item gets an opinion of both, whoever comes first."""
        count = len(self.addresses)
        self._until(lambda: len(self._reported()), count, 60, "items of what was reported")
        self.contents = self._reported()
        with self.telling.counting("opinions of two analysts", 2 * count) as step:
            opinions = [
                self._beside(self._open_all, login, items, step)
                for login, items in (("aoki", self.contents), ("baba", self.contents[::-1]))
            ]
            self._while_waiting(opinions, lambda: self._count("assessment.second_opinion", self.contents) >= count)
            self._reached("content.assessed", f"{count} found illegal by a first analyst")
            for opinion in opinions:
                opinion.result()
        self._wait_for("assessment.assessed", self.contents, 30)
        self._reached("content.confirmed", f"{count} confirmed by a blind second opinion")

    def _open_all(self, login: str, items: list[str], step: Callable[[], None]) -> None:
        """One analyst takes and decides one item after another. What a visitor of the demo reported is left alone."""
        analyst = self._member(login)
        held = f"""
            SELECT content_id::text FROM assessment_lease l JOIN accounts_user u ON u.id = l.person_id
            WHERE l.ended_at IS NULL AND u.email = '{person(login).email}'
        """
        first = {content for (content,) in self._rows(held)}  # taken before an interruption
        left = sorted(items, key=lambda content: content not in first)
        end = time.monotonic() + 120
        while left:
            for (content,) in self._rows(_DECIDED, left):  # before an interruption
                left.remove(content)
                step()
            for content in list(left):
                page = self._take(analyst, content)
                if page is None:
                    continue
                codes = page.form("verdict").options.get("law_codes", [])
                given: dict[str, str | list[str]] = {"verdict": "BASELINE", "law_codes": codes[:1], "note": ""}
                analyst.post(page, page.form("verdict"), given)
                left.remove(content)
                end = time.monotonic() + 120
                step()
            if left and time.monotonic() > end:
                raise WorldError(f"{login} could take none of {len(left)} items for two minutes, the first: {left[0]}")
            time.sleep(0.2)

    def _take(self, analyst: Visitor, content: str) -> Page | None:
        """The page of an item, leased; None while it waits for somebody else, or a colleague looks at it."""
        if not self._rows("SELECT 1 FROM assessment_contentitem WHERE id = %s AND state = ANY(%s)", content, _OPEN):
            return None
        page = analyst.get(f"/contents/{content}/assess/")
        if any("verdict" in form.options for form in page.forms):
            return page
        take = next((form for form in page.forms if form.action.endswith("/take/")), None)
        if take is None:
            return None
        try:
            return analyst.post(page, take, {})
        except WorldError as refusal:
            if "A colleague is looking at this item" not in str(refusal):
                raise
            return None

    def _tell_police(self) -> None:
        officer = self._member("doi")
        count = len(self.contents)
        query = "SELECT id::text FROM referral_referral WHERE content_id = ANY(%s)"
        self._until(lambda: len(self._rows(query, self.contents)), count, 60, "referrals to police")
        referrals = [referral for (referral,) in self._rows(query, self.contents)]
        self._wait_for("referral.sent", referrals, 60)
        unseen = "SELECT id::text FROM referral_referral WHERE id = ANY(%s) AND delivered_at IS NULL"
        waiting = [referral for (referral,) in self._rows(unseen, referrals)]
        with self.telling.counting("police open the referrals", len(waiting)) as step:
            for referral in waiting:
                officer.submit(f"/police/{referral}/", f"/police/{referral}/open/", {})
                step()
        self._wait_for("referral.delivered", referrals, 30)
        self._reached("police.delivered", f"{count} opened by a named officer")
        if self._count("referral.no_objection", referrals) < count:
            self.platform.forward(48 * HOUR + 60)
        self._wait_for("referral.no_objection", referrals, 120)
        self._reached("police.no_objection", "48 hours without an objection (demo clock)")

    def _notify_host(self) -> None:
        self._tell_hosts()
        links = self._links()
        with self.telling.counting("hosts open their pages", len(links)) as step:
            for link in links:
                Visitor(self.platform.url("public")).get(link)
                step()
        unseen = """
            SELECT 1 FROM takedown_noticeitem i JOIN takedown_notice n ON n.id = i.notice_id
            WHERE i.content_id = ANY(%s) AND n.seen_at IS NULL
        """
        self._eventually(lambda: not self._rows(unseen, self.contents), 120, "the host's page to be opened")
        self._reached("notice.delivered", f"{len(links)} notices by SMTP, opened by the host")

    def _tell_hosts(self) -> None:
        """Until a mail server took a notice about each item."""
        analyst = self._member("chiba")
        self._confirm_hosts(analyst)
        count, confirm = len(self.contents), lambda: self._confirm_hosts(analyst)
        seen = (
            "SELECT count(DISTINCT content_id) FROM checks_check WHERE result LIKE 'online%%' AND content_id = ANY(%s)"
        )
        self._until(
            lambda: int(self._rows(seen, self.contents)[0][0]), count, 300, "items seen by re-check", keep=confirm
        )
        self._reached("check.online", f"{count} found online by re-check")
        joined = "SELECT count(DISTINCT content_id) FROM takedown_noticeitem WHERE content_id = ANY(%s)"
        self._until(
            lambda: int(self._rows(joined, self.contents)[0][0]), count, 120, "items to join a notice", keep=confirm
        )
        self.platform.forward(20 * 60)  # notices to one contact are grouped for a quarter of an hour
        self._until(self._notified, count, 180, "items in notices that a mail server took", keep=confirm)

    def _notified(self) -> int:
        """Items of this job whose notice a mail server took."""
        query = """
            SELECT count(DISTINCT content_id) FROM takedown_noticeitem WHERE content_id = ANY(%s) AND told_at IS NOT NULL
        """
        return int(self._rows(query, self.contents)[0][0])

    def _confirm_hosts(self, analyst: Visitor) -> None:
        """Approve what contacts wait for approval, and confirm hosts where the sources disagree."""
        page = analyst.get("/contacts/")
        for ident in dict.fromkeys(re.findall(r"/contacts/([0-9a-f-]{36})/", page.body)):
            contact = analyst.get(f"/contacts/{ident}/")
            if f"/contacts/{ident}/approve/" in contact.links:
                analyst.submit(f"/contacts/{ident}/approve/", "csrfmiddlewaretoken", {})
        disputed = "SELECT content_id FROM tracing_trace WHERE state = 'disputed' AND content_id = ANY(%s)"
        for (content,) in self._rows(disputed, self.contents):
            page = analyst.get(f"/contents/{content}/")
            choice = next((link for link in page.links if f"/contents/{content}/host/" in link), None)
            if choice:
                analyst.submit(choice, "csrfmiddlewaretoken", {})

    def _links(self) -> list[str]:
        """Links to the host's page in the mails that came to abuse mailboxes since the job began."""
        texts = [
            mail.get_body(("plain",))
            for box in self.world.mail.addresses()
            for mail in self.world.mail.received(box)[self.notebook.read.get(box, 0) :]
        ]
        links = [link for text in texts if text for link in re.findall(r"\S+/hoster/[^\s>]+", text.get_content())]
        return list(dict.fromkeys(links))

    def _list(self) -> None:
        if self._count("takedown.too_slow", self.contents) < len(self.contents):
            self.platform.forward(8 * DAY)
        self._wait_for("takedown.too_slow", self.contents, 300)
        reviewer, approver = self._member("endo"), self._member("fujii")
        for host in self.hosts[:3]:
            for resolver in (self.world.dns.resolvers if self.world.dns else {}).values():
                ask(resolver, host)  # the caches are warm: the resolver knows the name unblocked
        proposed: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with self.telling.counting("list body: propose, activate", 2 * len(self.hosts)) as step:
            activating = self._beside(self._activate_all, approver, proposed, step)
            try:
                standing = self._standing() if self.interrupted else {}
                for host, content in self._one_content_per_host().items():
                    entry, state = standing.get(host) or (self._propose(reviewer, content), "pending_activation")
                    if state == "proposed":
                        self._sign(reviewer, reviewer.get(f"/list/entry/{entry}/"), "endo")
                    self.entries[host] = entry
                    proposed.put(entry if state in {"proposed", "pending_activation"} else None)
                    step()
                self._reached("entry.proposed", f"{len(self.entries)} names for DNS, four tests answered each")
            finally:
                proposed.put("")
            activating.result()
        first = next(iter(self.entries))
        if self.world.dns and self.blocking is None:  # all were activated before an interruption
            self.blocking = self._beside(partial(self._until_all, first, time.monotonic(), blocked=True))
        effective = self.blocking.result() if self.blocking else {}
        self._reached("entry.active", f"{len(self.entries)} activated by a second person, both signatures verified")
        self._publish_all()
        self._reached("edition.published", self._edition())
        self._dns("block.effective", effective, f"{first} blocked")

    def _activate_all(
        self, approver: Visitor, proposed: queue.SimpleQueue[str | None], step: Callable[[], None]
    ) -> None:
        """Activate what is proposed, as it comes, until an empty word; None is one that is in force already.

        From the sending of the first one on, resolvers are asked beside it.
        """
        while (entry := proposed.get()) != "":
            if entry is not None:
                sent = self._activate(approver, entry)
                if self.world.dns and self.blocking is None:
                    host = next(host for host, made in self.entries.items() if made == entry)
                    self.blocking = self._beside(partial(self._until_all, host, sent, blocked=True))
            step()

    def _publish_all(self) -> None:
        """Wait until editions hold every entry. A long file meets the list's own brake: the rest goes on the days after."""
        query = """
            SELECT count(DISTINCT c.entry_id)
            FROM distribution_editionchange c JOIN distribution_edition e ON e.id = c.edition_id
            WHERE c.change = 'added' AND e.state = 'published' AND c.entry_id = ANY(%s)
        """
        wanted = list(self.entries.values())

        def listed() -> int:
            return int(self._rows(query, wanted)[0][0])

        while listed() < len(wanted):
            patience = 8 if self._count("distribution.refused") else 30
            try:
                self._until(listed, len(wanted), patience, f"{len(wanted)} entries in editions")
            except WorldError:
                if not self._count("distribution.refused"):
                    raise
                self.telling.say(f"  the brake of the list: {listed()} of {len(wanted)} entries so far; a day passes")
                self.platform.forward(DAY)
        if self.world.dns:
            self._until_all(list(self.entries)[-1], time.monotonic(), blocked=True)

    def _one_content_per_host(self) -> dict[str, str]:
        query = "SELECT host, id::text FROM assessment_contentitem WHERE id = ANY(%s)"
        found = dict(self._rows(query, self.contents))
        return {host: found[host] for host in self.hosts if host in found}

    def _propose(self, reviewer: Visitor, content: str) -> str:
        """Propose a name and sign it. Where nobody saw the content lately, the hotline looks again first."""
        end = time.monotonic() + 300
        while True:
            page = reviewer.get(f"/list/propose/{content}/dns/")
            form = page.form("target")
            given: dict[str, str | list[str]] = {"reason": "removal_too_slow"}
            for name in form.options:
                if name.endswith("_yes"):
                    given[name] = "yes"
                    given[name.removesuffix("_yes") + "_reason"] = REASON
            try:
                page = reviewer.post(page, form, given)
                break
            except WorldError as refusal:
                if "Nobody saw this content online lately" not in str(refusal) or time.monotonic() > end:
                    raise
                time.sleep(1)
        if "/list/entry/" not in page.url:
            raise WorldError(f"the proposal was not taken: {page.text[-2500:]}")
        self._sign(reviewer, page, "endo")
        return page.url.rstrip("/").rpartition("/")[2]

    def _activate(self, approver: Visitor, entry: str) -> float:
        return self._sign(approver, approver.get(f"/list/entry/{entry}/"), "fujii")

    def _sign(self, visitor: Visitor, page: Page, login: str) -> float:
        """Sign the statement with the person's own key, as `mamori keys sign` does. Returns when the signature was sent."""
        entry = page.url.rstrip("/").rpartition("/")[2]
        statement = visitor.get(f"/list/entry/{entry}/statement/").body.encode()
        signature = encode_base64(sign(load_signing_key(self.platform.keys / f"{login}.pem"), statement))
        sent = time.monotonic()
        visitor.post(page, page.form("signature"), {"signature": signature})
        return sent

    def _remove(self) -> None:
        for url in self.addresses:
            self.world.hosting.remove(url)
        links = self._links()
        with self.telling.counting("hosts say that it is removed", len(links)) as step:
            for link in links:
                host = Visitor(self.platform.url("public"))
                page = host.get(link)
                if any("answer" in form.options for form in page.forms):  # not one passed on to the next rung
                    host.post(page, page.form("answer"), {"answer": "removed"})
                step()
        self._eventually(lambda: self._count("takedown.answered"), 60, "an answer of the host")
        self._reached("removal.claimed", "the host removed the pages and says so on its page")
        begun = time.monotonic()
        last = list(self.entries)[-1]
        watch = LiftWatch(self.world.dns, last) if self.world.dns else None
        for _round in range(12):
            self._settle_checks()
            if self._count("checks.gone", self.contents) >= len(self.contents):
                break
            self._settle_list()
            self.platform.forward(20 * 60)
        self._wait_for("checks.gone", self.contents, 120)
        self._reached("check.gone", "three agreeing negatives over half an hour", since=begun)
        self._wait_for("listing.removed", list(self.entries.values()), 120)
        decided = self._moment("listing.pending_removal", self.entries[last])  # "removed" is told when it is published
        lifted = watch.seconds_since(decided) if watch else {}
        self._reached("entry.removed", f"{len(self.hosts)} withdrawn by the rule that what is gone is lifted")
        self._dns("block.lifted", lifted, f"{last} answers again")

    def _close(self) -> None:
        self.telling.doing("days pass until receipts may tell")
        stranger = Visitor(self.platform.url("public"))
        for _day in range(5):
            self.platform.forward(DAY)
            time.sleep(2.5 * self.platform.sweep_seconds)
            page = stranger.submit("/en/receipt/", "code", {"code": self.notebook.code})
            if "closed" in page.text.lower():
                break
        else:
            raise WorldError(f"the receipt does not say closed: {page.text[:300]}")
        self._reached("reporter.outcome", "the receipt says “closed” and nothing else")
        self.telling.doing("sealing, co-signing and verifying the log")
        self._settle_log()
        self.platform.mamori("audit", "verify", "--witness-folder", str(self.platform.witness_folder))
        size = self._rows("SELECT max(seq) FROM audit_seal")[0][0]
        self._reached("audit.verified", f"{size} events chained, checkpoints co-signed by the witness")

    # --- resolvers ------------------------------------------------------------------------------------------------

    def _until_all(self, host: str, since: float, *, blocked: bool) -> dict[str, float]:
        """Seconds from `since` until each resolver blocks (or answers for) the name."""
        assert self.world.dns is not None
        waiting = dict(self.world.dns.resolvers)
        found: dict[str, float] = {}
        while waiting:
            for engine, resolver in list(waiting.items()):
                answer = ask(resolver, host, timeout=0.5)
                if (answer == self.world.dns.providers[engine].blocked) == blocked and answer != "TIMEOUT":
                    found[engine] = time.monotonic() - since
                    del waiting[engine]
            if time.monotonic() - since > 60:
                raise WorldError(
                    f"{', '.join(waiting)} did not {'block' if blocked else 'free'} {host} within a minute"
                )
            time.sleep(0.004)
        return found

    def _dns(self, station: str, seconds: dict[str, float], detail: str) -> None:
        if not seconds:
            self._reached(station, NO_RESOLVER)
        if self.interrupted:
            detail += " (counted over an interruption)"
        for engine, took in seconds.items():
            self.timeline.reached(station, self._now(), detail, engine=engine, seconds=took)
        self._write_down()

    # --- small tools ----------------------------------------------------------------------------------------------

    def _member(self, login: str) -> Visitor:
        if login not in self.visitors:
            self.visitors[login] = Visitor(self.platform.url("staff"))
            self.visitors[login].log_in(person(login))
        return self.visitors[login]

    def _reached(self, name: str, detail: str, *, since: float | None = None) -> None:
        seconds = None if since is None else time.monotonic() - since
        if self.timeline.has(name):
            return
        self.timeline.reached(name, self._now(), detail, seconds=seconds)
        self._write_down()
        self.telling.say(f"  {name}: {detail}")

    def _write_down(self) -> None:
        self.notebook.stations = self.timeline.told()
        self.notebook.save()

    def _now(self) -> str:
        return datetime.fromtimestamp(time.time() + self.platform.ahead(), UTC).isoformat(timespec="milliseconds")

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.database.execute(query, values).fetchall()

    def _moment(self, event: str, subject: str) -> float:
        """When an event happened to a subject, in POSIX seconds of real time."""
        query = "SELECT extract(epoch FROM max(at))::float8 FROM audit_event WHERE event = %s AND subject_id = %s"
        return self.platform.real_time(float(self._rows(query, event, subject)[0][0]))

    def _last_event(self) -> int:
        return int(self._rows("SELECT coalesce(max(id), 0) FROM audit_event")[0][0])

    def _count(self, event: str, among: list[str] | None = None) -> int:
        """How many different rows this event happened to since the job began; of those of these ids, when given."""
        query = """
            SELECT count(DISTINCT subject_id) FROM audit_event
            WHERE event = %s AND id > %s AND (%s::text[] IS NULL OR subject_id = ANY(%s))
        """
        return int(self._rows(query, event, self.notebook.begun, among, among)[0][0])

    def _beside(self, work: Callable[..., R], *values: object) -> Future[R]:
        return self.side.submit(work, *values)

    def _while_waiting(self, working: list[Future[Any]], true: Callable[[], object]) -> None:
        """Wait for `true` while others work; what stops them stops us, however quickly all of them were stopped."""
        while not true():
            done = [each for each in working if each.done()]
            for each in done:
                each.result()
            if len(done) == len(working):
                return
            time.sleep(0.2)

    def _wait_for(self, event: str, subjects: list[str], seconds: float) -> None:
        """Until each of these rows had this event; given up when no more of them had it for `seconds`."""
        self._until(lambda: self._count(event, subjects), len(subjects), seconds, f"{len(subjects)} x {event}")

    def _until(
        self,
        reached: Callable[[], int],
        count: int,
        seconds: float,
        what: str,
        *,
        keep: Callable[[], None] | None = None,
    ) -> None:
        """Wait for a number to grow to `count`; given up when it does not grow for `seconds`."""
        last, end, say_at = -1, 0.0, time.monotonic() + 2
        while (now := reached()) < count:
            if time.monotonic() > say_at:
                self.telling.say(f"  … waiting for {what}: {now} of {count}")
                say_at = time.monotonic() + 10
            if now > last:
                last, end = now, time.monotonic() + seconds
            if time.monotonic() > end:
                log = self.platform.base / "log"
                raise WorldError(f"waited {seconds:.0f} s in vain for: {what}; there are {now}. The logs: {log}")
            if keep is not None:
                keep()
                time.sleep(1)
            time.sleep(0.1)

    def _eventually(self, true: Callable[[], object], seconds: float, what: str) -> None:
        self._until(lambda: int(bool(true())), 1, seconds, what)

    def _settle_checks(self) -> None:
        """Wait until no re-check waits any more: the clock may only go on when every page was looked at."""
        waiting = """
            SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND args->>'name' = 'checks.check'
        """
        last, changed, quiet, say_at = -1, *[time.monotonic()] * 2, time.monotonic() + 2
        while time.monotonic() - quiet < 2.5 * self.platform.sweep_seconds:
            now, left = time.monotonic(), int(self._rows(waiting)[0][0])
            if left:
                quiet = now
            if left != last:
                last, changed = left, now
            elif left and now - changed > 120:
                raise WorldError(f"no re-check ended for two minutes; {left} wait")
            if now > say_at:
                self.telling.say(f"  … re-checks that wait: {left}")
                say_at = now + 10
            time.sleep(0.2)

    def _settle_list(self) -> None:
        """Wait a while until resolvers followed: their seconds would else tell how far the clock was moved meanwhile."""
        waiting = """
            SELECT EXISTS (SELECT FROM listing_entry WHERE state = 'pending_removal')
                OR EXISTS (SELECT FROM distribution_probe WHERE seconds IS NULL AND entry_id IS NOT NULL AND NOT outside)
        """
        with suppress(WorldError):
            self._eventually(lambda: not self._rows(waiting)[0][0], 60, "resolvers that follow")

    def _settle_log(self) -> None:
        newest = self._last_event()
        self._eventually(lambda: self._rows("SELECT 1 FROM audit_seal WHERE event_id >= %s", newest), 20, "the sealer")
        self._eventually(
            lambda: self._rows("SELECT 1 FROM audit_checkpoint WHERE witnessed AND size >= (SELECT seq FROM audit_seal"
                               " WHERE event_id >= %s ORDER BY seq LIMIT 1)", newest), 30, "the witness"
        )  # fmt: skip

    def _edition(self) -> str:
        query = """
            SELECT min(e.version), max(e.version)
            FROM distribution_editionchange c JOIN distribution_edition e ON e.id = c.edition_id
            WHERE c.change = 'added' AND e.state = 'published' AND c.entry_id = ANY(%s)
        """
        first, last = self._rows(query, list(self.entries.values()))[0]
        which = f"edition {first}" if first == last else f"editions {first} to {last}"
        return f"{which} signed (TUF) and published to Knot"
