"""The gate: what may become the list in force."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mamori.engine.addresses import NameSet, breadth
from mamori.engine.editions import (
    Edition,
    PersonKey,
    Refusal,
    Rest,
    Rules,
    activation_statement,
    content_refusals,
    gate,
    key_id,
    kill_statement,
    verify_activation,
    withdrawal_statement,
)
from tests.engine.people import (
    APPROVER,
    KEYS,
    NOW,
    REVIEWER,
    RULE,
    RULES,
    STRANGER,
    TODAY,
    edition,
    entry,
    public,
    signed,
)
from tests.engine.test_names import HOSTILE

SITES = [entry(f"site{number}.example") for number in range(20)]
FIRST = edition(1, SITES)


def codes(previous: Edition | None, proposed: Edition, rules: Rules = RULES) -> list[str]:
    refusals = gate(previous, proposed, rules)
    for refusal in refusals:
        assert "%(" not in str(refusal)
        assert str(refusal).endswith(".")
    return [refusal.code for refusal in refusals]


def test_a_first_edition_and_its_successor_pass() -> None:
    assert codes(None, FIRST) == []
    more = [*SITES, entry("one.shared-host.example"), entry("https://popular.example/page", method="url")]
    assert codes(FIRST, edition(2, more)) == []
    assert codes(None, Edition(1, frozenset())) == []


@pytest.mark.parametrize(("name", "code"), HOSTILE)
def test_every_hostile_name_is_refused_though_two_persons_signed_it(name: str, code: str) -> None:
    assert codes(FIRST, edition(2, [*SITES, entry(name)])) == [f"name_{code}"]


@pytest.mark.parametrize(
    ("target", "method", "code"),
    [
        ("popular.example", "dns", "popular"),
        ("www.popular.example", "dns", "popular"),
        ("en.wikipedia.org", "dns", "popular"),
        ("shared-host.example", "dns", "shared_platform"),
        ("city.lg.jp", "dns", "protected"),
        ("www.ministry.go.jp", "dns", "protected"),
        ("/", "url", "not_canonical_url"),
        ("http://Site.example/x", "url", "not_canonical_url"),
        ("hxxp://site.example/x", "url", "not_canonical_url"),
        ("https://popular.example/", "url", "whole_site"),
        ("https://shared-host.example/", "url", "whole_site"),
        ("https://github.io/", "url", "whole_site"),
        ("http://192.0.2.1/", "url", "whole_site"),
    ],
)
def test_broad_targets_are_refused(target: str, method: str, code: str) -> None:
    assert codes(FIRST, edition(2, [*SITES, entry(target, method=method)])) == [code]


def messages(previous: Edition | None, proposed: Edition, rules: Rules = RULES) -> list[str]:
    return [str(refusal) for refusal in gate(previous, proposed, rules)]


FLOOD = (
    "8000 entries at once: more than twice the 1000 that may be added within a day. None of them is added. "
    "Find out where they were copied from, and withdraw what is wrong. The operator raises MAMORI_LIST_MAX_ADDED for more."
)


def test_denmark_2012_thousands_of_lawful_names_copied_in() -> None:
    """Though every one of them has two valid signatures and none is on a list of names."""
    copied = [entry(f"lawful{number}.example") for number in range(8000)]
    for many, code in ((8000, "flood"), (2001, "flood"), (2000, "too_many_additions")):
        (refusal,) = gate(FIRST, edition(2, [*SITES, *copied[:many]]), RULES, Rest(40_000))
        assert refusal.code == code
        assert many < 8000 or str(refusal) == FLOOD


def test_denmark_2012_thousands_of_popular_names_copied_in() -> None:
    popular = [f"popular{number}.example" for number in range(8000)]
    rules = replace(RULES, popular=NameSet(popular))
    found = gate(FIRST, edition(2, [*SITES, *map(entry, popular)]), rules)
    assert str(found[0]) == FLOOD
    assert found[1].code == "too_large_share"
    assert sum(refusal.code == "popular" for refusal in found) == 8000
    # One of them alone is refused as well.
    assert messages(FIRST, edition(2, [*SITES, entry(popular[0])]), rules) == [
        (
            "popular0.example would block popular0.example, which is on the list of popular names. "
            "List the single pages on the URL list and tell the operator."
        )
    ]


def test_safe_browsing_2009_a_single_slash() -> None:
    assert "/ is not a canonical address." in messages(FIRST, edition(2, [*SITES, entry("/", method="url")]))[0]
    assert codes(FIRST, edition(2, [*SITES, entry("/")])) == ["name_non_ldh"]


def test_mooo_2011_the_parent_that_thousands_share() -> None:
    found = messages(FIRST, edition(2, [*SITES, entry("mooo.com")]))
    assert found == [
        (
            "mooo.com would block mooo.com, on which many unrelated people publish. "
            "List the single site below it, or single pages on the URL list."
        )
    ]
    assert codes(FIRST, edition(2, [*SITES, entry("one.mooo.com")])) == []


def test_asic_2013_a_shared_ip_address() -> None:
    for address in ("192.0.2.1", "32.1.2.0.192.rpz-ip"):
        (found,) = messages(FIRST, edition(2, [*SITES, entry(address)]))
        assert found.startswith(f"{address} cannot be listed. ")
        assert "host name" in found
    assert "Many unrelated sites can share one address" in messages(FIRST, edition(2, [*SITES, entry("192.0.2.1")]))[0]


def test_piracy_shield_2024_a_host_below_a_popular_name() -> None:
    """October 2024: one host of Google Drive was listed, and Italy was without it for hours."""
    assert messages(FIRST, edition(2, [*SITES, entry("drive.usercontent.google.com")])) == [
        (
            "drive.usercontent.google.com would block google.com, which is on the list of popular names. "
            "List the single pages on the URL list and tell the operator."
        ),
        (
            "drive.usercontent.google.com would block drive.usercontent.google.com, on which many unrelated people publish. "
            "List the single site below it, or single pages on the URL list."
        ),
    ]
    only_parent = replace(RULES, popular=NameSet({"google.com"}), shared_platforms=NameSet(()))
    assert codes(FIRST, edition(2, [*SITES, entry("drive.usercontent.google.com")]), only_parent) == ["popular"]


def test_the_brake_counts_additions_absolutely_and_by_share_but_never_removals() -> None:
    rules = replace(RULES, max_added=30, max_share=0.5, small_list=5)
    assert codes(FIRST, edition(2, [*SITES, *(entry(f"n{at}.example") for at in range(10))]), rules) == []
    assert codes(FIRST, edition(2, [*SITES, *(entry(f"n{at}.example") for at in range(11))]), rules) == [
        "too_large_share"
    ]
    assert codes(None, edition(1, SITES), replace(rules, small_list=20)) == []
    assert codes(None, edition(1, SITES), replace(rules, small_list=20, max_added=19)) == ["too_many_additions"]
    ended = [signed(withdrawal_statement(one.entry_id, withdrawn_at=NOW, reason="removed"), RULE) for one in SITES[1:]]
    assert codes(FIRST, edition(2, SITES[:1], *ended), rules) == []


def test_a_renewal_is_no_addition_for_brake_or_flood_but_is_judged_like_any_entry() -> None:
    rules = replace(RULES, max_added=1, max_share=0.01, small_list=1, added_lately=1)
    renewals = [entry(each.target, entry_id=f"r-{each.target}", later=1) for each in SITES]
    ended = [signed(withdrawal_statement(each.entry_id, withdrawn_at=NOW, reason="renewed"), RULE) for each in SITES]
    assert codes(FIRST, edition(2, renewals, *ended), rules) == []
    assert codes(FIRST, edition(2, [*renewals, entry("more.example")], *ended), rules) == [
        "too_many_additions",
        "too_large_share",
    ]
    assert codes(FIRST, edition(2, renewals, *ended[1:]), rules) == ["unsigned_removal"]
    assert codes(FIRST, edition(2, [*renewals[1:], *SITES[:1]], *ended), rules) == ["withdrawn"]
    assert codes(FIRST, edition(2, renewals, *ended), replace(rules, popular=NameSet({"site1.example"}))) == ["popular"]
    by_another_method = entry("https://site1.example/1", method="url")
    assert codes(FIRST, edition(2, [*renewals, by_another_method], *ended), rules)[0] == "too_many_additions"
    assert codes(FIRST, edition(2, [*SITES, renewals[1]]), RULES) == ["duplicate"] * 2


def test_a_name_twice_or_a_number_twice_is_refused() -> None:
    assert (
        codes(None, edition(1, [entry("site.example"), entry("site.example", entry_id="other")])) == ["duplicate"] * 2
    )
    assert (
        codes(None, edition(1, [entry("a.example", entry_id="e"), entry("b.example", entry_id="e")]))
        == ["duplicate"] * 2
    )


def test_an_edition_must_follow_the_one_in_force() -> None:
    assert codes(FIRST, replace(FIRST, version=1)) == ["version"]
    assert codes(None, replace(FIRST, version=0)) == ["version"]


def test_an_addition_needs_two_persons_who_signed_exactly_this_entry() -> None:
    new = entry("new.example")
    statement = activation_statement(new)

    def proposed(*signatures: object) -> Edition:
        return Edition(2, FIRST.entries | {new}, FIRST.statements | set(signatures))  # type: ignore[arg-type]

    assert codes(FIRST, proposed(signed(statement, REVIEWER, APPROVER))) == []
    assert codes(FIRST, proposed(signed(statement, REVIEWER), signed(statement, APPROVER))) == []
    assert codes(FIRST, proposed()) == ["no_activation"]
    assert codes(FIRST, proposed(signed(statement))) == ["too_few_persons"]
    assert codes(FIRST, proposed(signed(statement, REVIEWER))) == ["too_few_persons"]
    assert codes(FIRST, proposed(signed(statement, REVIEWER, STRANGER))) == ["too_few_persons"]
    assert codes(FIRST, proposed(signed(statement, REVIEWER, RULE))) == ["too_few_persons"]
    other = signed(activation_statement(replace(new, target="other.example")), REVIEWER, APPROVER)
    assert codes(FIRST, proposed(other)) == ["no_activation"]
    moved = replace(other, statement=statement)
    assert codes(FIRST, proposed(moved)) == ["too_few_persons"]


def test_an_entry_in_force_keeps_its_two_signatures() -> None:
    statement = activation_statement(SITES[0])
    others = {one for one in FIRST.statements if one.statement != statement}
    for kept, code in (((REVIEWER, APPROVER), []), ((REVIEWER,), ["too_few_persons"]), ((), ["too_few_persons"])):
        assert codes(FIRST, Edition(2, FIRST.entries, frozenset(others | {signed(statement, *kept)}))) == code
    assert codes(FIRST, Edition(2, FIRST.entries, frozenset(others))) == ["no_activation"]


def test_one_person_with_two_keys_is_one_person() -> None:
    keys = KEYS | {key_id(public(STRANGER)): PersonKey("reviewer", public(STRANGER))}
    statement = activation_statement(entry("new.example"))
    both = signed(statement, REVIEWER, STRANGER)
    assert verify_activation(statement, both.signatures, keys) == {"reviewer"}
    # A key filed under another key's number proves nothing.
    swapped = {key_id(public(REVIEWER)): PersonKey("approver", public(STRANGER))}
    assert verify_activation(statement, both.signatures, swapped) == frozenset()


def test_a_withdrawal_needs_one_signature_and_ends_the_activation_for_good() -> None:
    gone, kept = SITES[0], SITES[1:]
    statement = withdrawal_statement(gone.entry_id, withdrawn_at=NOW + timedelta(hours=1), reason="removed")
    for key in (REVIEWER, RULE):
        assert codes(FIRST, edition(2, kept, signed(statement, key))) == []
    assert codes(FIRST, edition(2, kept)) == ["unsigned_removal"]
    assert codes(FIRST, edition(2, kept, signed(statement, STRANGER))) == ["unsigned_removal"]
    early = withdrawal_statement(gone.entry_id, withdrawn_at=NOW - timedelta(hours=1), reason="removed")
    assert codes(FIRST, edition(2, kept, signed(early, REVIEWER))) == ["unsigned_removal"]

    second = edition(2, kept, signed(statement, REVIEWER))
    assert codes(second, edition(3, SITES, signed(statement, REVIEWER))) == ["withdrawn"]
    assert codes(second, edition(3, kept)) == ["history_lost"]
    again = entry(gone.target, entry_id=gone.entry_id, later=2)
    assert codes(second, edition(3, [again, *kept], signed(statement, REVIEWER))) == []


def test_an_entry_leaves_by_itself_when_it_expires_and_may_not_stay() -> None:
    short = entry("short.example", expires_on=TODAY + timedelta(days=1))
    first = edition(1, [*SITES, short])
    assert codes(None, first) == []
    assert codes(first, edition(2, SITES)) == ["unsigned_removal"]
    tomorrow = replace(RULES, today=TODAY + timedelta(days=1))
    assert codes(first, edition(2, SITES), tomorrow) == []
    assert codes(first, replace(first, version=2), tomorrow) == ["expired"]


def test_an_empty_list_needs_the_kill_switch_for_this_very_edition() -> None:
    ended = [signed(withdrawal_statement(one.entry_id, withdrawn_at=NOW, reason="removed"), RULE) for one in SITES]
    assert codes(FIRST, edition(2, [], *ended)) == ["empty"]
    assert codes(FIRST, edition(2, [], signed(kill_statement(2, reason="order"), APPROVER))) == []
    assert codes(FIRST, edition(2, [], signed(kill_statement(3, reason="order"), APPROVER)))[0] == "empty"
    assert codes(FIRST, edition(2, [], signed(kill_statement(2, reason="order"), STRANGER)))[0] == "empty"
    # Afterwards the same activations may be published again.
    emptied = edition(2, [], signed(kill_statement(2, reason="order"), APPROVER))
    assert codes(emptied, edition(3, SITES)) == []


def test_breadth_tells_what_else_an_entry_would_block() -> None:
    def facts(name: str) -> tuple[object, ...]:
        found = breadth(
            name,
            known_names_on_host={name, f"a.{name}", f"b.{name}"},
            known_names_on_address=["other.example", name],
            popular=RULES.popular,
            shared_platforms={"shared-host.example", "files.big.example"},
        )
        assert (found.others_on_host, found.others_on_address) == (2, 1)
        return found.public_suffix, found.above_public_suffix, found.shared_platform, found.popular, found.hits_others

    assert facts("site.example") == (None, False, None, None, False)
    assert facts("one.shared-host.example") == (None, False, None, None, False)
    assert facts("shared-host.example") == (None, False, "shared-host.example", None, True)
    assert facts("big.example") == (None, False, "files.big.example", None, True)
    assert facts("www.popular.example") == (None, False, None, "popular.example", True)
    assert facts("co.jp") == ("icann", False, None, RULES.popular.covered_by("co.jp"), True)
    assert facts("github.io") == ("private", False, None, None, True)
    assert facts("amazonaws.com")[1] is True


TREES = NameSet({".cdn.example", "pages.cdn.example", ".amazonaws.com", ".akamaiedge.net", "cloudfront.net"})


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("cdn.example", "shared_platform"),
        ("edge.cdn.example", "service"),
        ("a.b.cdn.example", "service"),
        ("pages.cdn.example", "shared_platform"),
        ("somebody.pages.cdn.example", ""),
        ("cdn.example.com", ""),
        ("sts.amazonaws.com", "service"),
        ("bucket.s3.amazonaws.com", ""),  # s3.amazonaws.com is a public suffix
        ("e1.a.akamaiedge.net", "service"),  # it is one itself, and yet nobody's own
        ("d111.cloudfront.net", ""),
    ],
)
def test_of_a_tree_nothing_is_listed_but_what_is_somebodys_own(name: str, code: str) -> None:
    rules = replace(RULES, popular=NameSet(()), shared_platforms=TREES)
    assert codes(FIRST, edition(2, [*SITES, entry(name)]), rules) == ([code] if code else [])
    found = breadth(
        name, known_names_on_host=[], known_names_on_address=[], popular=NameSet(()), shared_platforms=TREES
    )
    assert bool(found.shared_platform) is bool(code)


def test_an_asterisk_in_a_protected_name_stands_for_one_label() -> None:
    places = NameSet({"city.*.chiba.jp", "gov.*.ca", "go.jp"})
    assert places.above("www.city.funabashi.chiba.jp") == "city.funabashi.chiba.jp"
    assert places.above("gov.bc.ca") == "gov.bc.ca"
    assert places.above("www.npa.go.jp") == "go.jp"
    for name in ("city.chiba.jp", "city.a.b.chiba.jp", "shop.funabashi.chiba.jp", "funabashi.chiba.jp", "gov.ca"):
        assert places.above(name) is None
    assert places.above("gov.no-ip.ca") is None, "no-ip.ca is a public suffix: it is somebody's own"
    assert places.covered_by("somebody.chiba.jp") is None


def test_a_refusal_can_be_translated() -> None:
    refusal = Refusal("popular", {"target": "a.example", "member": "b.example"})
    assert refusal.message.startswith("%(target)s would block %(member)s")
    assert refusal.remedy


def test_the_brake_counts_a_day_and_never_stops_endings() -> None:
    rules = replace(RULES, max_added=5, added_lately=4)
    one, two = entry("one.example"), entry("two.example")
    assert codes(FIRST, edition(2, [*SITES, one]), rules) == []
    assert codes(FIRST, edition(2, [*SITES, one, two]), rules) == ["too_many_additions"]
    grown = replace(RULES, max_share=0.25, small_list=2, added_lately=4)
    assert codes(FIRST, edition(2, [*SITES, one]), grown) == ["too_large_share"], "16 a day ago: 4 may come"
    assert [rules.room(20), grown.room(20), replace(RULES, added_lately=2000).room(20)] == [1, 0, 0]
    assert codes(FIRST, edition(2, SITES), replace(rules, added_lately=9)) == []


def test_newer_rules_hold_nothing_back_of_what_is_in_force() -> None:
    rules = replace(RULES, popular=NameSet({"site1.example"}))
    assert codes(FIRST, edition(2, [*SITES, entry("new.example")]), rules) == []
    assert [refusal.code for refusal in content_refusals(SITES[1], rules)] == ["popular"]
    assert codes(None, edition(1, SITES), rules) == ["popular"]
