"""Traces against a real name server, a real RDAP server and a table of routes, all on loopback."""

from datetime import timedelta
from ipaddress import ip_address
from uuid import uuid4

import pytest

from mamori.ground import clock, jobs
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.errors import DomainError, Forbidden, NotFound
from mamori.ground.facts import announce
from mamori.hotline.assessment.facts import ChildAtRiskFound, ContentConfirmed, ContentFinished, ContentOpened
from mamori.hotline.assessment.models import ContentItem
from mamori.hotline.tracing import queries, services
from mamori.hotline.tracing.models import Contact, HostAddress, Vote
from mamori.hotline.tracing.sources.answers import Registered, SourceError, carried
from mamori.hotline.tracing.sources.registry import RdapRegistry
from mamori.hotline.tracing.sources.routes import RouteTable
from tests.hotline.intake_steps import take
from tests.hotline.outside import content, entity, outside

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(tmp_path, settings):
    with outside(tmp_path, settings) as found:
        yield found


@pytest.fixture
def hosted(world):
    """kiku.example on IPv4 and IPv6 of one provider; every source names abuse@kasumi.example."""
    world.names.host(["kiku.example"], "192.0.2.7", "2001:db8::7")
    world.network("192.0.2.7", abuse="abuse@kasumi.example", name="KASUMI")
    world.network("2001%3Adb8%3A%3A7", abuse="abuse@kasumi.example", name="KASUMI")
    world.abusix("7.2.0.192", "abuse@kasumi.example")
    world.answers["/autnum/64500"] = {"entities": [entity("abuse", mail="noc@upstream.example", name="Upstream")]}
    world.answers["/domain/kiku.example"] = {
        "ldhName": "kiku.example",
        "entities": [
            entity("registrar", name="A Registrar", inner=[entity("abuse", mail="abuse@registrar.example")]),
            entity("registrant", name="A Person", mail="owner@kiku.example"),
        ],
    }
    return world


def run(content_id, **kwargs):
    services.trace_run(actor=SYSTEM, content_id=content_id, **kwargs)
    return queries.host_of(content_id)


@pytest.mark.parametrize(
    "what", ["new", "new on a known host", "known", "known for a day", "closed", "closed for a day"]
)
def test_a_report_asks_the_name_server_the_same_whatever_is_known(hosted, person, frozen, run_jobs, what):
    """Who runs the name server of a page and reports it learns nothing from the questions that come."""
    analyst = person(Role.ANALYST)
    url = "http://kiku.example/page"
    if what != "new":
        take(analyst, url if what.startswith(("known", "closed")) else "http://kiku.example/other")
        jobs.run_sweep("intake.screen_new")
        run_jobs(times=1)
    if what.startswith("closed"):
        ContentItem.objects.update(state="closed")
    frozen.shift(timedelta(days=1) if what.endswith("day") else timedelta(hours=1))
    hosted.names.asked.clear()
    take(analyst, url)
    jobs.run_sweep("intake.screen_new")
    run_jobs(times=1)
    seen = [each for each in hosted.names.asked if each.endswith(" kiku.example")]
    assert seen == ["A kiku.example", "AAAA kiku.example"]


class TestVotes:
    def test_agreeing_sources_of_both_address_families_trace_the_host(self, hosted, frozen):
        item = content()
        view = run(item)
        assert (view.state, view.addresses, view.asn) == ("traced", ("192.0.2.7", "2001:db8::7"), 64500)
        assert (view.contact_mail, view.country, view.domestic) == ("abuse@kasumi.example", "JP", True)
        assert view.registrar == "A Registrar"
        methods = {(v.method, v.subject) for v in queries.votes_of(SYSTEM, item)}
        assert {("rdap_ip", "2001:db8::7"), ("route", "2001:db8::7"), ("abusix", "2001:db8::7")} <= methods
        assert {("rdap_ip", "192.0.2.7"), ("route", "192.0.2.7"), ("abusix", "192.0.2.7")} <= methods
        assert ContentItem.objects.get(id=item).state == "awaiting_assessment"

    def test_every_vote_is_stored_with_the_time_its_source_was_asked(self, hosted, frozen):
        item = content()
        run(item)
        first = queries.votes_of(SYSTEM, item)[0].at
        frozen.shift(timedelta(hours=11))
        run(item)
        asked = {v.method: v.at for v in queries.votes_of(SYSTEM, item)}
        assert asked["rdap_ip"] == first
        assert asked["route"] > first
        assert Vote.objects.filter(trace__content_id=item).values("run").distinct().count() == 2

    def test_registries_are_asked_again_after_twelve_hours_or_when_it_must_be_fresh(self, hosted, frozen):
        item = content()
        run(item)
        hosted.asked.clear()
        run(content("http://kiku.example/other"))
        assert hosted.asked == []
        services.trace_fresh(actor=SYSTEM, content_id=item)
        assert "/ip/192.0.2.7" in hosted.asked
        hosted.asked.clear()
        frozen.shift(timedelta(hours=12, seconds=1))
        run(item)
        assert "/ip/192.0.2.7" in hosted.asked

    def test_an_abuse_role_nested_deep_is_found_and_outer_ones_go_first(self, world):
        world.answers["/ip/192.0.2.9"] = {
            "name": "N",
            "country": "JP",
            "entities": [
                entity("registrant", inner=[entity("technical", inner=[entity("abuse", mail="Deep@Abuse.example")])])
            ],
        }
        found = RdapRegistry(f"{world.url}bootstrap/").network(ip_address("192.0.2.9"))
        assert isinstance(found, Registered)
        assert found.mail("abuse") == "deep@abuse.example"

    def test_without_registry_and_abusix_the_usual_mailbox_is_the_contact(self, world):
        world.names.host(["lone.example"], "192.0.2.8", "2001:db8::8")
        view = run(content("https://www.lone.example/"))
        assert view.state == "unresolved"  # www has no address
        view = run(content("https://lone.example/"))
        assert (view.state, view.contact_mail) == ("traced", "abuse@lone.example")
        assert Contact.objects.get(mail="abuse@lone.example").source == "rfc2142"

    def test_an_ip_address_as_host_is_traced(self, hosted):
        view = run(content("http://[2001:db8::7]/x"))
        assert (view.state, view.addresses) == ("traced", ("2001:db8::7",))

    def test_a_host_without_address_stays_unresolved_and_still_reaches_the_queue(self, world):
        item = content("http://nowhere.example/")
        assert run(item).state == "unresolved"
        assert ContentItem.objects.get(id=item).state == "awaiting_assessment"

    def test_an_ipv6_address_that_carries_ipv4_is_traced_as_what_it_carries(self):
        for text in ("64:ff9b::c000:207", "2002:c000:207::", "::ffff:192.0.2.7"):
            assert carried(ip_address(text)) == ip_address("192.0.2.7")
        assert carried(ip_address("2001:db8::1")) == ip_address("2001:db8::1")


class TestSources:
    def test_the_longest_prefix_wins_in_both_families_and_bad_lines_are_left_out(self, tmp_path):
        file = tmp_path / "routes.tsv"
        file.write_text(
            "# table\n192.0.0.0/8\t1\tBIG\tUS\nnonsense\n192.0.2.0/25\tAS2\tSMALL\tJP\n"
            "2001:db8::/32\t3\tSIX\tJP\n2001:db8:1::/48\t4\tSIX-SMALL\tNO\n"
        )
        table = RouteTable(file)
        assert table.origin(ip_address("192.0.2.5")).asn == 2
        assert table.origin(ip_address("192.0.2.200")).asn == 1
        assert table.origin(ip_address("2001:db8:1::5")).asn == 4
        assert table.origin(ip_address("2001:db8:2::5")).prefix == "2001:db8::/32"
        assert table.origin(ip_address("203.0.113.1")) is None

    def test_a_bootstrap_can_lie_in_a_folder(self, world, tmp_path):
        (tmp_path / "dns.json").write_text(f'{{"services": [[["example"], ["{world.url}"]]]}}')
        world.answers["/domain/kiku.example"] = {"ldhName": "kiku.example", "entities": []}
        registry = RdapRegistry(tmp_path.as_uri())
        assert registry.domain("kiku.example").name == "kiku.example"
        assert registry.domain("kiku.test") is None
        assert registry.network(ip_address("192.0.2.1")) is None

    def test_a_redirect_to_a_server_the_bootstrap_does_not_name_is_refused(self, world):
        world.redirects["/domain/kiku.example"] = "http://127.0.0.1:1/internal"
        with pytest.raises(SourceError, match="redirect"):
            RdapRegistry(f"{world.url}bootstrap/").domain("kiku.example")
        world.redirects["/domain/kiku.example"] = f"{world.url}domain/other.example"
        world.answers["/domain/other.example"] = {"ldhName": "other.example"}
        assert RdapRegistry(f"{world.url}bootstrap/").domain("kiku.example").name == "other.example"

    @pytest.mark.parametrize(
        "body", [[], {"entities": "x"}, {"entities": [1, {"roles": 3, "vcardArray": ["vcard", 5]}]}]
    )
    def test_odd_answers_do_no_harm(self, world, body):
        world.answers["/domain/kiku.example"] = body
        registry = RdapRegistry(f"{world.url}bootstrap/")
        if body == []:
            with pytest.raises(SourceError):
                registry.domain("kiku.example")
        else:
            assert registry.domain("kiku.example").mail("abuse") == ""


class TestDisagreement:
    def test_two_contacts_are_a_dispute_until_an_analyst_confirms_one(self, hosted, person, browser_of, run_jobs):
        hosted.abusix("7.2.0.192", "other@kasumi.example")
        item = content()
        view = run(item)
        assert (view.state, view.confirmed) == ("disputed", False)
        analyst = person(Role.ANALYST)
        other = Contact.objects.get(mail="other@kasumi.example")
        browser = browser_of(analyst)
        page = browser.get(f"/contents/{item}/host/{other.id}/")
        assert "other@kasumi.example" in page.content.decode()
        assert queries.host_of(item).state == "disputed"
        browser.post(f"/contents/{item}/host/{other.id}/")
        view = queries.host_of(item)
        assert (view.state, view.contact_mail, view.confirmed) == ("confirmed", "other@kasumi.example", True)
        assert run(item, fresh=True).state == "confirmed"

    def test_two_networks_and_two_countries_are_shown_as_a_dispute(self, hosted):
        hosted.route("192.0.2.0/24\t64500\tKASUMI\tJP", "2001:db8::/32\t64501\tFJORD\tNO")
        assert run(content()).state == "disputed"

    def test_a_disputed_host_waits_for_an_analyst_by_a_clock_until_it_is_settled_or_nobody_needs_it(
        self, hosted, frozen, person, browser_of, run_jobs
    ):
        hosted.route("192.0.2.0/24\t64500\tKASUMI\tJP", "2001:db8::/32\t64501\tFJORD\tNO")
        item = content()
        run(item)
        services.contact_approve(actor=person(Role.ANALYST).actor, contact_id=queries.host_of(item).contact_id)
        analyst = person(Role.ANALYST)
        assert queries.desk(analyst.actor) == []
        announce(ContentConfirmed(item))
        run_jobs()
        (waiting,) = queries.desk(analyst.actor)
        assert (waiting.count, waiting.due_at, waiting.alarm) == (1, clock.now() + timedelta(hours=24), False)
        page = browser_of(analyst).get(waiting.url).content.decode()
        assert "kiku[.]example" in page
        frozen.shift(timedelta(hours=24))
        assert queries.desk(analyst.actor)[0].alarm
        announce(ContentFinished(item))
        run_jobs()
        assert queries.desk(analyst.actor) == []
        services.contact_needed(actor=SYSTEM, content_id=item)
        contact = queries.host_of(item).contact_id
        services.trace_confirm(actor=analyst.actor, content_id=item, contact_id=contact)
        assert queries.desk(analyst.actor) == []
        assert "kiku[.]example" not in browser_of(analyst).get(waiting.url).content.decode()

    def test_those_who_may_not_confirm_cannot(self, hosted, person):
        item = content()
        run(item)
        contact = queries.host_of(item).contact_id
        with pytest.raises(Forbidden):
            services.trace_confirm(actor=person(Role.AUDITOR).actor, content_id=item, contact_id=contact)
        with pytest.raises(NotFound):
            queries.votes_of(person(Role.OPERATOR).actor, item)


class TestNobodyNamed:
    """An address whose network names no mailbox: a person finds one."""

    @pytest.fixture
    def nameless(self, world):
        world.network("192.0.2.80", name="KASUMI")
        return content("http://192.0.2.80/page")

    def test_where_it_is_is_shown_and_waits_for_a_person(self, nameless, frozen, person, run_jobs):
        view = run(nameless)
        assert (view.state, view.addresses, view.asn, view.country) == ("unresolved", ("192.0.2.80",), 64500, "JP")
        assert HostAddress.objects.filter(ip="192.0.2.80").exists()
        services.contact_needed(actor=SYSTEM, content_id=nameless, urgent=True)
        (waiting,) = queries.desk(person(Role.ANALYST).actor)
        assert waiting.due_at == clock.now() + timedelta(hours=1)

    def test_an_analyst_enters_the_contact_and_later_traces_keep_it(self, nameless, person, browser_of, frozen):
        run(nameless)
        services.contact_needed(actor=SYSTEM, content_id=nameless)
        browser = browser_of(person(Role.ANALYST))
        shown = browser.get(f"/contents/{nameless}/host/contact/").content.decode()
        assert "192[.]0[.]2[.]80" in shown
        wrong = browser.post(f"/contents/{nameless}/host/contact/", {"mail": "nobody", "organisation": "Kasumi"})
        assert wrong.status_code == 422
        assert queries.host_of(nameless).contact_id is None
        right = {"mail": "abuse@kasumi.example", "organisation": "Kasumi"}
        assert browser.post(f"/contents/{nameless}/host/contact/", right).status_code == 302
        view = queries.host_of(nameless)
        assert (view.state, view.contact_mail, view.confirmed) == ("confirmed", "abuse@kasumi.example", True)
        assert Contact.objects.get(id=view.contact_id).source == "person"
        assert queries.desk(person(Role.ANALYST).actor) == []
        assert run(nameless, fresh=True).confirmed
        assert [rung.mail for rung in queries.ladder(nameless)] == ["abuse@kasumi.example"]

    def test_a_contact_entered_by_mistake_can_be_replaced_by_another(self, nameless, person):
        run(nameless)
        analyst = person(Role.ANALYST).actor
        wrong = services.trace_contact_enter(
            actor=analyst, content_id=nameless, mail="info@kasumi.example", organisation="Kasumi"
        )
        services.contact_replace(actor=analyst, contact_id=wrong, mail="abuse@kasumi.example", organisation="Kasumi")
        assert queries.host_of(nameless).contact_mail == "abuse@kasumi.example"
        with pytest.raises(DomainError, match="contact_replaced"):
            services.trace_contact_enter(
                actor=analyst, content_id=content("http://192.0.2.80/b"), mail="info@kasumi.example", organisation="K"
            )

    def test_a_move_to_where_nobody_is_named_takes_the_confirmation_back(self, hosted, person):
        item = content()
        run(item)
        services.trace_confirm(
            actor=person(Role.ANALYST).actor, content_id=item, contact_id=queries.host_of(item).contact_id
        )
        hosted.names.unhost(["kiku.example"])
        hosted.names.record("kiku.example", "A", "198.51.100.9")
        hosted.answers["/ip/198.51.100.9"] = 500
        view = run(item, fresh=True)
        assert (view.state, view.contact_id, view.confirmed) == ("changed", None, False)
        assert view.addresses == ("198.51.100.9",)
        hosted.network("198.51.100.9", abuse="abuse@fjord.example", name="FJORD", country="NO")
        assert run(item, fresh=True).contact_mail == "abuse@fjord.example"

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.POLICE_LIAISON, Role.LIST_REVIEWER, Role.OPERATOR])
    def test_only_analysts_enter_one(self, nameless, person, browser_of, role):
        run(nameless)
        answer = browser_of(person(role)).post(
            f"/contents/{nameless}/host/contact/", {"mail": "a@kasumi.example", "organisation": "K"}
        )
        assert answer.status_code == 403
        assert queries.host_of(nameless).contact_id is None

    def test_sources_that_fail_are_asked_as_long_as_a_notice_waits(self, nameless, world, frozen, run_jobs):
        world.answers["/ip/192.0.2.80"] = 500
        run(nameless)
        frozen.shift(timedelta(days=4))
        jobs.run_sweep("tracing.retry")
        run_jobs()
        assert queries.host_of(nameless).failed == 1
        services.contact_needed(actor=SYSTEM, content_id=nameless)
        world.network("192.0.2.80", abuse="abuse@kasumi.example", name="KASUMI")
        jobs.run_sweep("tracing.retry")
        run_jobs()
        assert queries.host_of(nameless).contact_mail == "abuse@kasumi.example"


class TestChange:
    def test_a_move_to_another_network_is_announced_and_takes_the_confirmation_back(self, hosted, frozen, person):
        item = content()
        run(item)
        services.trace_confirm(
            actor=person(Role.ANALYST).actor, content_id=item, contact_id=queries.host_of(item).contact_id
        )
        hosted.names.unhost(["kiku.example"])
        hosted.names.record("kiku.example", "A", "198.51.100.4")
        hosted.network("198.51.100.4", abuse="abuse@fjord.example", country="NO", name="FJORD")
        view = run(item, fresh=True)
        assert (view.state, view.contact_mail, view.domestic) == ("traced", "abuse@fjord.example", False)
        assert view.changed_at is not None
        assert not view.confirmed

    def test_another_address_of_the_same_network_and_contact_is_no_change(self, hosted, frozen):
        item = content()
        run(item)
        hosted.names.record("kiku.example", "A", "192.0.2.9")
        hosted.network("192.0.2.9", abuse="abuse@kasumi.example", name="KASUMI")
        assert run(item, fresh=True).changed_at is None

    def test_a_registry_that_cannot_be_asked_changes_nothing_and_is_asked_again(self, hosted, frozen, run_jobs):
        item = content()
        before = run(item)
        hosted.answers["/ip/192.0.2.7"] = 500
        after = run(item, fresh=True)
        assert (after.state, after.contact_mail, after.changed_at) == ("traced", before.contact_mail, None)
        assert after.failed == 1
        hosted.network("192.0.2.7", abuse="abuse@kasumi.example", name="KASUMI")
        run_jobs()
        jobs.run_sweep("tracing.retry")
        run_jobs()
        assert queries.host_of(item).failed == 1
        frozen.shift(timedelta(minutes=16))
        jobs.run_sweep("tracing.retry")
        run_jobs()
        assert queries.host_of(item).failed == 0

    def test_a_name_that_no_longer_resolves_keeps_what_was_found(self, hosted, frozen):
        item = content()
        run(item)
        hosted.names.unhost(["kiku.example"])
        view = run(item, fresh=True)
        assert (view.state, view.addresses[0]) == ("traced", "192.0.2.7")


class TestLadder:
    def test_site_operator_hoster_upstream_and_registrar_have_their_contacts(self, hosted):
        item = content()
        run(item)
        assert [(rung.level, rung.mail) for rung in queries.ladder(item)] == [
            ("site_operator", "owner@kiku.example"),
            ("hoster", "abuse@kasumi.example"),
            ("upstream", "noc@upstream.example"),
            ("registrar", "abuse@registrar.example"),
        ]

    def test_names_seen_on_an_address_are_counted(self, hosted):
        hosted.names.host(["ume.example"], "192.0.2.7", "2001:db8::7")
        run(content())
        run(content("http://ume.example/"))
        assert queries.names_on(["192.0.2.7", "2001:db8::7"]) == {"kiku.example", "ume.example"}
        assert queries.names_on(["192.0.2.99"]) == set()

    def test_names_at_or_below_a_name_are_found_and_no_others(self):
        names = ["kiku.example", "a.kiku.example", "b.a.kiku.example", "akiku.example", "kiku.example.ume.example"]
        for ip, name in enumerate([*names, "kiku-x.example", "example"]):
            HostAddress.objects.create(ip=f"192.0.2.{ip}", host=name, seen_at=clock.now())
        assert queries.names_under("kiku.example") == set(names[:3])
        assert queries.names_under("a.kiku.example") == set(names[1:3])
        assert queries.names_under("none.example") == set()


class TestContacts:
    def test_the_clock_of_approval_runs_from_the_confirmation_and_is_short_when_urgent(
        self, hosted, frozen, person, run_jobs
    ):
        item = content()
        announce(ContentOpened(item))
        run_jobs()
        analyst = person(Role.ANALYST).actor
        assert queries.desk(analyst) == []
        announce(ContentConfirmed(item))
        services.contact_needed(actor=SYSTEM, content_id=item)
        waiting = queries.desk(analyst)
        assert [w.count for w in waiting] == [1]
        start = waiting[0].due_at - timedelta(hours=24)
        services.contact_needed(actor=SYSTEM, content_id=item, urgent=True)
        assert queries.desk(analyst)[0].due_at == start + timedelta(hours=1)
        assert not queries.desk(analyst)[0].alarm
        frozen.shift(timedelta(hours=1))
        assert queries.desk(analyst)[0].alarm
        assert queries.desk(person(Role.AUDITOR).actor) == []

    def test_a_contact_needed_before_the_trace_waits_from_the_trace_on(self, hosted, frozen):
        item = content()
        services.contact_needed(actor=SYSTEM, content_id=item)
        run(item)
        assert Contact.objects.get(mail="abuse@kasumi.example").needed_at is not None

    def test_approving_asks_once_and_shows_whom_notices_go_to(self, hosted, person, browser_of):
        item = content()
        contact = run(item).contact_id
        assert not queries.host_of(item).confirmed
        browser = browser_of(person(Role.ANALYST))
        shown = browser.get(f"/contacts/{contact}/approve/").content.decode()
        assert "abuse@kasumi.example" in shown
        assert not queries.host_of(item).confirmed
        assert browser.post(f"/contacts/{contact}/approve/").status_code == 302
        assert queries.host_of(item).confirmed
        with pytest.raises(DomainError, match="contact_approved"):
            services.contact_approve(actor=person(Role.ANALYST).actor, contact_id=contact)

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.POLICE_LIAISON, Role.LIST_REVIEWER, Role.OPERATOR])
    def test_only_analysts_approve(self, hosted, person, browser_of, role):
        contact = run(content()).contact_id
        assert browser_of(person(role)).post(f"/contacts/{contact}/approve/").status_code == 403
        assert Contact.objects.get(id=contact).approved_at is None

    def test_the_system_never_approves_a_contact(self, hosted):
        contact = run(content()).contact_id
        with pytest.raises(DomainError, match="person_needed"):
            services.contact_approve(actor=SYSTEM, contact_id=contact)

    def test_a_replaced_contact_gives_way_everywhere(self, hosted, person, browser_of):
        item = content()
        contact = run(item).contact_id
        browser = browser_of(person(Role.ANALYST))
        form = {"mail": "Abuse-Desk@kasumi.example", "organisation": "Kasumi"}
        assert browser.post(f"/contacts/{contact}/replace/", form).status_code == 302
        view = queries.host_of(item)
        assert (view.contact_mail, view.confirmed) == ("abuse-desk@kasumi.example", True)
        assert queries.contact_of(contact).mail == "abuse-desk@kasumi.example"
        assert run(item, fresh=True).contact_mail == "abuse-desk@kasumi.example"
        assert [r.mail for r in queries.ladder(item) if r.level == "hoster"] == ["abuse-desk@kasumi.example"]
        same = browser.post(f"/contacts/{view.contact_id}/replace/", {"mail": view.contact_mail, "organisation": "K"})
        assert same.status_code == 422
        assert browser.get(f"/contacts/{contact}/").status_code == 200

    def test_a_public_age_key_is_kept_and_anything_else_refused(self, hosted, person):
        import pyrage

        contact = run(content()).contact_id
        key = str(pyrage.x25519.Identity.generate().to_public())
        analyst = person(Role.ANALYST).actor
        services.contact_register_key(actor=analyst, contact_id=contact, age_key=key)
        assert queries.contact_of(contact).age_key == key
        with pytest.raises(DomainError, match="bad_age_key"):
            services.contact_register_key(actor=analyst, contact_id=contact, age_key="AGE-SECRET-KEY-1")

    def test_the_table_lists_sorts_filters_and_exports(self, hosted, person, browser_of):
        run(content())
        browser = browser_of(person(Role.SENIOR_ANALYST))
        assert "abuse@kasumi.example" in browser.get("/contacts/").content.decode()
        assert "abuse@kasumi.example" not in browser.get("/contacts/?contacts-state=approved").content.decode()
        assert "abuse@kasumi.example" in browser.get("/contacts/?contacts-export=csv").content.decode()
        assert browser_of(person(Role.OPERATOR)).get("/contacts/").status_code == 404


class TestShown:
    def test_the_panel_shows_each_vote_and_the_dispute(self, hosted, person):
        from django.template.loader import render_to_string

        hosted.abusix("7.2.0.192", "other@kasumi.example")
        item = content()
        run(item)
        panel = queries.panel(person(Role.ANALYST).actor, item)
        html = render_to_string("tracing/panel.html", {"panel": panel})
        for text in ("other@kasumi.example", "abuse@kasumi.example", "kiku[.]example", "2001:db8::7", "AS64500"):
            assert text in html
        assert queries.panel(person(Role.OPERATOR).actor, item) is None

    def test_the_timeline_tells_trace_change_and_approval(self, hosted, person, frozen):
        item = content()
        run(item)
        analyst = person(Role.ANALYST).actor
        services.contact_approve(actor=analyst, contact_id=queries.host_of(item).contact_id)
        assert len(queries.timeline(analyst, item)) == 2
        with pytest.raises(NotFound):
            queries.timeline(person(Role.OPERATOR).actor, item)

    def test_asking_for_another_trace_runs_one(self, hosted, person, browser_of, run_jobs):
        item = content()
        run(item)
        assert browser_of(person(Role.ANALYST)).post(f"/contents/{item}/host/again/").status_code == 302
        run_jobs()
        assert Vote.objects.filter(trace__content_id=item, run=2).exists()


def test_urgent_findings_start_the_short_clock_by_themselves(hosted, run_jobs):
    item = content()
    run(item)
    announce(ChildAtRiskFound(item, uuid4()))
    services.contact_needed(actor=SYSTEM, content_id=item, urgent=True)
    assert Contact.objects.get(mail="abuse@kasumi.example").urgent_at is not None
