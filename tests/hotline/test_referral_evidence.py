"""Before the first notice: signed evidence, and a request to preserve that names no address in clear."""

import json
from datetime import timedelta

import pyrage
import pytest
from typer.testing import CliRunner

from mamori.engine import keys
from mamori.engine.evidence import EvidenceError, open_bundle
from mamori.ground import clock
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.errors import DomainError, Forbidden
from mamori.ground.letters.models import Letter
from mamori.hotline.referral import queries, services
from mamori.hotline.referral.models import Evidence, Preservation, Referral
from mamori.hotline.tracing import queries as tracing
from mamori.hotline.tracing import services as tracing_services
from mamori.tools.cli import app
from tests.hotline.outside import content, outside

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(tmp_path, settings):
    path = tmp_path / "evidence.pem"
    keys.create_signing_key(path)
    settings.EVIDENCE_KEY_FILE = path
    return keys.public_path(path)


@pytest.fixture
def item(tmp_path, settings, frozen):
    """A traced and referred item on kasumi."""
    with outside(tmp_path, settings) as world:
        world.names.host(["kiku.example"], "192.0.2.7", "2001:db8::7")
        world.network("192.0.2.7", abuse="abuse@kasumi.example", name="KASUMI")
        found = content("http://kiku.example/secret-page")
        tracing_services.trace_run(actor=SYSTEM, content_id=found)
        services.referral_open(actor=SYSTEM, content_id=found)
        yield found


def approve(item, person):
    contact = tracing.host_of(item).contact_id
    tracing_services.contact_approve(actor=person(Role.ANALYST).actor, contact_id=contact)
    return contact


def test_the_bundle_holds_registry_answers_and_times_and_verifies(item, key, person):
    services.evidence_bundle(actor=SYSTEM, content_id=item)
    envelope = Evidence.objects.get().envelope
    bundle = open_bundle(envelope, keys.load_public_key(key))
    assert bundle["address"]["url"] == "http://kiku.example/secret-page"
    assert {"dns", "rdap_ip", "route", "abusix"} <= {vote["method"] for vote in bundle["votes"]}
    assert all(vote["asked_at"] for vote in bundle["votes"])
    assert (bundle["looks"], bundle["fingerprints"]) == ([], []), "nobody looked at it yet"


def test_it_is_made_once_and_again_only_when_the_host_changed(item, key, frozen):
    first = services.evidence_bundle(actor=SYSTEM, content_id=item)
    assert services.evidence_bundle(actor=SYSTEM, content_id=item) == first
    from mamori.hotline.tracing.models import Trace

    frozen.shift(timedelta(hours=1))
    Trace.objects.filter(content_id=item).update(changed_at=clock.now())
    frozen.shift(timedelta(hours=1))
    assert services.evidence_bundle(actor=SYSTEM, content_id=item) != first
    assert Evidence.objects.count() == 2


def test_a_changed_or_foreign_bundle_is_refused(item, key, tmp_path):
    services.evidence_bundle(actor=SYSTEM, content_id=item)
    envelope = json.loads(Evidence.objects.get().envelope)
    other = keys.create_signing_key(tmp_path / "other.pem")
    with pytest.raises(EvidenceError, match="altered"):
        open_bundle(json.dumps(envelope), other)
    envelope["payload"] = "A" + envelope["payload"][1:]
    with pytest.raises(EvidenceError, match="altered"):
        open_bundle(json.dumps(envelope), keys.load_public_key(key))
    for text in ("", "[]", "{}", '{"payload": 1}'):
        with pytest.raises(EvidenceError):
            open_bundle(text, keys.load_public_key(key))


def test_the_command_verifies_and_refuses(item, key, tmp_path):
    services.evidence_bundle(actor=SYSTEM, content_id=item)
    file = tmp_path / "bundle.json"
    file.write_text(Evidence.objects.get().envelope)
    good = CliRunner().invoke(app, ["evidence", "verify", str(file), "--key", str(key)])
    assert (good.exit_code, "OK" in good.stdout) == (0, True)
    file.write_text(file.read_text().replace('"sig": "', '"sig": "AAAA'))
    bad = CliRunner().invoke(app, ["evidence", "verify", str(file), "--key", str(key)])
    assert (bad.exit_code, "FAILED" in bad.stdout) == (1, True)
    assert CliRunner().invoke(app, ["evidence", "verify", str(file), "--key", str(tmp_path / "none")]).exit_code == 2


def test_without_a_key_nothing_goes_on(item, settings):
    settings.EVIDENCE_KEY_FILE = None
    with pytest.raises(DomainError, match="no_evidence_key"):
        services.evidence_bundle(actor=SYSTEM, content_id=item)


def test_what_was_not_referred_has_no_evidence(key):
    with pytest.raises(DomainError, match="not_referred"):
        services.evidence_bundle(actor=SYSTEM, content_id=content("http://ume.example/"))


def test_with_an_approved_contact_the_provider_is_asked_to_preserve_for_30_days(item, key, person):
    with pytest.raises(DomainError, match="contact_not_approved"):
        services.preservation_request(actor=SYSTEM, content_ids=[item])
    approve(item, person)
    services.preservation_request(actor=SYSTEM, content_ids=[item])
    services.preservation_request(actor=SYSTEM, content_ids=[item])
    letter = Letter.objects.get(kind="preservation")
    asked = Preservation.objects.get()
    assert letter.to == "abuse@kasumi.example"
    assert services.preservation_reference(asked.id) in letter.body
    assert "kiku" not in letter.subject + letter.body
    assert letter.attachment is None
    assert asked.until == clock.now() + timedelta(days=30)


def test_a_registered_key_gets_the_address_encrypted(item, key, person):
    identity = pyrage.x25519.Identity.generate()
    contact = approve(item, person)
    tracing_services.contact_register_key(
        actor=person(Role.ANALYST).actor, contact_id=contact, age_key=str(identity.to_public())
    )
    services.preservation_request(actor=SYSTEM, content_ids=[item])
    letter = Letter.objects.get(kind="preservation")
    assert b"kiku" not in bytes(letter.attachment)
    told = json.loads(pyrage.decrypt(bytes(letter.attachment), [identity]))
    assert told[0]["url"] == "http://kiku.example/secret-page"


def test_it_is_extended_once_to_60_days(item, key, person, frozen):
    approve(item, person)
    asked = services.preservation_request(actor=SYSTEM, content_ids=[item])[item]
    start = clock.now()
    officer = person(Role.POLICE_LIAISON).actor
    with pytest.raises(Forbidden):
        services.preservation_extend(actor=person(Role.ANALYST).actor, preservation_id=asked)
    frozen.shift(timedelta(days=20))
    services.preservation_extend(actor=officer, preservation_id=asked)
    assert Preservation.objects.get().until == start + timedelta(days=60)
    assert Letter.objects.filter(kind="preservation").count() == 2
    with pytest.raises(DomainError, match="not_extendable"):
        services.preservation_extend(actor=officer, preservation_id=asked)


def test_police_download_the_bundle_and_ask_for_preservation_by_the_page(item, key, person, browser_of):
    approve(item, person)
    referral = Referral.objects.get()
    browser = browser_of(person(Role.POLICE_LIAISON))
    assert browser.get(f"/police/{referral.id}/evidence/").status_code == 404
    browser.post(f"/police/{referral.id}/open/")
    shown = browser.get(f"/police/{referral.id}/preserve/").content.decode()
    assert "abuse@kasumi.example" in shown
    assert not Preservation.objects.exists()
    assert browser.post(f"/police/{referral.id}/preserve/").status_code == 302
    services.evidence_bundle(actor=SYSTEM, content_id=item)
    answer = browser.get(f"/police/{referral.id}/evidence/")
    assert open_bundle(answer.content.decode(), keys.load_public_key(key))["content_id"] == str(item)
    asked = queries.preservations_of(item)[0]
    assert browser.post(f"/police/{referral.id}/preserve/{asked.preservation_id}/extend/").status_code == 302
    assert queries.preservations_of(item)[0].extended
    assert browser_of(person(Role.AUDITOR)).get(f"/police/{referral.id}/evidence/").status_code == 404
