"""python-threatexchange's own clients, unchanged, read the bank from a really served partner face.

StopNCII's client is told our address. NCMEC's knows only NCMEC's hosts: it runs in a network of its own, where the name of
their test system is this machine (namespace.py).
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.db.models import F

from mamori.lists.fingerprints import queries
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.models import Entry, Vote
from tests.lists.exchange import namespace
from tests.lists.exchange.conftest import Processes, token_of
from tests.programs import APART, needs_namespace

pytestmark = pytest.mark.django_db(transaction=True)
MORE_THAN_A_PAGE = 1203


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of NCMEC's test host that vouches for itself, and its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, namespace.HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(namespace.HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "ca.pem", folder / "key.pem"


@pytest.fixture
def way_out(tmp_path: Path) -> Iterator[Callable[[int], str]]:
    """`way_out(port)`: path of a Unix socket that leads to the partner face, for the network without a way out."""
    listener = socket.socket(socket.AF_UNIX)
    path = str(tmp_path / "out")
    listener.bind(path)
    listener.listen(16)
    threads: list[threading.Thread] = []

    def through(inside: socket.socket, port: int) -> None:
        with inside, socket.create_connection(("127.0.0.1", port)) as outside:
            namespace.bridge(inside, outside)

    def accept(port: int) -> None:
        with suppress(OSError):
            while True:
                inside, _address = listener.accept()
                threads.append(threading.Thread(target=through, args=(inside, port), daemon=True))
                threads[-1].start()

    def make(port: int) -> str:
        threads.append(threading.Thread(target=accept, args=(port,), daemon=True))
        threads[-1].start()
        return path

    yield make
    listener.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(10)
    listener.close()


def fetch_ncmec(path: str, tmp_path: Path, token: tuple[str, str], checkpoint: int | None = None) -> Any:
    assert APART is not None, "unshare -mn is not allowed here"
    done = subprocess.run(
        [*APART, sys.executable, namespace.__file__, path, *map(str, certificate(tmp_path)), *token,
         json.dumps([checkpoint] if checkpoint else None)],
        env={**os.environ, "TZ": "UTC", "PYTHONWARNINGS": "ignore"}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def past(seconds: int) -> None:
    """Everything so far happened earlier: the client does not ask for its last five seconds."""
    Entry.objects.update(changed_at=F("changed_at") - timedelta(seconds=seconds))


def shared_values() -> dict[str, set[str]]:
    """What the bank shares that this client keeps: PDQ of pictures, MD5 of videos."""
    kept: dict[str, set[str]] = {"pdq": set(), "video_md5": set()}
    media = dict(Entry.objects.filter(state="active", sharing="partners").values_list("id", "media"))
    for value in queries.fingerprints_in_force(media):
        if (media[value.entry_id], value.algorithm) == ("image", "pdq"):
            kept["pdq"].add(value.value.hex())
        if (media[value.entry_id], value.algorithm) == ("video", "md5"):
            kept["video_md5"].add(value.value.hex())
    return kept


def signals(told: Any) -> dict[str, set[str]]:
    return {name: set(told["signals"].get(name, [])) for name in ("pdq", "video_md5")}


@needs_namespace
def test_ncmecs_client_reads_the_whole_bank_and_then_its_changes(
    processes: Processes, people: Any, known: Any, way_out: Any, tmp_path: Path
) -> None:
    many(people, MORE_THAN_A_PAGE)
    entries = [known(pdq=os.urandom(32), md5=os.urandom(16)) for _ in range(3)]
    known(media="video", md5=os.urandom(16))
    known("own", pdq=os.urandom(32))
    bank.entry_withdraw(actor=people.ann.actor, entry_id=entries[0].id)
    past(60)
    token = token_of(people.provider)
    with processes.partner(MAMORI_HOSTS=namespace.HOST) as face:
        path = way_out(int(face.rpartition(":")[2]))
        told = fetch_ncmec(path, tmp_path, token)
        assert signals(told) == shared_values()
        assert len(told["signals"]["pdq"]) == MORE_THAN_A_PAGE + 2
        assert told["pages"] >= 2
        source = entries[0].source_id
        assert told["deleted"] == [f"{source}-{entries[0].number}"]
        assert (told["status"], told["members"]) == ("A Provider", ["Source ngo", "Source provider"])
        bank.entry_withdraw(actor=people.ann.actor, entry_id=entries[1].id)
        known(pdq=os.urandom(32))
        latest = Entry.objects.order_by("-changed_at")[:2]
        for row in latest:
            Entry.objects.filter(id=row.id).update(changed_at=row.changed_at - timedelta(seconds=10))
        later = fetch_ncmec(path, tmp_path, token, told["checkpoint"] - 30)
        assert later["deleted"] == [f"{source}-{entries[1].number}"]
        removed = {value.value.hex() for value in queries.fingerprints_of([entries[1].id]) if value.algorithm == "pdq"}
        assert (signals(told)["pdq"] - removed) | signals(later)["pdq"] == shared_values()["pdq"]


def many(people: Any, number: int) -> None:
    """As an import would add them: in force at once, one moment."""
    from mamori.ground import clock
    from mamori.lists.fingerprints.models import Change, Fingerprint, Source

    now, source = clock.now(), Source.objects.get(code="ngo")
    rows = Entry.objects.bulk_create(
        Entry(
            media="image", source=source, source_ref=f"many-{n}", classification="baseline", state="active",
            sharing="partners", received_at=now, in_force_at=now, changed_at=now - timedelta(seconds=n % 7),
            confirmed_by=people.ben,
        )
        for n in range(number)
    )  # fmt: skip
    Fingerprint.objects.bulk_create(
        Fingerprint(entry=r, algorithm="pdq", value=os.urandom(32), quality=90) for r in rows
    )
    Change.objects.bulk_create(Change(entry=r, kind="add", at=now) for r in rows)


def ncmec_votes(face: str, people: Any, known: Any) -> None:
    """Its own class with our address where NCMEC's stands; everything else is its own."""
    from threatexchange.exchanges.clients.ncmec.hash_api import FeedbackType, FingerprintType, NCMECHashAPI

    entry, other = known(md5=os.urandom(16)), known(pdq=os.urandom(32))
    token, secret = token_of(people.provider)
    client = NCMECHashAPI(token, secret, SimpleNamespace(value=f"{face}/hashsharing"))  # type: ignore[arg-type]
    reasons = client.feedback_reasons(FingerprintType.pdq)
    assert set(reasons.values()) == {"not_illegal", "adult", "other_class", "false_match", "poor_quality"}
    client.submit_upvote(entry.source_id, str(entry.number), FingerprintType.md5)
    guid = next(g for g, name in reasons.items() if name == "false_match")
    client.submit_feedback(other.source_id, str(other.number), FingerprintType.pdq, FeedbackType.downvote, guid)
    assert sorted(Vote.objects.values_list("entry_id", "verdict", "reason")) == sorted(
        [(entry.id, "confirm", "agrees"), (other.id, "deny", "false_match")]
    )
    (page,) = list(client.get_entries_iter(start_timestamp=0, end_timestamp=2**32))
    told = {update.id: update for update in page.updates}
    (yes,) = told[str(entry.number)].feedback["Md5"]
    assert (yes.feedback_type, yes.member.esp_name) == (FeedbackType.upvote, "A Provider")
    (no,) = told[str(other.number)].feedback["PDQ"]
    assert (no.feedback_type, no.reason) == (FeedbackType.downvote, "false_match")


def test_the_lower_clients_read_vote_and_send(processes: Processes, people: Any, known: Any) -> None:
    with processes.partner() as face:
        stopncii(face, people, known)
        Vote.objects.all().delete()
        ncmec_votes(face, people, known)


def stopncii(face: str, people: Any, known: Any) -> None:
    from threatexchange.exchanges.clients.stopncii.api import (
        StopNCIIAPI,
        StopNCIICSPFeedbackValue,
        StopNCIIEndpoint,
        StopNCIISignalType,
    )
    from threatexchange.exchanges.collab_config import CollaborationConfigBase
    from threatexchange.exchanges.impl.stop_ncii_api import StopNCIICredentials, StopNCIISignalExchangeAPI

    many(people, 3)
    gone, kept = known(pdq=os.urandom(32)), known(pdq=os.urandom(32))
    known(media="video", md5=os.urandom(16))
    (value,) = queries.fingerprints_of([gone.id])
    token, secret = token_of(people.provider)
    credentials = StopNCIICredentials._from_str(f"{secret},{token},{face}/stopncii/v1")
    collab = CollaborationConfigBase(name="mamori", api="stopncii", enabled=True)
    exchange = StopNCIISignalExchangeAPI.for_collab(collab, credentials)

    def fetch(checkpoint: Any = None) -> tuple[dict[str, set[str]], Any]:
        found: dict[str, set[str]] = {"pdq": set(), "video_md5": set()}
        for delta in exchange.fetch_iter([], checkpoint):
            for (kind, signal), metadata in delta.updates.items():
                if metadata is not None:
                    found[kind].add(signal)
            checkpoint = delta.checkpoint
        return found, checkpoint

    first, checkpoint = fetch()
    assert first == shared_values()
    bank.entry_withdraw(actor=people.ann.actor, entry_id=gone.id)
    later, _checkpoint = fetch(checkpoint)
    # A defect of the client, which looks at the wrong field: docs/guides/matching-api.md says so.
    assert value.value.hex() in later["pdq"]
    records = [record for page in exchange.api.fetch_hashes_iter() for record in page.hashRecords]
    state = {record.hashValue: record.hashStatus.value for record in records}
    assert state[value.value.hex()] == "Withdrawn"
    assert {v for v, s in state.items() if s == "Active"} == set().union(*shared_values().values())

    both = {StopNCIIEndpoint.SubmitFeedback: secret, StopNCIIEndpoint.SubmitHashes: secret}
    api = StopNCIIAPI(token, secret, both, f"{face}/stopncii/v1")
    (mine,) = queries.fingerprints_of([kept.id])
    api.submit_feedback(StopNCIISignalType.ImagePDQ, mine.value.hex(), StopNCIICSPFeedbackValue.Blocked)
    assert list(Vote.objects.values_list("entry_id", "verdict")) == [(kept.id, "confirm")]
    own = os.urandom(32)
    api.submit_hash(StopNCIISignalType.ImagePDQ, own.hex())
    (sent,) = Entry.objects.filter(source__code="provider")
    assert (sent.state, sent.source_ref) == ("proposed", f"pdq:{own.hex()}")
