"""The synthetic web and what the gate lets pass of it."""

from collections import Counter
from datetime import date

import pytest

from mamori.engine.addresses import canonicalize
from mamori.tools.trial.web import BLOGS, HOSTS, LISTED, PAGES, SHORT, lists_of, sharing, synthetic_web

TODAY = date(2026, 1, 1)
WEB = synthetic_web(HOSTS["small"], LISTED["small"], 7)
LISTS = lists_of(WEB, TODAY, 7)


def test_the_same_seed_gives_the_same_web_and_another_seed_another():
    assert synthetic_web(HOSTS["small"], LISTED["small"], 7) == WEB
    assert synthetic_web(HOSTS["small"], LISTED["small"], 8) != WEB
    with pytest.raises(ValueError, match="at least 100"):
        synthetic_web(99, 0.05, 7)


@pytest.mark.parametrize("hosts", [120, 2000, 10_000])
def test_ordinary_sites_share_addresses_as_published(hosts):
    web = synthetic_web(hosts, 0.01, 1)
    assert len(web.hosts) == hosts
    share, each = sharing([host for host in web.hosts if host.kind in {"dedicated", "shared"}])
    assert share == pytest.approx(0.97, abs=0.005)
    assert each == pytest.approx(7.5, abs=0.5)


def test_every_name_is_of_the_example_domain_and_every_page_canonical_and_on_one_host():
    names = {host.name for host in WEB.hosts}
    assert len(names) == len(WEB.hosts)
    assert all(name.endswith(".example") for name in names)
    assert any(name.startswith("xn--") for name in names)
    assert len({page.url for page in WEB.pages}) == len(WEB.pages)
    for page in WEB.pages:
        address = canonicalize(page.url)
        assert (address.url, address.host) == (page.url, page.host)


@pytest.mark.parametrize("size", ["small", "full"])
def test_each_sort_of_host_is_listed_and_no_more_than_the_share(size):
    for seed in range(20) if size == "small" else [1]:
        web = synthetic_web(HOSTS[size], LISTED[size], seed)
        listed = [host for host in web.hosts if host.listed]
        sites = [host for host in web.hosts if host.kind not in {"platform", "shortener"}]
        assert Counter({host.sort for host in listed}) == Counter({host.sort for host in sites})
        assert any(host.name.startswith("xn--") for host in listed)
        assert {host.hidden for host in listed} == {host.https for host in listed} == {True, False}
        assert len(listed) <= max(9, round(len(sites) * LISTED[size]))
        assert not any(host.listed for host in web.hosts if host.kind in {"platform", "shortener"})


def test_the_gate_keeps_platforms_off_the_list_of_names_and_pages_go_on_their_own():
    assert LISTS.names == {host.name for host in WEB.hosts if host.listed}
    assert {refusal.code for refusal in LISTS.refused} == {"popular", "shared_platform"}
    refused = {refusal.params["target"] for refusal in LISTS.refused}
    others = {page.host for page in WEB.pages if page.url.endswith("/left/by/others")}
    assert others
    assert refused == {"edge.example", BLOGS, *PAGES, *SHORT, *others}
    assert len(LISTS.refused) == len(refused), "one reason each"
    unlawful = {page.url for page in WEB.pages if page.unlawful and page.host not in LISTS.names}
    assert LISTS.pages == unlawful
    assert {canonicalize(url).host for url in unlawful} > {*PAGES, *SHORT}


def test_orders_that_no_gate_judged_hold_lawful_pages_too():
    lawful = [page for page in WEB.pages if not page.unlawful]
    places = {host.name: host.address for host in WEB.hosts}
    assert any(page.host in LISTS.ordered_names for page in lawful)
    by_address = {page.url for page in lawful if places[page.host] in LISTS.ordered_addresses}
    assert len(by_address) > sum(page.host in LISTS.ordered_names for page in lawful)
    assert not any(page.host in LISTS.names or page.url in LISTS.pages for page in lawful)


@pytest.mark.parametrize("size", ["small", "full"])
def test_where_the_lists_have_gaps_hosts_of_other_people_pass_and_no_others(size):
    web = synthetic_web(HOSTS[size], LISTED[size], 7)
    lists = lists_of(web, TODAY, 7)
    shared = lists.ordered_names - lists.names
    assert lists.gap_names - lists.names == lists.unknown < shared
    assert lists.gap_names > lists.names
    assert len(lists.unknown) == max(1, round(len(shared) / 10))
    lawful = {page.host for page in web.pages if not page.unlawful}
    assert lists.unknown <= lawful
    assert lists.names.isdisjoint(lawful)
    assert lists_of(web, TODAY, 7) == lists
    assert any(lists_of(web, TODAY, seed).unknown != lists.unknown for seed in range(9))
