"""Who reads notices: the hotline and oversight. Police and the list body see what was tried on cases that are theirs."""

import pytest

from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import Role
from mamori.hotline.referral.models import Policy
from mamori.hotline.referral.queries import referral_of
from mamori.hotline.takedown.models import NoticeItem
from tests.hotline.takedown_steps import world as world_of

pytestmark = pytest.mark.django_db
URL = "http://kiku.example/secret-path"


@pytest.fixture
def world(tmp_path, settings, person, frozen, run_jobs):
    with world_of(tmp_path, settings, person, frozen, run_jobs) as found:
        found.host("kiku.example")
        yield found


@pytest.fixture
def noticed(world):
    found = world.content(URL)
    world.work(16)
    return found


@pytest.mark.parametrize("role", [Role.POLICE_LIAISON, Role.LIST_REVIEWER, Role.LIST_APPROVER])
def test_police_and_the_list_body_open_no_notice_and_read_no_address(noticed, person, browser_of, role):
    notice = NoticeItem.objects.get().notice_id
    browser = browser_of(person(role))
    pages = ("", "addresses/", "answers/", "ended/", f"ended/{noticed}/", f"{notice}/")
    for page in pages:
        answer = browser.get(f"/notices/{page}")
        assert answer.status_code in {403, 404}, page
        assert b"secret-path" not in answer.content
    assert b'href="/notices/' not in browser.get("/").content


def test_police_see_what_was_tried_on_a_case_delivered_to_them_and_nobody_elses(noticed, person, browser_of):
    reference = NoticeItem.objects.get().notice.reference
    mine, other = (Organisation.objects.create(name=name, kind="police") for name in ("Police A", "Police B"))
    Policy.objects.update(organisation=mine)
    for place, sees in ((mine, True), (other, False)):
        officer = person(Role.POLICE_LIAISON)
        officer.memberships.update(organisation=place)
        browser = browser_of(officer)
        browser.post(f"/police/{referral_of(noticed)}/open/")
        case = browser.get(f"/contents/{noticed}/")
        assert case.status_code == (200 if sees else 404)
        assert (reference.encode() in case.content) is sees
        assert b'href="/notices/' not in case.content


def test_analysts_and_oversight_read_them(noticed, person, browser_of):
    for role in (Role.ANALYST, Role.AUDITOR):
        assert b"kiku" in browser_of(person(role)).get("/notices/addresses/").content
