"""Every address of the staff face, asked by a stranger, by a member without a role, and by each role.

A new page needs one line in PAGES: who may open it. A page that is not listed fails the test.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from mamori.ground import clock
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.lists.distribution.models import Edition, KillOrder
from tests.journeys.page_world import objects

A, S, P = Role.ANALYST, Role.SENIOR_ANALYST, Role.POLICE_LIAISON
R, V, U, O = Role.LIST_REVIEWER, Role.LIST_APPROVER, Role.AUDITOR, Role.OPERATOR  # noqa: E741
HOTLINE, BODY = {A, S}, {R, V}
CASES = {A, S, P, R, V, U}
EVERYBODY = set(Role)


@dataclass(frozen=True)
class Page:
    """Who may open a page. `post`: it only takes forms, and `data` fills one. `own`: even with the right role only the
    person whose thing it is gets in."""

    roles: set[Role]
    post: bool = False
    own: bool = False
    data: dict[str, Any] = field(default_factory=dict)


def form(roles: set[Role], *, own: bool = False, **data: Any) -> Page:
    return Page(roles, post=True, own=own, data=data)


# Pages anybody may open: the entrance.
OPEN = {
    "account_login", "account_logout", "account_inactive", "account_reset_password", "accounts_invitation",
    "mfa_authenticate", "mfa_login_webauthn", "set_language",
}  # fmt: skip
# Pages of everybody's own account. Some ask for the password again, some need a passkey: tests/ground/test_accounts.py.
OWN_ACCOUNT = {
    "account_reauthenticate", "account_change_password", "accounts_totp_qr", "mfa_index", "mfa_reauthenticate",
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn", "mfa_edit_webauthn",
}  # fmt: skip
PAGES = {
    "desks_today": Page(EVERYBODY),
    "desks_case": Page(CASES),
    "desks_figures": Page(CASES),
    "desks_search": Page({A, S, U}),
    "desks_stuck": Page({S, O}),
    "accounts_members": Page({S, U, O}),
    "accounts_invitations": Page({S, U, O}),
    "accounts_organisations": Page({S, U, O}),
    "accounts_tokens": Page({O}),
    "accounts_invite": Page({S, O}),
    "accounts_organisation_new": Page({O}),
    "accounts_token_new": Page({O}),
    "accounts_member": Page({S, U, O}),
    "accounts_member_renew": Page({S, O}),
    "accounts_member_remove": Page({S, O}),
    "accounts_invitation_withdraw": Page({S, O}),
    "accounts_token_revoke": Page({O}),
    "audit_events": Page({S, U}),
    "audit_checkpoints": Page({U}),
    "audit_verify": form({U}),
    "audit_export": Page({U}),
    "letters_letters": Page({A, S, U}),
    "letters_letter": Page({A, S, U}),
    "letters_resend": Page({S}),
    "letters_take": Page({S}),
    "intake_screening": Page(HOTLINE),
    "intake_reports": Page({A, S, U}),
    "intake_report_page": Page({A, S, U}),
    "intake_screen": form(HOTLINE, outcome="spam"),
    "intake_reply": form(HOTLINE, text="Thank you.", body="Thank you."),
    "intake_withhold": form({S}),
    "intake_phone": Page(HOTLINE),
    "intake_patrol": Page({P}),
    "intake_messages": Page(HOTLINE),
    "assessment_queue": Page(HOTLINE),
    "assessment_next": form(HOTLINE, own=True),
    "assessment_exposure": Page({S}),
    "assessment_assess": Page(HOTLINE),
    "assessment_take": form(HOTLINE),
    "assessment_release": form(HOTLINE, own=True),
    "assessment_extend": form(HOTLINE, own=True),
    "assessment_unseen": form(HOTLINE, own=True, unseen_reason="password_protected"),
    "assessment_again": Page({S}),
    "assessment_report_text": form(HOTLINE, own=True),
    "assessment_withdraw": form(HOTLINE, own=True),
    "assessment_note": form(HOTLINE, own=True),
    "tracing_contacts": Page(CASES),
    "tracing_contact": Page(CASES),
    "tracing_hosts": Page(CASES),
    "tracing_enter": Page(HOTLINE),
    "tracing_approve": Page(HOTLINE),
    "tracing_replace": Page(HOTLINE),
    "tracing_key": form(HOTLINE, age_key="age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"),
    "tracing_confirm": Page(HOTLINE),
    "tracing_again": form(HOTLINE),
    "referral_desk": Page({A, S, P, U}),
    "referral_policy": Page({A, S, P, U}),
    "referral_page": Page({A, S, P, U}),
    "referral_open": form({P}),
    "referral_acknowledge": form({P}, **{"acknowledge-reference": "X-1"}),
    "referral_hold": form({P}, **{"hold-until": "2026-12-31T10:00", "hold-reason": "We look."}),
    "referral_renew": form({P}, **{"renew-until": "2026-12-31T10:00", "renew-reason": "We look."}),
    "referral_release": Page({P}),
    "referral_feedback": form({P}, **{"feedback-kind": "known"}),
    "referral_phone": form(
        {S}, **{"phone-officer": "An Officer", "phone-number": "+81 3 0000 0000", "phone-talked_at": "2026-11-24T09:00"}
    ),
    "referral_choose": form(HOTLINE, **{"choose-kind": "simultaneous"}),
    "referral_evidence": Page({P}),
    "referral_preserve": Page({P}),
    "referral_extend": Page({P, S}),
    "checks_desk": Page({A, S, U}),
    "checks_content": Page({A, S, U}),
    "checks_now": form(HOTLINE),
    "checks_attest": form(HOTLINE, found="online"),
    "takedown_notices": Page({A, S, U}),
    "takedown_addresses": Page({A, S, U}),
    "takedown_answers": Page({A, S, U}),
    "takedown_ended": Page({A, S, U}),
    "takedown_regulator": Page({A, S, U}),
    "takedown_settle": form(HOTLINE),
    "takedown_answer_settle": form(HOTLINE),
    "takedown_notice": Page({A, S, U}),
    "takedown_send": Page(HOTLINE),
    "takedown_close": Page({S}),
    "takedown_resend": Page(HOTLINE),
    "takedown_warn": form({S}, kind="warning", note="Slow."),
    "takedown_ledger": Page({A, S, U}),
    "listing_desk": Page({R, V, S, U}),
    "listing_propose": Page({R}),
    "listing_entry": Page({R, V, S, U}),
    "listing_statement": Page({R, V, S, U}),
    "listing_sign": form({R}, own=True, signature="AAAA"),
    "listing_activate": form({V}, signature="AAAA"),
    "listing_review": form({R, V}, keep="yes", note="We looked."),
    "listing_withdraw": Page({R, V, U}),
    "listing_appeals": Page(BODY),
    "listing_appeal": Page(BODY),
    "listing_keys": Page({R, V, O}),
    "listing_key_step": form({V, O}),
    "distribution_editions": Page({R, V, S, U, O}),
    "distribution_refused": Page({R, V, S, U, O}),
    "distribution_edition": Page({R, V, S, U, O}),
    "distribution_following": Page({V, U, O}),
    "distribution_subscribers": Page({V, O}),
    "distribution_subscriber": Page({V, O}),
    "distribution_subscriber_revoke": Page({V, O}),
    "distribution_take_back": Page({R, V, U}),
    "distribution_kill": Page({V, S, U}),
    "fingerprints_desk": Page({A, S, U}),
    "fingerprints_proposals": Page({A, S, U}),
    "fingerprints_quarantine": Page({A, S, U}),
    "fingerprints_add": Page(HOTLINE),
    "fingerprints_add_of": Page(HOTLINE),
    "fingerprints_entry": Page({A, S, U}),
    "fingerprints_confirm": form(HOTLINE),
    "fingerprints_share": form(HOTLINE),
    "fingerprints_release": form({S}),
    "fingerprints_classify": form({S}, classification="national"),
    "fingerprints_vote": form(HOTLINE, verdict="deny", reason="adult"),
    "fingerprints_withdraw": Page({A, S, U}),
    "fingerprints_negative": Page({A, S, U}),
    "fingerprints_harmless": Page({A, S, U}),
    "fingerprints_harmless_confirm": form(HOTLINE),
    "fingerprints_harmless_end": form(HOTLINE),
    "fingerprints_sources": Page({A, S, U}),
    "fingerprints_source": Page({A, S, U}),
    "fingerprints_disagreements": Page({A, S, U}),
    "fingerprints_disagreement": Page({A, S, U}),
    "fingerprints_settle": form({S}, outcome="kept"),
    "fingerprints_imports": Page({A, S, U}),
    "fingerprints_import": Page({A, S, U}),
    "fingerprints_import_confirm": form(HOTLINE),
    "fingerprints_import_withdraw": Page({A, S, U}),
    "fingerprints_export": Page({S, U}),
}
REFUSED = {403, 404}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        else:
            yield route, entry


def staff_urls() -> dict[str, str]:
    """Url name -> route of the staff face."""
    return {str(entry.name): route for route, entry in patterns(get_resolver("mamori.site.urls_staff"))}


def address(name: str, known: dict[str, object]) -> str:
    wanted = re.findall(r"<(?:\w+:)?(\w+)>", staff_urls()[name])
    return reverse(name, urlconf="mamori.site.urls_staff", kwargs={key: known[key] for key in wanted})


def ask(browser: Client, url: str, page: Page) -> int:
    """The status of the page; whatever the request changed is undone."""
    with transaction.atomic():
        answer = browser.post(url, page.data) if page.post else browser.get(url)
        if not page.post and answer.status_code == 302 and not answer["Location"].startswith("/account/"):
            answer = browser.get(answer["Location"])
        if answer.streaming:
            b"".join(answer.streaming_content)
        transaction.set_rollback(True)
    login = answer.status_code == 302 and answer["Location"].startswith("/account/login/")
    return 401 if login else answer.status_code


def test_every_page_of_the_staff_face_is_listed_here() -> None:
    known = set(PAGES) | OPEN | OWN_ACCOUNT
    assert set(staff_urls()) - known == set()
    assert known - set(staff_urls()) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("room", sorted({name.partition("_")[0] for name in PAGES}))
def test_each_role_opens_its_pages_and_no_others(
    room: str, person: Callable[..., User], browser_of: Callable[[User], Client], settings: Any
) -> None:
    settings.ROOT_URLCONF = "mamori.site.urls_staff"
    known = objects(person)
    members = {role: browser_of(person(role)) for role in Role}
    nobody, stranger = browser_of(person()), Client()
    wrong = []
    for name, page in PAGES.items():
        if name.partition("_")[0] != room:
            continue
        url = address(name, known)
        if (status := ask(stranger, url, page)) != 401:
            wrong.append((name, "stranger", status))
        if (status := ask(nobody, url, page)) not in REFUSED and page.roles != EVERYBODY:
            wrong.append((name, "no role", status))
        for role, browser in members.items():
            status = ask(browser, url, page)
            if role not in page.roles:
                good = status in REFUSED
            elif page.post:
                good = status in {200, 302, 409, 422} or (page.own and status in REFUSED)
            else:
                good = status == 200
            if not good:
                wrong.append((name, str(role), status))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.django_db
def test_no_page_tells_the_operator_a_listed_or_reported_address(
    person: Callable[..., User], browser_of: Callable[[User], Client], settings: Any
) -> None:
    settings.ROOT_URLCONF = "mamori.site.urls_staff"
    known = objects(person)
    refused = Edition.objects.create(
        version=2, state="refused", digest="1" * 64, built_at=clock.now(), refusals=[
            {"code": "popular", "params": {"target": "page.example", "name": "page.example"}, "entry_id": "",
             "message": "%(target)s is popular.", "remedy": "Take %(target)s out."}
        ],
    )  # fmt: skip
    KillOrder.objects.create(by=person(Role.LIST_APPROVER), reason="page.example is wrongly listed.", at=clock.now())
    urls = [address(name, known) for name, page in PAGES.items() if not page.post and Role.OPERATOR in page.roles]
    urls.append(address("distribution_edition", known | {"version": refused.version}))
    told: dict[Role, list[str]] = {}
    for role in (Role.OPERATOR, Role.LIST_REVIEWER):
        browser = browser_of(person(role))
        for url in urls:
            body = browser.get(url, follow=True).content.decode()
            if "page.example" in body or "page[.]example" in body or "other[.]example" in body:
                told.setdefault(role, []).append(url)
    assert Role.OPERATOR not in told
    assert len(told[Role.LIST_REVIEWER]) >= 3  # who may read the list is told there


@pytest.mark.django_db
def test_a_member_gets_at_the_own_account_and_a_stranger_does_not(
    person: Callable[..., User], browser_of: Callable[[User], Client]
) -> None:
    member, stranger = browser_of(person(Role.ANALYST)), Client()
    for name in sorted(OWN_ACCOUNT):
        url = address(name, {"pk": 1})
        assert stranger.get(url).status_code == 302, name
        assert stranger.get(url)["Location"].startswith("/account/login/"), name
        assert member.get(url).status_code in {200, 302, 404}, name
