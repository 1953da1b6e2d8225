"""A confirmed assessment proposes entries, from what the re-check itself found; with real sockets on loopback."""

import hashlib
import socket
from datetime import timedelta

import pytest

from demo.names import Names
from demo.web import Response, WebServer
from mamori.ground.actors import Role
from mamori.hotline.assessment.services import criteria_install
from mamori.hotline.checks import services as checks
from mamori.lists.fingerprints import services
from mamori.lists.fingerprints.models import Entry, Fingerprint
from tests.hotline.assessment_steps import confirmed
from tests.hotline.outside import free_port
from tests.lists.fingerprints.drawings import drawing

SITE = "127.7.0.2"


@pytest.fixture
def site(settings, db):
    criteria_install()
    names = Names(free_port(socket.SOCK_DGRAM))
    names.record("site.example", "A", SITE)
    world = type("Site", (), {"answer": Response(200, drawing(), "image/png")})
    port = free_port()
    server = WebServer(SITE, port, lambda _request: world.answer)
    settings.RECHECK = True
    settings.NAMESERVERS = [f"127.0.0.1:{names.address[1]}"]
    settings.RECHECK_ALLOW_NETWORKS = [f"{SITE}/32"]
    settings.RECHECK_PORT_MAP = {"80": str(port)}
    with names:
        yield world
    server.stop()


@pytest.fixture
def content(person, frozen):
    ann, ben = person(Role.ANALYST, name="Ann"), person(Role.ANALYST, name="Ben")
    row = confirmed(ann, ben, "http://site.example/drawing.png")
    checks.watch_begin(content_id=row.id)
    return row, ann, ben


def look(content_id, frozen):
    frozen.shift(timedelta(minutes=1))
    from mamori.ground import clock

    checks.content_check(content_id=content_id, asked_at=clock.now())
    return services.content_found(content_id=content_id)


def test_a_whole_image_is_proposed_and_waits_for_a_second_person(site, content, frozen):
    row, ann, ben = content
    entry = look(row.id, frozen)
    assert (entry.state, entry.sharing, entry.media, entry.content_id) == ("proposed", "partners", "image", row.id)
    assert entry.classification in ("baseline", "national")
    assert entry.proposed_by_id == ann.id
    kept = {f.algorithm: bytes(f.value) for f in Fingerprint.objects.filter(entry=entry)}
    body = site.answer.body
    assert kept["sha256"] == hashlib.sha256(body).digest()
    assert kept["md5"] == hashlib.md5(body).digest()
    assert len(kept["pdq"]) == 32
    assert look(row.id, frozen).id == entry.id
    services.entry_confirm(actor=ben.actor, entry_id=entry.id)
    services.content_dropped(content_id=row.id)
    entry.refresh_from_db()
    assert (entry.state, entry.end) == ("withdrawn", "dismissed")


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, b"<html>a page</html>", "text/html"),
        Response(404, b"", "image/png"),
    ],
    ids=["page", "gone"],
)
def test_what_is_no_whole_file_adds_nothing(site, content, frozen, answer):
    site.answer = answer
    assert look(content[0].id, frozen) is None
    assert not Entry.objects.exists()


def test_a_broken_image_is_known_by_its_digests_only(site, content, frozen):
    site.answer = Response(200, drawing()[:300], "image/png")
    entry = look(content[0].id, frozen)
    assert set(entry.fingerprints.values_list("algorithm", flat=True)) == {"md5", "sha1", "sha256"}


def test_nothing_is_added_of_what_nobody_confirmed(site, person, frozen):
    from tests.hotline.assessment_steps import item

    assert services.content_found(content_id=item("http://site.example/other.png").id) is None
