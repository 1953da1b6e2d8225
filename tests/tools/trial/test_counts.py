"""When a page counts as blocked, and what the rates are shares of."""

import pytest

from mamori.tools.trial.arms import Loaded
from mamori.tools.trial.client import REACHED
from mamori.tools.trial.counts import CLIENTS, FAULT, Fetch, Seen, judged, plan, tally
from mamori.tools.trial.network import TrialError
from mamori.tools.trial.web import HOSTS, LISTED, Page, synthetic_web

GOOD = [Page(f"https://site-{number}.example/", f"site-{number}.example", unlawful=False) for number in range(4)]
TWIN = Page("https://site-0.example/more", "site-0.example", unlawful=False)
BAD, HTTP, SINGLE = (Page(f"https://{name}.example/", f"{name}.example", unlawful=True) for name in ("b", "h", "s"))
REACHED_ALL = [Seen(Fetch(page), REACHED, (3.0, 2.0)) for page in (*GOOD, TWIN)]


@pytest.mark.parametrize(
    ("tries", "outcome"),
    [
        ([("reset", REACHED), ("reset", REACHED), ("no such name", REACHED)], "no such name"),
        ([("no answer in time", REACHED), (REACHED, REACHED)], REACHED),
        ([("reset", REACHED), (REACHED, "reset")], REACHED),
        ([("no answer in time", "no answer in time")] * 3, FAULT),
        ([("reset", REACHED), ("reset", REACHED), ("reset", "no answer in time")], FAULT),
    ],
)
def test_blocked_is_what_is_reached_each_time_without_the_method_and_never_with_it(tries, outcome):
    assert judged(tries) == outcome


def test_over_blocking_is_the_share_of_lawful_hosts_of_which_a_page_was_refused():
    seen = [*REACHED_ALL[:-1], Seen(Fetch(TWIN), "reset"), Seen(Fetch(BAD), "reset")]
    found = tally(seen, {BAD.url})
    assert (found["lawful_hosts_refused"], found["lawful_hosts"], found["over_blocking"]) == (1, 4, 0.25)
    assert (found["lawful_refused"], found["lawful_fetches"]) == (1, 5)
    assert (found["under_blocking"], found["unlawful_fetches"], found["refused_as"]) == (0.0, 1, {"reset": 2})


def test_why_a_page_got_through_is_judged_by_what_the_method_was_given():
    loaded = Loaded(names=frozenset({BAD.host, HTTP.host}))
    given = {page.url for page in (BAD, HTTP, SINGLE) if loaded.has(page, "10.64.1.0")}
    through = [Seen(Fetch(HTTP), REACHED), Seen(Fetch(HTTP, elsewhere=True), REACHED), Seen(Fetch(SINGLE), REACHED)]
    seen = [*REACHED_ALL, *through, Seen(Fetch(BAD), "reset"), Seen(Fetch(BAD, elsewhere=True), REACHED)]
    found = tally(seen, given)
    assert found["unlawful_reached_by"] == {"not_seen": 2, "single_page": 1, "out_of_reach": 1}
    assert (found["unlawful_reached"], found["under_blocking"]) == (4, 0.8)


def test_what_a_method_was_given_is_a_host_or_one_above_it_a_page_or_an_address():
    page = Page("https://a.b.example/x", "a.b.example", unlawful=True)
    assert Loaded(names=frozenset({"b.example"})).has(page, "10.64.1.0")
    assert Loaded(pages=frozenset({page.url})).has(page, "10.64.1.0")
    assert Loaded(addresses=frozenset({"10.64.1.0"})).has(page, "10.64.1.0")
    other = Loaded(frozenset({"c.b.example"}), frozenset({"https://a.b.example/"}), frozenset({"10.64.1.1"}))
    assert not other.has(page, "10.64.1.0")


def test_added_latency_is_the_median_of_differences_and_the_difference_of_the_95th_percentiles():
    times = [(number + (1.0 if number % 2 else 9.0), float(number)) for number in range(101)]
    seen = [Seen(Fetch(GOOD[0]), REACHED, pair) for pair in times]
    found = tally([*seen, Seen(Fetch(BAD), "reset")], ())
    assert found["latency_p50_ms"] == 9.0
    assert found["latency_p95_ms"] == found["with_p95_ms"] - found["without_p95_ms"] == 100.0 - 95.0
    assert found["latency_pairs"] == 101


def test_faults_count_nowhere_and_many_of_them_end_the_trial():
    many = [Seen(Fetch(page), REACHED, (3.0, 2.0)) for page in GOOD * 50]
    end = [Seen(Fetch(BAD), "reset"), Seen(Fetch(GOOD[0]), FAULT)]
    found = tally([*many, *end], ())
    assert (found["faults"], found["lawful_fetches"], found["over_blocking"]) == (1, 200, 0.0)
    with pytest.raises(TrialError, match="10 of 211 fetches failed with and without the method: this machine is too"):
        tally([*many, *end, *[Seen(Fetch(BAD), FAULT)] * 9], ())
    with pytest.raises(TrialError, match="no lawful page was reached"):
        tally([Seen(Fetch(GOOD[0]), "reset")], ())


def test_each_lawful_page_is_fetched_once_within_reach_and_each_unlawful_one_by_ten_clients():
    web = synthetic_web(HOSTS["small"], LISTED["small"], 3)
    lawful, unlawful = plan(web, 3)
    assert {fetch.page for fetch in lawful} == {page for page in web.pages if not page.unlawful}
    assert len(lawful) == len({fetch.page for fetch in lawful})
    assert not any(fetch.elsewhere for fetch in lawful)
    pages = [page for page in web.pages if page.unlawful]
    assert sorted(fetch.page.url for fetch in unlawful) == sorted(page.url for page in pages for _ in range(CLIENTS))
    assert sum(fetch.elsewhere for fetch in unlawful) == len(pages)
    assert plan(web, 3) == (lawful, unlawful) != plan(web, 4)
