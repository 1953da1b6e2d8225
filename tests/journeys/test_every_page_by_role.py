"""Every address of the staff face, asked by a stranger, by a member without a role, and by each role; by POST too.

A new page needs one line in PAGES: who may open it. A page that is not listed fails the test. One that is opened and
takes a form needs a line in TAKES: who may send it, and what is sent. Whoever may not is refused and changes nothing.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from mamori.ground import clock
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.lists.distribution.models import Edition, KillOrder
from tests.journeys.page_world import (
    delivered,
    disputed,
    held,
    leased,
    objects,
    organisation,
    sent,
    unread,
    waiting,
)

A, S, P = Role.ANALYST, Role.SENIOR_ANALYST, Role.POLICE_LIAISON
R, V, U, O = Role.LIST_REVIEWER, Role.LIST_APPROVER, Role.AUDITOR, Role.OPERATOR  # noqa: E741
HOTLINE, BODY = {A, S}, {R, V}
CASES = {A, S, P, R, V, U}
EVERYBODY = set(Role)
SOON = (clock.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
JUST_NOW = (clock.now().astimezone(ZoneInfo("Asia/Tokyo")) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
POLICY = {
    "kind": "simultaneous", "silence_hours": "48", "longest_hold_days": "30", "channel": "desk", "organisation_id": "",
    "notification_mail": "cyber@police.example", "duty_mail": "duty@police.example", "duty_phone": "", "supervisors": "",
}  # fmt: skip


Known = dict[str, Any]
Before = Callable[[Known, User], object]
DONE = {200, 302}


@dataclass(frozen=True)
class Page:
    """Who may open a page. `post`: it only takes forms, and `data` fills one.

    `before`: brings the object of the world where the form belongs to, undone with the rest. `gives`: the answers to
    the right role; other than DONE only where the act itself needs more than one form (a signature, another person's
    step before): what it does then is tested in its room.
    """

    roles: set[Role]
    post: bool = False
    data: dict[str, Any] | Callable[[Known], dict[str, Any]] = field(default_factory=dict)
    before: Before | None = None
    gives: frozenset[int] | set[int] = frozenset(DONE)


def form(roles: set[Role], *, before: Before | None = None, gives: int = 0, **data: Any) -> Page:
    return Page(roles, post=True, data=data, before=before, gives={gives} if gives else DONE)


def takes(
    roles: set[Role],
    data: dict[str, Any] | Callable[[Known], dict[str, Any]] | None = None,
    *,
    before: Before | None = None,
    gives: int = 0,
) -> Page:
    return Page(roles, post=True, data=data or {}, before=before, gives={gives} if gives else DONE)


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
    "intake_reply": form(HOTLINE, message="Thank you."),
    "intake_withhold": form({S}),
    "intake_phone": Page(HOTLINE),
    "intake_patrol": Page({P}),
    "intake_messages": Page(HOTLINE),
    "assessment_queue": Page(HOTLINE),
    "assessment_next": form(HOTLINE),
    "assessment_exposure": Page({S}),
    "assessment_assess": Page(HOTLINE),
    "assessment_take": form(HOTLINE, before=waiting),
    "assessment_release": form(HOTLINE, before=leased),
    "assessment_extend": form(HOTLINE, before=leased),
    "assessment_unseen": form(HOTLINE, before=leased, unseen_reason="password_protected"),
    "assessment_again": Page({S}),
    "assessment_report_text": form(HOTLINE, gives=404),  # the report is of another content
    "assessment_withdraw": form(HOTLINE, gives=404),  # both opinions are other people's
    "assessment_note": form(HOTLINE, gives=404),
    "tracing_contacts": Page(CASES),
    "tracing_contact": Page(CASES),
    "tracing_hosts": Page({A, S, U}),
    "tracing_enter": Page(HOTLINE),
    "tracing_approve": Page(HOTLINE),
    "tracing_replace": Page(HOTLINE),
    "tracing_key": form(HOTLINE, age_key="age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"),
    "tracing_confirm": Page(HOTLINE),
    "tracing_again": form(HOTLINE),
    "referral_desk": Page({A, S, P, U}),
    "referral_policy": Page({A, S, P, U}),
    "referral_page": Page({A, S, P, U}),
    "referral_open": form({P}, before=sent),
    "referral_acknowledge": form({P}, before=delivered, **{"acknowledge-reference": "X-1"}),
    "referral_hold": form({P}, before=delivered, **{"hold-until": SOON, "hold-reason": "We look."}),
    "referral_renew": form({P}, before=held, **{"renew-until": SOON, "renew-reason": "We look."}),
    "referral_release": Page({P}),
    "referral_feedback": form({P}, **{"feedback-kind": "known"}),
    "referral_phone": form(
        {S},
        before=sent,
        **{"phone-officer": "An Officer", "phone-number": "+81 3 0000 0000", "phone-talked_at": JUST_NOW},
    ),
    "referral_choose": form(HOTLINE, gives=422, **{"choose-kind": "simultaneous"}),
    "referral_evidence": Page({P}),
    "referral_preserve": Page({P}),
    "referral_extend": Page({P, S}),
    "checks_desk": Page({A, S, U}),
    "checks_content": Page({A, S, U}),
    "checks_now": form(HOTLINE, gives=409),  # re-check is off
    "checks_attest": form(HOTLINE, found="online"),
    "takedown_notices": Page({A, S, U}),
    "takedown_addresses": Page({A, S, U}),
    "takedown_answers": Page({A, S, U}),
    "takedown_ended": Page({A, S, U}),
    "takedown_regulator": Page({S}),
    "takedown_settle": form(HOTLINE, before=disputed),
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
    "listing_sign": form({R}, signature="AAAA", gives=409),
    "listing_activate": form({V}, signature="AAAA", gives=409),
    "listing_review": form({R, V}, keep="yes", note="We looked.", gives=409),
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
    "distribution_waiting": Page({R, V, S, U, O}),
    "distribution_kill": Page({V, S, U}),
    "fingerprints_desk": Page({A, S, U}),
    "fingerprints_proposals": Page({A, S, U}),
    "fingerprints_quarantine": Page({A, S, U}),
    "fingerprints_add": Page(HOTLINE),
    "fingerprints_add_of": Page(HOTLINE),
    "fingerprints_entry": Page({A, S, U}),
    "fingerprints_confirm": form(HOTLINE),
    "fingerprints_share": form(HOTLINE, gives=409),
    "fingerprints_release": form({S}, gives=409),
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
    "fingerprints_import_stop": form({S}, before=unread),
    "fingerprints_import_confirm": form(HOTLINE),
    "fingerprints_import_withdraw": Page({A, S, U}),
    "fingerprints_export": Page({S, U}),
}
FILLED = {"csrfmiddlewaretoken": "x"}  # nothing but what every form has
FINGERPRINT = {"source": "ngo", "kind": "image", "classification": "national", "typed": "a" * 32}
# Pages that are opened and take a form as well: who may send it, and with what it is done.
TAKES = {
    "accounts_invite": takes(
        {S, O}, lambda _: {"email": "x@staff.example", "organisation": organisation(), "role": "analyst"}
    ),
    "accounts_organisation_new": takes({O}, {"name": "New Provider", "kind": "provider"}),
    "accounts_token_new": takes(
        {O}, lambda _: {"organisation": organisation(), "title": "t", "scopes": "reports.write"}
    ),
    "accounts_member_renew": takes({S, O}),
    "accounts_member_remove": takes({S, O}),
    "accounts_invitation_withdraw": takes({S, O}),
    "accounts_token_revoke": takes({O}),
    "desks_search": takes({A, S, U}, {"address": "https://page.example/board/1"}),
    "letters_resend": takes({S}),
    "letters_take": takes({S}),
    "intake_phone": takes(HOTLINE, {"addresses": "https://told.example/1", "channel": "phone"}),
    "intake_patrol": takes(
        {P}, {"addresses": "https://told.example/1", "category": "csam", "found_by": "tip", "prefecture": "13"}
    ),
    "assessment_exposure": takes({S}, lambda known: {"person": known["user_id"], "minutes": 30, "reason": "On duty."}),
    "assessment_assess": takes(HOTLINE, {"verdict": "NOT_ILLEGAL", "note": "A drawing."}, before=leased),
    "assessment_again": takes({S}, {"why": "appeal"}),
    "tracing_approve": takes(HOTLINE),
    "tracing_replace": takes(HOTLINE, {"mail": "right@host.example", "organisation": "The Right Host"}),
    "tracing_confirm": takes(HOTLINE),
    "tracing_enter": takes(HOTLINE, {"mail": "right@host.example", "organisation": "The Right Host"}),
    "referral_policy": takes({S}, POLICY),
    "referral_release": takes({P}, before=delivered),
    "referral_preserve": takes({P}, gives=409),
    "referral_extend": takes({P, S}),
    "takedown_send": takes(HOTLINE, gives=409),
    "takedown_close": takes({S}),
    "takedown_resend": takes(HOTLINE, gives=409),
    "takedown_regulator": takes({S}, {"reference": "R-7"}),
    "listing_propose": takes({R}, FILLED, gives=422),
    "listing_withdraw": takes({R, V, U}),
    "listing_appeal": takes(BODY, FILLED, gives=404),
    "listing_keys": takes({R, V}, {"public_key": "x"}, gives=422),
    "distribution_subscribers": takes(
        {V, O}, {"organisation": "New Net", "delivery": "nxdomain", "asks_from": "192.0.2.1"}
    ),
    "distribution_subscriber": takes({V, O}, FILLED),
    "distribution_subscriber_revoke": takes({V, O}),
    "distribution_take_back": takes({R, V, U}),
    "distribution_waiting": takes({V}, {"reason": "A call.", "step": "halt"}),
    "distribution_kill": takes({V, S, U}, {"reason": "Wrong.", "word": "EMPTY"}),
    "fingerprints_add": takes(HOTLINE, FINGERPRINT),
    "fingerprints_add_of": takes(HOTLINE, FINGERPRINT),
    "fingerprints_withdraw": takes({A, S, U}, {"reason": "mistake"}),
    "fingerprints_negative": takes(HOTLINE, {"value": f"md5 {'a' * 32}", "reason": "A drawing.", "days": "365"}),
    "fingerprints_sources": takes({S}, {"code": "new-body", "name": "New Body", "kind": "hotline"}),
    "fingerprints_source": takes(
        {S}, {"code": "ngo", "name": "An NGO", "kind": "ngo", "contact_mail": "a@ngo.example"}
    ),
    "fingerprints_imports": takes(
        {S},
        lambda _: {
            "source": "ngo",
            "kind": "image",
            "format": "md5",
            "profile": "us",
            "file": SimpleUploadedFile("a.txt", f"{'b' * 32}\n".encode()),
        },
    ),
    "fingerprints_import_withdraw": takes({A, S, U}),
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


@dataclass(frozen=True)
class Answer:
    """`status`: 401 for the way to the log-in. `wrote`: tables it wrote into, the session apart."""

    status: int
    wrote: tuple[str, ...]


def ask(
    browser: Client, url: str, page: Page | None = None, known: Known | None = None, user: User | None = None
) -> Answer:
    """Ask for a page, or send it its form; whatever the request changed is undone."""
    wrote: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if found := _WRITING.match(sql):
            wrote.append(found[1])
        return execute(sql, params, many, context)

    with transaction.atomic():
        if page and page.before and user is not None:
            page.before(known or {}, user)
        data = page.data(known or {}) if page and callable(page.data) else page.data if page else {}
        with connection.execute_wrapper(watch):
            answer = browser.post(url, data) if page else browser.get(url)
        if not page and answer.status_code == 302 and not answer["Location"].startswith("/account/"):
            answer = browser.get(answer["Location"])
        if answer.streaming:
            b"".join(answer.streaming_content)
        transaction.set_rollback(True)
    login = answer.status_code == 302 and answer["Location"].startswith("/account/login/")
    return Answer(401 if login else answer.status_code, tuple(wrote))


_WRITING = re.compile(
    r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "?((?!django_session|django_cache|accounts_usersession)\w+)'
)


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
    users = {role: person(role) for role in Role}
    members = {role: browser_of(user) for role, user in users.items()}
    nobody, stranger = browser_of(person()), Client()
    wrong: list[tuple[str, str, object]] = []
    for name, page in PAGES.items():
        if name.partition("_")[0] != room:
            continue
        url, sends = address(name, known), page if page.post else TAKES.get(name)
        outsiders = [("a stranger", stranger, {401})]
        if page.roles != EVERYBODY:
            outsiders.append(("no role", nobody, REFUSED))
        for who, browser, refused in outsiders:
            answers = [ask(browser, url, sends or NOTHING, known)] + ([] if page.post else [ask(browser, url)])
            good = refused if sends else refused | {405}
            wrong += [(name, who, answer) for answer in answers if answer.status not in good or answer.wrote]
        for role, browser in members.items():
            if not page.post:
                answer = ask(browser, url)
                if (answer.status == 200) != (role in page.roles) or answer.status not in {200, *REFUSED}:
                    wrong.append((name, f"{role} opens", answer))
            right = sends is not None and role in sends.roles
            answer = ask(browser, url, sends or NOTHING, known, users[role] if right else None)
            if right and sends:
                must = answer.status in DONE and name not in READS
                fine = answer.status in sends.gives and (bool(answer.wrote) or not must)
            elif sends:
                fine = answer.status in REFUSED and not answer.wrote
            else:  # it takes no form: at most it is shown again
                fine = answer.status in {200, 405, *REFUSED} and (not answer.wrote or name in LOGGED)
            if not fine:
                wrong.append((name, f"{role} sends", answer))
    assert not wrong, "\n".join(map(str, wrong))


NOTHING = Page(set(), post=True)
# Forms that are answered and write nothing where nothing waits.
READS = {"assessment_next"}
# Opening it is an event of the log.
LOGGED = {"audit_export"}


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
