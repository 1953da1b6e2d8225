"""Entrance of the staff face: log-in, second factor, invitation, throttling, short sessions."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client

from mamori.ground.accounts import services
from mamori.ground.accounts.models import Invitation, Membership, Organisation, User
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.audit.models import Event
from mamori.ground.errors import DomainError
from mamori.ground.letters.models import Letter

pytestmark = pytest.mark.django_db
PASSWORD = "a long sentence about harbours"


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1]))


@pytest.fixture
def hotline(db: None) -> Organisation:
    return services.organisation_create(actor=SYSTEM, name="Hotline", kind=Organisation.Kind.HOTLINE)


@pytest.fixture
def invited(hotline: Organisation) -> str:
    """The path of an open invitation."""
    link = services.invite(actor=SYSTEM, email="New@staff.example", organisation_id=hotline.id, role=Role.ANALYST)
    return link.removeprefix("http://127.0.0.1:8001")


@pytest.fixture
def member(person: Callable[..., User]) -> User:
    user = person(Role.ANALYST)
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(browser: Client, user: User, password: str = PASSWORD) -> Any:
    return browser.post("/account/login/", {"login": user.email, "password": password})


def accept(browser: Client, path: str, password: str = PASSWORD, again: str | None = None) -> Any:
    return browser.post(path, {"name": "Aoki", "password": password, "password_again": again or password})


def set_up_totp(browser: Client) -> str:
    page = browser.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    browser.post("/account/2fa/totp/activate/", {"code": code(secret)})
    return str(secret)


def test_an_invited_person_ends_on_the_setup_of_the_second_factor(invited: str) -> None:
    browser = Client()
    assert browser.get(invited).status_code == 200
    done = accept(browser, invited)
    assert (done.status_code, done["Location"]) == (302, "/account/2fa/")
    assert b"/account/2fa/totp/activate/" in browser.get("/account/2fa/").content
    user = User.objects.get(email="new@staff.example")
    assert user.actor.roles == {Role.ANALYST}
    assert user.check_password(PASSWORD)


def test_totp_is_set_up_without_javascript_and_recovery_codes_are_offered(invited: str) -> None:
    browser = Client()
    accept(browser, invited)
    page = browser.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    picture = browser.get("/account/2fa/totp/qr.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    assert picture.content.startswith(b"<svg")
    assert secret.encode() in page.content
    done = browser.post("/account/2fa/totp/activate/", {"code": code(secret)})
    assert done["Location"] == "/account/2fa/recovery-codes/"
    codes = re.findall(rb"<li>([0-9A-Z-]{8,})</li>", browser.get(done["Location"]).content)
    assert len(codes) == 10
    assert browser.get("/").status_code == 200


def test_secrets_of_the_second_factor_are_not_in_clear_in_the_database(invited: str) -> None:
    browser = Client()
    accept(browser, invited)
    secret = set_up_totp(browser)
    stored = " ".join(str(row.data) for row in Authenticator.objects.all())
    assert secret not in stored
    assert Authenticator.objects.count() == 2


@pytest.mark.parametrize("path", ["/", "/people/", "/figures/", "/account/password/change/", "/queue/"])
def test_before_the_second_factor_nothing_but_its_setup_can_be_reached(member: User, path: str) -> None:
    browser = Client()
    browser.force_login(member)
    answer = browser.get(path)
    assert (answer.status_code, answer["Location"]) == (302, "/account/2fa/")


def test_recovery_codes_alone_are_no_second_factor(member: User) -> None:
    Authenticator.objects.create(user=member, type="recovery_codes", data={"seed": "x", "used_mask": 0})
    browser = Client()
    browser.force_login(member)
    assert browser.get("/")["Location"] == "/account/2fa/"


def test_the_log_in_asks_for_password_and_code(member: User) -> None:
    TOTP.activate(member, "JBSWY3DPEHPK3PXP")
    browser = Client()
    assert log_in(browser, member)["Location"] == "/account/2fa/authenticate/"
    assert browser.get("/people/").status_code == 302
    assert browser.post("/account/2fa/authenticate/", {"code": "000000"}).status_code == 200
    done = browser.post("/account/2fa/authenticate/", {"code": code("JBSWY3DPEHPK3PXP")})
    assert (done.status_code, done["Location"]) == (302, "/")
    assert browser.get("/").status_code == 200
    events = Event.objects.filter(event__startswith="accounts.").order_by("id").values_list("event", flat=True)
    assert list(events) == [
        "accounts.second_factor_failed",
        "accounts.logged_in",
    ]


def test_the_sixth_wrong_password_within_five_minutes_is_refused_and_so_is_the_right_one(
    member: User, frozen: time_machine.Traveller
) -> None:
    browser = Client()
    for _attempt in range(5):
        assert b"not correct" in browser_en(browser, member, "wrong").content
    assert b"Too many" in browser_en(browser, member, "wrong").content
    assert b"Too many" in browser_en(browser, member, PASSWORD).content
    frozen.shift(timedelta(minutes=6))
    assert browser_en(browser, member, PASSWORD).status_code == 302


def browser_en(browser: Client, user: User, password: str) -> Any:
    return browser.post(
        "/account/login/", {"login": user.email, "password": password}, headers={"accept-language": "en"}
    )


def test_known_and_unknown_addresses_get_the_same_answer(member: User) -> None:
    def page(email: str) -> bytes:
        answer = Client().post("/account/login/", {"login": email, "password": "wrong wrong"})
        return re.sub(rb'csrfmiddlewaretoken" value="[^"]+"', b"", answer.content.replace(email.encode(), b""))

    assert page(member.email) == page("nobody@staff.example")


def test_an_hour_without_a_click_ends_the_session(
    member: User, browser_of: Callable[[User], Client], frozen: time_machine.Traveller
) -> None:
    browser = browser_of(member)
    assert browser.get("/").status_code == 200
    frozen.shift(timedelta(minutes=59))
    assert browser.get("/").status_code == 200
    frozen.shift(timedelta(minutes=61))
    assert browser.get("/")["Location"] == "/account/login/"
    assert browser.get("/")["Location"].startswith("/account/login/")


def test_a_working_day_ends_even_a_busy_session(
    member: User, browser_of: Callable[[User], Client], frozen: time_machine.Traveller, settings: Any
) -> None:
    settings.SESSION_IDLE_SECONDS = 10**6
    browser = browser_of(member)
    browser.get("/")
    frozen.shift(timedelta(hours=8, minutes=2))
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize(("password", "again", "told"), [("short", "short", 422), (PASSWORD, "another sentence", 422)])
def test_weak_or_differing_passwords_are_refused_with_the_reason(
    invited: str, password: str, again: str, told: int
) -> None:
    answer = accept(Client(), invited, password, again)
    assert answer.status_code == told
    assert answer.context["form"].errors
    assert not User.objects.filter(email="new@staff.example").exists()


def test_an_invitation_works_once_and_for_seven_days(invited: str, frozen: time_machine.Traveller) -> None:
    accept(Client(), invited)
    assert Client().get(invited).status_code == 404
    assert Client().get("/invitation/no-such-secret/").status_code == 404


def test_an_old_or_withdrawn_invitation_is_closed(hotline: Organisation, frozen: time_machine.Traveller) -> None:
    paths = [
        services.invite(actor=SYSTEM, email=f"{n}@s.example", organisation_id=hotline.id, role=Role.ANALYST).rpartition(
            "8001"
        )[2]
        for n in range(2)
    ]
    first = Invitation.objects.get(email="0@s.example")
    services.invitation_withdraw(actor=SYSTEM, invitation_id=first.id)
    assert Client().get(paths[0]).status_code == 404
    frozen.shift(timedelta(days=7, seconds=1))
    assert Client().get(paths[1]).status_code == 404


def test_a_member_gets_one_more_role_with_the_present_password_only(member: User, hotline: Organisation) -> None:
    link = services.invite(
        actor=SYSTEM, email=member.email, organisation_id=hotline.id, role=Role.SENIOR_ANALYST
    ).rpartition("8001")[2]
    assert Client().post(link, {"password": "a wrong sentence here"}).status_code == 422
    assert Client().post(link, {"password": PASSWORD})["Location"] == "/account/login/"
    assert User.objects.get(id=member.id).actor.roles == {Role.ANALYST, Role.SENIOR_ANALYST}


def test_guessing_the_password_at_an_invitation_is_throttled(member: User, hotline: Organisation) -> None:
    link = services.invite(
        actor=SYSTEM, email=member.email, organisation_id=hotline.id, role=Role.SENIOR_ANALYST
    ).rpartition("8001")[2]
    answers = [Client().post(link, {"password": "a wrong sentence"}).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]


def test_renewed_access_ends_sessions_and_factors_and_goes_to_the_member_alone(
    member: User, person: Callable[..., User], browser_of: Callable[[User], Client]
) -> None:
    browser = browser_of(member)
    assert browser.get("/").status_code == 200
    services.access_renew(actor=person(Role.SENIOR_ANALYST).actor, user_id=member.id)
    assert browser.get("/")["Location"].startswith("/account/login/")
    assert not Authenticator.objects.filter(user=member).exists()
    letter = Letter.objects.get(kind="invitation")
    assert letter.to == member.email
    path = re.search(r"/invitation/\S+", letter.body)
    assert path is not None
    new = Client()
    assert (
        new.post(path[0], {"password": "another long sentence", "password_again": "another long sentence"})["Location"]
        == "/account/2fa/"
    )
    assert User.objects.get(id=member.id).check_password("another long sentence")
    assert Membership.objects.filter(user=member).count() == 1


def test_nobody_renews_the_own_access_or_that_of_another_organisation(person: Callable[..., User]) -> None:
    senior, officer = person(Role.SENIOR_ANALYST), person(Role.POLICE_LIAISON)
    with pytest.raises(DomainError, match="own_access"):
        services.access_renew(actor=senior.actor, user_id=senior.id)
    with pytest.raises(DomainError, match="not_found"):
        services.access_renew(actor=senior.actor, user_id=officer.id)


def test_a_person_whose_last_role_was_taken_is_out_at_once(
    member: User, person: Callable[..., User], browser_of: Callable[[User], Client]
) -> None:
    browser = browser_of(member)
    assert browser.get("/").status_code == 200
    services.member_remove(
        actor=person(Role.SENIOR_ANALYST).actor, membership_id=Membership.objects.get(user=member).id
    )
    assert browser.get("/")["Location"].startswith("/account/login/")
    assert log_in(Client(), member).status_code != 302 or log_in(Client(), member)["Location"] != "/"


def test_the_sign_up_the_mail_reset_and_the_admin_site_do_not_exist(db: None) -> None:
    browser = Client()
    for path in ("/account/signup/", "/account/email/", "/admin/", "/account/password/reset/key/x-y/"):
        assert browser.get(path).status_code in {302, 404}
        assert "signup" not in browser.get(path).get("Location", "")
    assert browser.get("/account/password/reset/").status_code == 200
    assert browser.post("/account/password/reset/", {"email": "a@b.example"}).status_code == 405


def test_the_language_can_be_chosen_before_the_log_in(db: None) -> None:
    browser = Client()
    browser.post("/i18n/setlang/", {"language": "en", "next": "/account/login/"})
    assert b"Log in to the staff side" in browser.get("/account/login/").content
    browser.post("/i18n/setlang/", {"language": "ja", "next": "/account/login/"})
    assert "ログイン" in browser.get("/account/login/").content.decode()
