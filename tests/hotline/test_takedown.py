"""Notices from confirmation to removal, through every room, with a real mail server and real registries."""

import json
from datetime import timedelta

import pyrage
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from mamori.engine.evidence import open_bundle
from mamori.engine.keys import load_public_key, public_path
from mamori.ground import clock, jobs
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.errors import DomainError, Forbidden, NotFound
from mamori.ground.letters.models import Letter
from mamori.ground.letters.services import bounce_address, bounce_receive
from mamori.hotline.assessment.queries import content_state
from mamori.hotline.checks.models import Check
from mamori.hotline.referral.models import Evidence, Preservation
from mamori.hotline.takedown import queries, services
from mamori.hotline.takedown.models import Notice, NoticeItem, NoticeLetter, Removal, Step
from mamori.hotline.takedown.services.climbing import content_climb
from mamori.hotline.takedown.states import StepReason, WarningKind
from mamori.hotline.tracing import services as tracing_services
from mamori.hotline.tracing.models import Contact, Trace
from mamori.lists.listing.models import Candidate
from tests.hotline.takedown_steps import only_notice, text_of
from tests.hotline.takedown_steps import world as world_of

pytestmark = pytest.mark.django_db
HOSTER = "abuse@kasumi.example"
URL = "http://kiku.example/secret-path"


@pytest.fixture
def world(tmp_path, settings, person, frozen, run_jobs):
    with world_of(tmp_path, settings, person, frozen, run_jobs) as found:
        found.host("kiku.example", "ran.example")
        yield found


@pytest.fixture
def noticed(world):
    """One content whose first letter was delivered."""
    content_id = world.content(URL)
    world.work(16)
    assert only_notice().state == "delivered"
    return content_id


def item(content_id):
    return NoticeItem.objects.filter(content_id=content_id).order_by("-joined_at").first()


def obstacle(content_id):
    return item(content_id).obstacle


class TestBeforeTheLetter:
    def test_addresses_of_one_contact_are_gathered_for_a_quarter_of_an_hour(self, world):
        world.content(URL)
        world.content("http://ran.example/other")
        world.work(10)
        assert world.box.to(HOSTER) == []
        assert (only_notice().state, only_notice().items.count()) == ("grouping", 2)
        world.work(10)
        assert len(world.box.to(HOSTER)) == 1
        assert only_notice().state == "delivered"
        assert content_state(item_content()) == "monitoring"

    def test_a_child_at_risk_does_not_wait(self, world):
        from mamori.hotline.assessment.models import ContentItem

        content_id = world.content(URL, attest=False)
        ContentItem.objects.filter(id=content_id).update(at_risk=True)
        NoticeItem.objects.update(urgent=True)
        world.attest(content_id, online=True)
        assert len(world.box.to(HOSTER)) == 1

    def test_nothing_goes_before_police_were_told(self, world):
        world.box.refuses.add("desk@police.example")
        world.content(URL)
        world.work(60)
        assert world.box.to(HOSTER) == []
        assert not Notice.objects.exists()

    def test_nothing_goes_to_a_contact_nobody_approved(self, world):
        content_id = world.content(URL, approve=False)
        world.work(60)
        assert not Notice.objects.exists()
        assert Contact.objects.get(mail=HOSTER).needed_at is not None
        world.approve(content_id)
        world.work()
        world.work(16)
        assert len(world.box.to(HOSTER)) == 1

    def test_nothing_goes_until_a_person_or_a_check_saw_it_online(self, world):
        content_id = world.content(URL, attest=False)
        world.work(60)
        assert (only_notice().state, obstacle(content_id)) == ("verifying", "online")
        assert world.box.to(HOSTER) == []
        world.attest(content_id, online=True)
        assert len(world.box.to(HOSTER)) == 1

    def test_an_old_trace_is_made_anew_and_a_moved_host_stops_the_letter(self, world):
        content_id = world.content(URL, attest=False)
        world.work(13 * 60)
        world.nets.names.record("kiku.example", "A", "198.51.100.7")
        world.nets.network("198.51.100.7", abuse="abuse@fjord.example", name="FJORD", country="NO")
        world.attest(content_id, online=True)
        assert world.box.to(HOSTER) == []
        assert Trace.objects.get(content_id=content_id).state in {"traced", "changed", "disputed"}
        assert item(content_id).state in {"suspended", "withdrawn"}

    def test_a_hold_keeps_content_out_of_the_letter_and_a_release_lets_it_in(self, world):
        content_id = world.content(URL)
        world.hold(content_id)
        world.work(60)
        assert (only_notice().state, item(content_id).state) == ("suspended", "suspended")
        assert world.box.to(HOSTER) == []
        world.release(content_id)
        world.work(60)
        assert item(content_id).state == "told"
        assert len(world.box.to(HOSTER)) == 1

    def test_evidence_is_signed_and_preservation_asked_for_first(self, world, settings):
        from mamori.hotline.referral.models import Evidence, Preservation

        key, settings.EVIDENCE_KEY_FILE = settings.EVIDENCE_KEY_FILE, None
        content_id = world.content(URL)
        world.work(20)
        assert obstacle(content_id) == "evidence"
        assert world.box.to(HOSTER) == []
        settings.EVIDENCE_KEY_FILE = key
        seen = {"media": "image", "fingerprint": b"\1" * 32, "file_pdq": b"\2" * 32, "file_pdq_quality": 88}
        Check.objects.create(content_id=content_id, at=clock.now(), result="online_same", vantage="here", **seen)
        world.work(2)
        assert len(world.box.to(HOSTER)) == 1
        letter = NoticeLetter.objects.get()
        evidence = Evidence.objects.get(content_id=content_id)
        assert evidence.made_at <= letter.posted_at
        bundle = open_bundle(evidence.envelope, load_public_key(public_path(key)))
        assert (bundle["looks"][0]["result"], bundle["looks"][0]["by"]) == ("online_same", "machine")
        assert {(each["algorithm"], each["value"], each.get("quality")) for each in bundle["fingerprints"]} == {
            ("sha256", "01" * 32, None),
            ("pdq", "02" * 32, 88),
        }
        assert Preservation.objects.get(content_id=content_id).requested_at <= letter.posted_at

    def test_one_request_to_preserve_goes_out_for_all_items_of_a_letter(self, world):
        for page in ("a", "b", "c"):
            world.content(f"http://kiku.example/{page}")
        world.work(16)
        assert len(world.box.to(HOSTER)) == 1
        asked = Letter.objects.get(kind="preservation").body
        told = [found["preserve"] for found in NoticeItem.objects.values_list("findings", flat=True)]
        assert len(set(told)) == 3
        assert all(reference in asked for reference in told)


def item_content():
    return NoticeItem.objects.order_by("number").first().content_id


class TestTheLetter:
    def test_no_letter_names_an_address(self, world, noticed):
        other = world.content("http://ran.example/other")
        world.work(30)
        world.next_day(noticed, other)
        assert len(world.box.mails) > 3
        for mail in world.box.mails:
            whole = mail.as_string() + text_of(mail) + mail["Subject"]
            for secret in ("kiku.example", "ran.example", "kiku[.]example", "secret-path", "192.0.2."):
                assert secret not in whole
            assert [part.get_content_type() for part in mail.iter_attachments()] == []

    def test_letters_of_a_notice_keep_their_subject(self, world, noticed):
        world.next_day(noticed)
        first, reminder = world.box.to(HOSTER)
        assert first["Subject"] == reminder["Subject"]
        assert only_notice().reference in first["Subject"]
        assert "残っています" in text_of(reminder) and "still online" in text_of(reminder)

    def test_a_registered_key_gets_the_list_encrypted(self, world):
        identity = pyrage.x25519.Identity.generate()
        content_id = world.content(URL)
        contact = Contact.objects.get(mail=HOSTER)
        tracing_services.contact_register_key(
            actor=world.first.actor, contact_id=contact.id, age_key=str(identity.to_public())
        )
        world.work(16)
        mail = world.box.to(HOSTER)[0]
        (part,) = list(mail.iter_attachments())
        assert b"kiku" not in part.get_content()
        reports = json.loads(pyrage.decrypt(part.get_content(), [identity]))
        assert [r["url"] for r in reports] == [URL]
        assert reports[0]["report_id"] == str(item(content_id).id)

    def test_running_everything_twice_sends_one_letter(self, world):
        world.content(URL)
        world.work(16)
        for _ in range(3):
            with connection.cursor() as cursor:  # as if the worker had died before it said that they were done
                cursor.execute("UPDATE procrastinate_jobs SET status = 'todo' WHERE status = 'succeeded'")
            world.work()
        assert len(world.box.to(HOSTER)) == 1
        assert NoticeLetter.objects.count() == 1

    def test_a_letter_nobody_knows_of_is_not_sent_again_by_itself(self, world):
        world.content(URL)
        notice = only_notice()
        world.frozen.shift(timedelta(minutes=16))
        services.notice_verify(notice_id=notice.id)
        row = NoticeLetter.objects.get()
        Letter.objects.filter(id=row.letter_id).update(state="handing_over", tried_at=clock.now())
        world.frozen.shift(timedelta(minutes=5))
        jobs.run_sweep("letters.recover")
        world.work()
        notice.refresh_from_db()
        assert (notice.state, world.box.to(HOSTER)) == ("bounced", [])
        world.work(30)
        assert item_state() == "told"  # a person decides first
        services.notice_resend(actor=world.senior.actor, notice_id=notice.id)
        world.work()
        assert len(world.box.to(HOSTER)) == 1
        notice.refresh_from_db()
        assert notice.state == "delivered"

    def test_what_joins_later_is_told_by_a_further_letter_of_the_same_notice(self, world, noticed):
        world.content("http://ran.example/other")
        world.work(16)
        assert only_notice().items.count() == 2
        assert [row.kind for row in NoticeLetter.objects.order_by("n")] == ["first", "further"]

    def test_the_database_allows_one_open_notice_per_contact(self, world, noticed):
        notice = only_notice()
        with pytest.raises(IntegrityError), transaction.atomic():
            Notice.objects.create(contact=notice.contact, level="hoster", opened_at=clock.now())
        with pytest.raises(IntegrityError), transaction.atomic():
            NoticeItem.objects.create(notice=notice, content_id=noticed, number=9, joined_at=clock.now())


def item_state():
    return NoticeItem.objects.order_by("-joined_at").first().state


class TestClocks:
    def test_a_reminder_each_day_weekends_too(self, world, noticed):
        for day in range(1, 4):
            world.next_day(noticed)
            assert len(world.box.to(HOSTER)) == 1 + day
        assert (only_notice().state, only_notice().reminders) == ("overdue", 3)

    def test_the_ladder_is_climbed_at_24_72_hours_and_6_days(self, world, noticed):
        world.work(24 * 60)
        assert Contact.objects.get(mail="noc@upstream.example").needed_at is not None
        world.approve_mail("noc@upstream.example")
        world.attest(noticed, online=True)
        world.work(16)
        assert len(world.box.to("noc@upstream.example")) == 1
        assert queries.removal_tried(noticed).level == "upstream"
        assert item(noticed).notice.level == "upstream"
        assert Notice.objects.get(level="hoster").state == "escalated"
        world.work(47 * 60)
        assert queries.removal_tried(noticed).level == "upstream"
        world.work(60)
        world.approve_mail("abuse@registrar.example")
        world.attest(noticed, online=True)
        world.work(16)
        assert queries.removal_tried(noticed).level == "registrar"
        assert [s.reason for s in Step.objects.filter(content_id=noticed).order_by("at")] == ["clock", "clock"]
        world.work(3 * 24 * 60)
        assert queries.removal_tried(noticed).exhausted
        waiting = [w for w in queries.desk(world.senior.actor) if w.alarm]
        assert [w.count for w in waiting] == [1]
        world.hold(noticed)
        with pytest.raises(DomainError, match="held"):
            services.regulator_told(actor=world.senior.actor, content_id=noticed, reference="R-7")
        world.release(noticed)
        services.regulator_told(actor=world.senior.actor, content_id=noticed, reference="R-7")
        assert queries.removal_tried(noticed).level == "regulator"
        assert [w for w in queries.desk(world.senior.actor) if w.alarm] == []

    def test_removal_is_too_slow_after_72_hours_told_once(self, world, noticed):
        world.work(71 * 60)
        assert not queries.removal_tried(noticed).too_slow
        world.work(61)
        world.work(600)
        assert queries.removal_tried(noticed).too_slow
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM audit_event WHERE event = 'takedown.too_slow'")
            assert cursor.fetchone()[0] == 1

    def test_where_nobody_is_found_to_write_to_removal_is_too_slow_after_72_hours(self, world):
        content_id = world.content(URL, approve=False)
        world.work(71 * 60)
        assert queries.removal_tried(content_id) is None
        world.work(2 * 60)
        world.work(60)
        assert queries.removal_tried(content_id).too_slow
        assert Candidate.objects.filter(content_id=content_id).exists()
        assert not Notice.objects.exists()
        world.approve_mail(HOSTER)
        world.attest(content_id, online=True)
        world.work(20)
        assert len(world.box.to(HOSTER)) == 1

    def test_a_late_hold_stops_reminders_and_steps(self, world, noticed):
        world.hold(noticed)
        world.work(30 * 60)
        assert len(world.box.to(HOSTER)) == 1
        assert not queries.removal_tried(noticed).too_slow
        assert Step.objects.count() == 0

    def test_a_refused_letter_goes_to_the_next_rung_and_counts_as_too_slow(self, world):
        world.box.refuses.add(HOSTER)
        content_id = world.content(URL)
        world.work(16)
        assert only_notice().state == "bounced"
        world.approve_mail("noc@upstream.example")
        world.attest(content_id, online=True)
        world.work(20)
        assert len(world.box.to("noc@upstream.example")) == 1
        assert queries.removal_tried(content_id).too_slow
        assert [s.reason for s in Step.objects.all()] == ["bounced"]

    def test_a_bounce_that_comes_back_later_is_understood(self, world, noticed):
        letter = NoticeLetter.objects.get().letter
        bounce_receive(
            b"To: "
            + bounce_address(letter.id).encode()
            + b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; "
            b'boundary="b"\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; '
            b"abuse@kasumi.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n--b--\r\n"
        )
        world.work()
        assert only_notice().state == "bounced"
        assert [w.alarm for w in queries.desk(world.first.actor)] == [True]

    def test_two_sweeps_at_once_climb_one_rung(self, world, noticed):
        world.work(24 * 60)
        world.approve_mail("noc@upstream.example")
        for _ in range(3):
            content_climb(content_id=noticed, reason=StepReason.CLOCK)
        assert Step.objects.count() == 1


class TestTheEnd:
    def test_what_is_gone_ends_its_notice_and_its_clocks(self, world, noticed):
        world.frozen.shift(timedelta(hours=1, minutes=30))
        world.gone(noticed)
        assert (only_notice().state, item(noticed).state) == ("verified_removed", "removed")
        (duration,) = queries.removal_durations(clock.now() - timedelta(days=1))
        assert duration.removed and duration.domestic and 2 <= duration.hours < 2.1
        world.work(5 * 24 * 60)
        assert len(world.box.to(HOSTER)) == 1

    def test_what_a_person_gave_up_asking_for_stays_in_the_curve_until_it_is_gone(self, world, noticed):
        services.notice_close(actor=world.senior.actor, notice_id=only_notice().id)
        world.frozen.shift(timedelta(hours=30))
        (duration,) = queries.removal_durations(clock.now() - timedelta(days=3))
        assert not duration.removed and duration.hours == pytest.approx(30, abs=0.1)
        services.content_gone(content_id=noticed)
        (duration,) = queries.removal_durations(clock.now() - timedelta(days=3))
        assert duration.removed and duration.hours == pytest.approx(30, abs=0.1)

    def test_what_is_still_online_stays_in_the_curve(self, world, noticed):
        world.frozen.shift(timedelta(hours=30))
        (duration,) = queries.removal_durations(clock.now() - timedelta(days=3))
        assert not duration.removed and duration.hours == pytest.approx(30)

    def test_content_that_comes_back_is_noticed_anew(self, world, noticed):
        world.gone(noticed)
        world.frozen.shift(timedelta(days=3))
        world.attest(noticed, online=True)
        world.work(16)
        assert Notice.objects.count() == 2
        assert len(world.box.to(HOSTER)) == 2

    def test_content_that_comes_back_climbs_the_whole_ladder_anew_and_is_preserved_and_proved_anew(
        self, world, noticed
    ):
        world.approve_mail("noc@upstream.example")
        world.next_day(noticed)
        world.work(20)
        assert len(world.box.to("noc@upstream.example")) == 1
        asked = Preservation.objects.get(content_id=noticed)
        proved = Evidence.objects.filter(content_id=noticed).count()
        world.gone(noticed)
        world.frozen.shift(timedelta(days=60))
        world.attest(noticed, online=True)
        world.work(16)
        again = Preservation.objects.get(content_id=noticed)
        assert (again.id, again.until) == (asked.id, again.requested_at + timedelta(days=30))
        assert again.until > clock.now()
        assert again.letter_id != asked.letter_id
        assert Evidence.objects.filter(content_id=noticed).count() == proved + 1
        world.next_day(noticed)
        world.work(20)
        assert len(world.box.to("noc@upstream.example")) == 2
        assert Removal.objects.get(content_id=noticed).exhausted_at is None

    def test_the_page_tells_when_it_was_last_seen_online(self, world):
        content_id = world.content(URL, attest=False)
        world.work(16)
        world.attest(content_id, online=True)
        seen = clock.now()
        world.work(20)
        assert item(content_id).findings["verified_at"] <= (seen + timedelta(seconds=1)).isoformat()

    def test_the_timeline_and_the_case_page_know_it(self, world, noticed):
        world.next_day(noticed)
        words = [str(m.word) for m in queries.timeline(world.first.actor, noticed)]
        assert len(words) >= 3
        (view,) = queries.notices_of(world.first.actor, noticed)
        assert (view.state, view.item_state, view.reminders) == ("overdue", "told", 1)
        assert queries.timeline(world.person(Role.OPERATOR).actor, noticed) == []
        assert queries.notices_of(world.person(Role.OPERATOR).actor, noticed) == []

    def test_nothing_was_tried_before_the_first_letter(self, world):
        content_id = world.content(URL)
        assert queries.removal_tried(content_id) is None


class TestTheDesk:
    TABLES = ("/notices/", "/notices/addresses/")

    def test_a_notice_shows_exactly_what_will_be_sent_and_sends_it_by_hand(self, world, browser_of):
        world.content(URL)
        notice = only_notice()
        browser = browser_of(world.first)
        page = browser.get(f"/notices/{notice.id}/").content.decode()
        assert "hxxp://kiku[.]example/secret-path" in page
        assert HOSTER in page and notice.reference in page
        assert "お願い" in page or "We ask you to remove it" in page
        assert browser.get(f"/notices/{notice.id}/send/").status_code == 200
        assert browser.post(f"/notices/{notice.id}/send/").status_code == 302
        world.work()
        assert len(world.box.to(HOSTER)) == 1
        sent = browser.get(f"/notices/{notice.id}/").content.decode()
        assert text_of(world.box.to(HOSTER)[0])[:20] in sent
        assert world.box.link(HOSTER).split("/")[-2] not in sent  # the key in the link is the hoster's
        assert browser.post(f"/notices/{notice.id}/send/").status_code == 409

    def test_sending_by_hand_skips_no_check(self, world):
        world.content(URL, attest=False)
        with pytest.raises(DomainError, match="nothing_ready"):
            services.notice_send_now(actor=world.first.actor, notice_id=only_notice().id)
        assert world.box.to(HOSTER) == []

    def test_roles(self, world, noticed, browser_of):
        notice = only_notice()
        auditor, operator = browser_of(world.person(Role.AUDITOR)), browser_of(world.person(Role.OPERATOR))
        for path in ("/notices/", "/ledger/", "/notices/addresses/", "/notices/answers/", "/notices/ended/"):
            assert auditor.get(path).status_code == 200
            assert operator.get(path).status_code == 403
        assert auditor.get(f"/notices/{notice.id}/").status_code == 200
        assert operator.get(f"/notices/{notice.id}/").status_code == 404
        for what in ("send", "close", "resend", "warn"):
            data = {"kind": "warning"}
            assert auditor.post(f"/notices/{notice.id}/{what}/", data).status_code == 403
        analyst = browser_of(world.first)
        assert analyst.post(f"/notices/{notice.id}/close/").status_code == 403
        assert browser_of(world.senior).post(f"/notices/{notice.id}/close/").status_code == 302
        assert only_notice().state == "closed"
        assert Removal.objects.get().state == "dropped"

    def test_export_is_for_those_who_may(self, world, noticed, browser_of):
        assert browser_of(world.senior).get("/notices/?export=csv")["Content-Type"].startswith("text/csv")
        assert browser_of(world.first).get("/notices/?export=csv").status_code == 403

    def test_the_desk_asks_a_bounded_number_of_questions(self, world, browser_of, django_assert_max_num_queries):
        browser = browser_of(world.first)
        asked = {}
        for n in range(8):
            world.host(f"n{n}.example", abuse=f"abuse@h{n}.example")
            world.content(f"http://n{n}.example/")
            if n == 1:
                world.work(16)
                for path in self.TABLES:
                    with CaptureQueriesContext(connection) as found:
                        browser.get(path)
                    asked[path] = len(found)
        world.work(16)
        assert Notice.objects.count() == 8
        for path in self.TABLES:
            with django_assert_max_num_queries(asked[path]):
                browser.get(path)

    def test_the_ledger_names_administrator_kind_and_person(self, world, noticed, browser_of):
        notice = only_notice()
        browser = browser_of(world.senior)
        assert browser.post(f"/notices/{notice.id}/warn/", {"kind": "charge", "reference": "K-1"}).status_code == 302
        page = browser.get("/ledger/").content.decode()
        assert "K-1" in page and HOSTER in page
        with pytest.raises(Forbidden):
            services.warning_record(actor=world.first.actor, kind=WarningKind.WARNING, contact_id=notice.contact_id)
        with pytest.raises(Forbidden):
            services.warning_record(actor=SYSTEM, kind=WarningKind.WARNING, contact_id=notice.contact_id)

    def test_what_is_not_there_is_not_found(self, world, browser_of):
        from uuid import uuid4

        assert browser_of(world.first).get(f"/notices/{uuid4()}/").status_code == 404
        with pytest.raises(NotFound):
            services.notice_close(actor=world.senior.actor, notice_id=uuid4())
