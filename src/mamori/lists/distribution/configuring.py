"""What the primary is told of its configuration: catalogs, who may transfer with which key, who may ask at all."""

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from mamori.lists.distribution.control import Answer, unit

OURS = "sub-"
"""Names of our subscribers' keys and accesses begin with it. Others are the operator's, and left alone."""
NOBODY = "255.255.255.255"
"""Stands among those who may ask: nobody sends from it, and were there no address at all, Knot would answer everybody."""
ACCESS = [
    *(unit("conf-read", section="zone", item=item) for item in ("acl", "notify")),
    *(unit("conf-read", section=kind, item="id") for kind in ("acl", "remote", "key")),
]
"""Asks what `shuts_out` needs to know."""
_MODULE, _ID = "mod-queryacl", "askers"
ASKING = [
    unit("conf-read", section="template", id="default", item="global-module"),
    unit("conf-read", section="remote", item="address"),
    *(unit("conf-read", section=_MODULE, item=item) for item in ("id", "address")),
]
"""Asks what `asking` needs to know."""


@dataclass(frozen=True)
class Access:
    """A subscriber at the primary: its key, and the zones it may transfer."""

    name: str
    secret: str
    zones: tuple[str, ...]


def member(zone: str, catalog: str) -> list[bytes]:
    """Commands that put a zone into a catalog, if it is named."""
    if not catalog:
        return []
    return [
        conf_set("zone", f"{zone}.", "catalog-role", "member"),
        conf_set("zone", f"{zone}.", "catalog-zone", f"{catalog}."),
    ]


def lets_in(access: Access) -> Iterator[bytes]:
    """Commands for a subscriber that is not there."""
    name = access.name
    yield conf_set("key", name)
    yield conf_set("key", name, "algorithm", "hmac-sha256")
    yield conf_set("key", name, "secret", access.secret)
    yield conf_set("acl", name)
    yield conf_set("acl", name, "key", name)
    yield conf_set("acl", name, "action", "transfer")
    yield from (conf_set("zone", f"{zone}.", "acl", name) for zone in access.zones)


def shuts_out(names: Collection[str], answers: Iterable[Answer]) -> list[bytes]:
    """Commands that take all away that stands under these names. `answers`: to `ACCESS`.

    And every remote of `OURS`, of which an earlier version made one for each: Knot would notify them (ADR 28).
    """
    zones, sections = list[bytes](), list[bytes]()
    for one in answers:
        name = one["data"].removesuffix(".")
        is_remote = one["section"] == "remote" or one["item"] == "notify"
        if name in names or (is_remote and name.startswith(OURS)):
            if one["section"] == "zone":
                zones.append(unit("conf-unset", section="zone", id=one["id"], item=one["item"], data=name))
            else:
                sections.append(unit("conf-unset", section=one["section"], id=name))
    return zones + sections


def askers_in(answers: Iterable[Answer]) -> frozenset[str]:
    """The networks that may ask, as `answers` to `ASKING` tell."""
    return frozenset(_present(answers)) - {NOBODY}


def asking(answers: Iterable[Answer], askers: Iterable[str]) -> list[bytes]:
    """Commands that let these networks ask, and the remotes that are not `OURS`; no command where it is so.

    `answers`: to `ASKING`. Transfers and NOTIFY are no questions: what they need is the key.
    """
    answers = list(answers)
    present, remotes = _present(answers), _of(answers, "remote", "address")
    others = {one["data"].partition("@")[0] for one in remotes if not one["id"].startswith(OURS)}
    wanted = {NOBODY, *map(_network, (*askers, *others))} - {""}
    commands = [conf_set(_MODULE, _ID, "address", each) for each in sorted(wanted - present.keys())]
    if _ID not in {one["data"] for one in _of(answers, _MODULE, "id")}:
        commands.insert(0, conf_set(_MODULE, _ID))
    commands += [
        unit("conf-unset", section=_MODULE, id=_ID, item="address", data=present[each])
        for each in sorted(present.keys() - wanted)
    ]
    loaded = f"{_MODULE}/{_ID}"
    if loaded not in {one["data"] for one in _of(answers, "template", "global-module")}:
        commands.append(conf_set("template", "default", "global-module", loaded))
    return commands


def _present(answers: Iterable[Answer]) -> dict[str, str]:
    """Networks that may ask -> as the primary writes them."""
    found = _of(answers, _MODULE, "address")
    return {_network(one["data"]) or one["data"]: one["data"] for one in found if one["id"] == _ID}


def _network(text: str) -> str:
    """An address or a network in the one form it is compared in; "" for what is neither, or of one machine's own links."""
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        return ""
    return "" if "%" in text else str(found.network_address if found.num_addresses == 1 else found)


def _of(answers: Iterable[Answer], section: str, item: str) -> list[Answer]:
    return [one for one in answers if one.get("section") == section and one.get("item") == item and "data" in one]


def conf_set(section: str, name: str, item: str = "", value: str = "") -> bytes:
    """A command that makes a section, or sets one item of it."""
    more = {"item": item, "data": value} if item else {}
    return unit("conf-set", section=section, id=name, **more)
