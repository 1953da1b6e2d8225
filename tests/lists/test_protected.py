"""What is never blocked as a whole: each class is there, holds enough names, and is refused where people and the gate look."""

import pytest

from mamori.engine.addresses import popular_names, protected_suffixes, shared_platforms, suffix_section
from mamori.engine.editions import content_refusals, gate
from mamori.ground.errors import DomainError
from mamori.lists.listing.case import content_rules, protected_names
from mamori.lists.listing.models import Entry
from tests.engine.people import RULES, edition, entry
from tests.lists.cases import listable

# Of each class: names, and at least how many of it the shipped lists hold.
CLASSES: dict[str, tuple[tuple[str, ...], int]] = {
    "popular": (("google.com", "youtube.com", "wikipedia.org", "www.yahoo.co.jp", "line.me"), 80),
    "public suffix": (("com", "co.jp", "jp", "github.io", "tokyo.jp"), 0),  # the public suffix list, tested with it
    "shared host": (("mooo.com", "blogspot.com", "fc2.com", "sakura.ne.jp", "bit.ly", "docs.google.com"), 50),
    "content network": (
        ("cloudfront.net", "akamaized.net", "edgekey.net", "fastly.net", "cloudflare.com", "azureedge.net", "jsdelivr.net"), 12,
    ),
    "government": (("www.npa.go.jp", "city.yokohama.lg.jp", "www.usa.gov", "www.gov.uk", "www.pref.osaka.jp", "bund.de"), 70),
    "emergency": (
        ("www.police.uk", "111.nhs.uk", "www.police.pref.kanagawa.jp", "www.tfd.metro.tokyo.jp", "jrc.or.jp",
         "www.childline.or.jp", "inochinodenwa.org", "inhope.org"), 15,
    ),
    "our own": (("canary.mamori.example", "hot-canary.mamori.example", "stop.mamori.example", "mamori.example"), 3),
}  # fmt: skip
NAMES = [(kind, name) for kind, (names, _least) in CLASSES.items() for name in names]


def held(kind: str) -> int:
    """How many names the shipped lists hold of a class."""
    networks = {"cloudfront.net", "edgekey.net", "edgesuite.net", "akamaized.net", "azureedge.net", "azurefd.net",
                "trafficmanager.net", "awsglobalaccelerator.com", "b-cdn.net", "kxcdn.com", "cdn77.org", "incapdns.net",
                "cdn.ampproject.org", "jsdelivr.net", "cloudflare.com", "akamai.net", "akamaiedge.net", "fastly.net"}  # fmt: skip
    helps = {name for name in protected_suffixes() if name.endswith((".org", ".or.jp", ".org.uk")) or name in
             {"nhs.uk", "police.uk", "internethotline.jp"}}  # fmt: skip
    platforms = {name.removeprefix(".") for name in shared_platforms()}
    return {
        "popular": len(popular_names()),
        "public suffix": sum(suffix_section(name) is not None for name in CLASSES["public suffix"][0]),
        "shared host": len(platforms - networks),
        "content network": len((platforms | popular_names()) & networks),
        "government": len(protected_suffixes() - helps),
        "emergency": len(helps),
        "our own": len(protected_names().names - protected_suffixes()),
    }[kind]


@pytest.mark.parametrize("kind", CLASSES)
def test_the_shipped_lists_hold_enough_of_each_class(kind: str) -> None:
    names, least = CLASSES[kind]
    assert held(kind) >= least
    assert len(names) >= 4


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_a_name_of_each_class_is_refused_by_the_rules_though_all_signed_it(kind: str, name: str) -> None:
    assert list(content_refusals(entry(name), content_rules())), f"{name} ({kind}) could be listed"
    if kind != "our own":  # the engine alone knows no name of this house
        assert gate(None, edition(1, [entry(name)]), RULES)


@pytest.mark.django_db
@pytest.mark.parametrize("name", [names[0] for names, _least in CLASSES.values()])
def test_nobody_can_propose_one(name: str, body, person) -> None:
    content_id = listable(f"https://{name}/page" if "." in name else "https://a.com/page", person)
    with pytest.raises(DomainError) as refusal:
        body.propose(content_id, target=name)
    assert refusal.value.message and refusal.value.remedy
    assert not Entry.objects.exists()
