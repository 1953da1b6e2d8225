"""Whether complainants control their domains: looked up by the worker for every open complaint alike.

Listed or not, each is looked for at the same times, so that a site's log of name servers or pages tells nobody what is
on the list. No member can start a look.
"""

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import dns.exception
import dns.resolver
from django.conf import settings
from django.db import transaction

from mamori.engine.addresses import AddressError, canonicalize
from mamori.ground import clock, jobs
from mamori.ground.actors import SYSTEM
from mamori.hotline.checks.fetch import fetch
from mamori.lists.listing.models import Appeal
from mamori.lists.listing.services.appeals import FILE, LABEL, prove
from mamori.lists.listing.states import AppealState, Proof

LOOK_FOR = timedelta(days=3)
LOOK_EVERY = 30  # minutes; each complaint has its own minute of them
SECONDS = 10.0
MOST_WAITING = 100  # looks; more complaints than can be looked for get their turn half an hour later


def control_look_all() -> int:
    """Have the complaints whose minute it is looked for, whatever became of them: three days for each. Runs as a sweep."""
    if not settings.RECHECK or jobs.waiting("listing.look_for_control") >= MOST_WAITING:
        return 0
    now = clock.now()
    open_ones = Appeal.objects.filter(received_hour__gt=now - LOOK_FOR).values_list("id", flat=True)
    due = [one for one in open_ones if one.int % LOOK_EVERY == now.minute % LOOK_EVERY]
    jobs.defer_many("listing.look_for_control", [{"appeal_id": str(one)} for one in due])
    return len(due)


def control_look(appeal_id: UUID) -> None:
    """Look for one complaint's token, in DNS and in the file. Safe to run twice."""
    appeal = Appeal.objects.filter(id=appeal_id).first()
    if appeal is None:
        return
    found = [proof for proof, look in ((Proof.DNS, _in_dns), (Proof.FILE, _in_file)) if look(appeal)]
    if not found:
        return
    with transaction.atomic():
        row = Appeal.objects.select_for_update().get(id=appeal_id)
        if not row.proof and row.state == AppealState.RECEIVED:
            prove(row, found[0], SYSTEM)


def _in_dns(appeal: Appeal) -> bool:
    """Whether the token stands in the TXT records of `_mamori-appeal.<host>`."""
    resolver = dns.resolver.Resolver(configure=not settings.NAMESERVERS)
    if settings.NAMESERVERS:
        host, _colon, port = settings.NAMESERVERS[0].rpartition(":")
        resolver.nameservers, resolver.port = [host], int(port)
    resolver.lifetime = 5
    try:
        answer = resolver.resolve(f"{LABEL}.{appeal.host}", "TXT")
    except dns.exception.DNSException:
        return False
    return any(b"".join(record.strings).decode("ascii", "replace") == appeal.token for record in answer)


def _in_file(appeal: Appeal) -> bool:
    """Whether the file under the host holds the token and at most a line's end, by https or http."""
    wanted = {sha256(f"{appeal.token}{end}".encode()).digest() for end in ("", "\n", "\r\n")}
    return any(_digest(f"{scheme}://{appeal.host}{FILE}") in wanted for scheme in ("https", "http"))


def _digest(address: str) -> bytes:
    try:
        seen = fetch(canonicalize(address), seconds=SECONDS)
    except AddressError:
        return b""
    return seen.print.fingerprint if seen.print is not None else b""
