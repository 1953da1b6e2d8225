"""Referrals on the police desk, through the front door."""

from datetime import timedelta

import pytest

from mamori.ground import clock
from mamori.ground.actors import Role
from mamori.hotline.referral import services
from mamori.hotline.referral.models import Hold
from tests.hotline.referral_steps import BOX, HOUR, refer, row, send

pytestmark = pytest.mark.django_db


class TestPages:
    def test_looking_opens_nothing_but_the_button_does_under_the_officers_name(self, policy, person, browser_of):
        policy()
        one = refer()
        send()
        browser = browser_of(person(Role.POLICE_LIAISON, name="Sergeant Doi"))
        assert one.hex[:8].upper() in browser.get("/police/").content.decode()
        page = browser.get(f"/police/{one}/").content.decode()
        assert "kiku" not in page
        assert row(one).state == "sent"
        assert browser.get(f"/police/{one}/open/").status_code == 405
        assert browser.post(f"/police/{one}/open/").status_code == 302
        assert (row(one).state, row(one).officer) == ("delivered", "Sergeant Doi")
        assert "kiku[.]example" in browser.get(f"/police/{one}/").content.decode()

    def test_police_acknowledge_hold_renew_release_and_answer_by_forms(self, policy, person, browser_of, frozen):
        from django.utils import timezone

        def moment(days):
            return timezone.localtime(clock.now() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")

        policy()
        one = refer()
        browser = browser_of(person(Role.POLICE_LIAISON))
        browser.post(f"/police/{one}/open/")
        browser.post(f"/police/{one}/acknowledge/", {"acknowledge-reference": "K-7"})
        assert (row(one).state, row(one).reference) == ("acknowledged", "K-7")
        wrong = browser.post(f"/police/{one}/hold/", {"hold-until": moment(40), "hold-reason": "because"})
        assert wrong.status_code == 422
        assert "because" in wrong.content.decode()
        browser.post(f"/police/{one}/hold/", {"hold-until": moment(5), "hold-reason": "because"})
        assert row(one).state == "hold_requested"
        assert "because" in browser.get(f"/police/{one}/").content.decode()
        browser.post(f"/police/{one}/renew/", {"renew-until": moment(9), "renew-reason": "still"})
        assert Hold.objects.get().until > clock.now() + timedelta(days=8)
        assert browser.get(f"/police/{one}/release/").status_code == 200
        assert row(one).state == "hold_requested"
        browser.post(f"/police/{one}/release/")
        browser.post(f"/police/{one}/feedback/", {"feedback-kind": "known"})
        assert row(one).state == "feedback"

    def test_an_auditor_sees_states_and_clocks_only(self, policy, person, browser_of, officer):
        policy()
        one = refer()
        send()
        services.referral_opened_by_officer(actor=officer, referral_id=one, officer="Sergeant Doi")
        services.hold_request(actor=officer, referral_id=one, until=clock.now() + HOUR, reason="undercover")
        page = browser_of(person(Role.AUDITOR)).get(f"/police/{one}/").content.decode()
        for word in ("kiku", "Doi", "undercover"):
            assert word not in page
        assert browser_of(person(Role.LIST_REVIEWER)).get(f"/police/{one}/").status_code == 404
        assert browser_of(person(Role.LIST_REVIEWER)).get("/police/").status_code == 404

    def test_a_senior_records_a_phone_hand_over(self, policy, person, browser_of):
        policy()
        one = refer()
        browser = browser_of(person(Role.SENIOR_ANALYST))
        assert "+81 3 0000 0000" in browser.get(f"/police/{one}/").content.decode()
        from django.utils import timezone

        now = timezone.localtime(clock.now()).strftime("%Y-%m-%dT%H:%M:%S")
        form = {"phone-officer": "Abe", "phone-number": "03", "phone-talked_at": now, "phone-note": ""}
        assert browser.post(f"/police/{one}/phone/", form).status_code == 302
        assert row(one).delivered_by == "phone"

    def test_the_policy_page_makes_new_versions(self, policy, person, browser_of):
        policy()
        browser = browser_of(person(Role.SENIOR_ANALYST))
        form = {
            "kind": "approval",
            "silence_hours": "48",
            "longest_hold_days": "20",
            "channel": "desk",
            "organisation_id": "",
            "notification_mail": BOX,
            "supervisors": "a@police.example\nb@police.example",
        }
        assert browser.get("/police/policy/").status_code == 200
        assert browser.post("/police/policy/", {**form, "supervisors": "nobody"}).status_code == 422
        assert browser.post("/police/policy/", form).status_code == 302
        now = services.policy_now()
        assert (now.version, now.kind, now.supervisors) == (2, "approval", ["a@police.example", "b@police.example"])
        assert browser_of(person(Role.ANALYST)).post("/police/policy/", form).status_code == 403

    def test_the_table_costs_the_same_number_of_queries_for_many_rows(
        self, policy, person, browser_of, django_assert_max_num_queries
    ):
        policy()
        for number in range(12):
            refer(url=f"http://kiku.example/{number}")
        browser = browser_of(person(Role.POLICE_LIAISON))
        browser.get("/police/")
        with django_assert_max_num_queries(45):
            browser.get("/police/")
