"""A published edition: verified as a whole, or not used at all."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from mamori.engine.editions import (
    BASE_FILES,
    CHANGES,
    EditionRefused,
    ServiceKeys,
    read_edition,
    sign_edition,
    sign_root,
    withdrawal_statement,
)
from mamori.engine.editions.publish import FRESH
from tests.engine.people import NOW, REVIEWER, edition, entry, signed


def key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


ROOT_KEYS = (key(101), key(102))
SERVICE = ServiceKeys(targets=key(103), snapshot=key(104), timestamp=key(105))
STRANGERS = ServiceKeys(targets=key(113), snapshot=key(114), timestamp=key(115))
YEAR, DAY = NOW + timedelta(days=365), NOW + timedelta(days=1)
ROOT = sign_root(SERVICE, root_keys=ROOT_KEYS, threshold=2, expires=YEAR)
ENTRIES = [
    entry("site.example"),
    entry("xn--wgv71a119e.example"),
    entry("https://popular.example/a?b=c", method="url"),
]
FIRST = edition(1, ENTRIES)
ENDED = signed(withdrawal_statement("e-site.example", withdrawn_at=NOW, reason="removed"), REVIEWER)
SECOND = edition(2, ENTRIES[1:], ENDED)


def published(which: object = FIRST, version: int = 1, keys: ServiceKeys = SERVICE) -> dict[str, bytes]:
    return sign_edition(which, keys=keys, roots=[ROOT], version=version, now=NOW, expires=DAY)  # type: ignore[arg-type]


def refused(files: dict[str, bytes], now: datetime = NOW, seen: int = 0, root: bytes = ROOT) -> str:
    with pytest.raises(EditionRefused) as refusal:
        read_edition(files, root, now, seen=seen)
    assert refusal.value.message.endswith(".")
    assert refusal.value.remedy.endswith(".")
    return refusal.value.code


def test_what_was_signed_is_what_is_read() -> None:
    assert read_edition(published(), ROOT, NOW) == FIRST
    read = read_edition(published(SECOND, 2), ROOT, NOW, seen=1)
    assert read == SECOND
    assert read.names() == {"xn--wgv71a119e.example"}
    assert read.urls() == {"https://popular.example/a?b=c"}
    assert published() == published()


def test_the_same_edition_can_be_signed_afresh() -> None:
    assert read_edition(published(FIRST, 9), ROOT, NOW, seen=1) == FIRST


def test_an_older_edition_is_refused() -> None:
    assert refused(published(FIRST, 7), seen=2) == "rollback"


def test_an_old_edition_is_not_the_newest_for_as_long_as_its_files_hold() -> None:
    week = NOW + timedelta(days=7)
    files = sign_edition(FIRST, keys=SERVICE, roots=[ROOT], version=1, now=NOW, expires=week)
    assert read_edition(files, ROOT, NOW + FRESH - timedelta(seconds=1)) == FIRST
    assert refused(files, now=NOW + FRESH) == "expired"
    afresh = sign_edition(FIRST, keys=SERVICE, roots=[ROOT], version=2, now=NOW + FRESH, expires=week)
    assert read_edition(afresh, ROOT, NOW + FRESH, seen=1) == FIRST


def test_an_expired_edition_or_root_is_refused() -> None:
    assert refused(published(), now=DAY) == "expired"
    short = sign_root(SERVICE, root_keys=ROOT_KEYS, threshold=2, expires=NOW + timedelta(hours=1))
    assert refused(published(), now=NOW + timedelta(hours=2), root=short) == "expired"
    with pytest.raises(ValueError, match="expired"):
        sign_edition(FIRST, keys=SERVICE, roots=[ROOT], version=1, now=NOW, expires=NOW)


@pytest.mark.parametrize("name", sorted(set(published()) - {"1.root.json"}))
def test_any_altered_truncated_lengthened_or_missing_file_is_refused(name: str) -> None:
    files = published()
    data = files[name]
    middle = len(data) // 2
    lengthened = data + b"\n" * 1000 + b"{}"
    damaged = (data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :], data[:-2], b"") if data else ()
    for changed in (lengthened, *damaged):
        if name == "timestamp.json":
            assert refused(files | {name: changed}) in {"wrong_signer", "malformed"}
        else:
            assert refused(files | {name: changed}) == "altered"
    assert refused({one: text for one, text in files.items() if one != name}) == "missing_file"


def test_strangers_keys_are_refused() -> None:
    assert refused(published(keys=STRANGERS)) == "wrong_signer"
    for role in ("targets", "snapshot", "timestamp"):
        mixed = {one: getattr(SERVICE, one) for one in ("targets", "snapshot", "timestamp")}
        mixed[role] = getattr(STRANGERS, role)
        assert refused(published(keys=ServiceKeys(**mixed))) == "wrong_signer"
    swapped = ServiceKeys(targets=SERVICE.timestamp, snapshot=SERVICE.snapshot, timestamp=SERVICE.targets)
    assert refused(published(keys=swapped)) == "wrong_signer"


def test_files_of_two_editions_do_not_mix() -> None:
    first, second = published(), published(SECOND, 2)
    for name in ("targets.json", "snapshot.json", "names.jsonl", "activations.jsonl"):
        assert refused(second | {name: first[name]}) == "altered"


def test_metadata_of_another_role_is_refused() -> None:
    files = published()
    assert refused(files | {"timestamp.json": files["snapshot.json"]}) in {"wrong_signer", "malformed"}
    assert refused(files, root=files["targets.json"]) in {"wrong_signer", "malformed"}


def test_a_root_needs_its_threshold() -> None:
    single = json.loads(ROOT)
    single["signatures"] = single["signatures"][:1]
    assert refused(published(), root=json.dumps(single).encode()) == "wrong_signer"


def test_a_new_root_is_followed_only_with_the_former_keys() -> None:
    new_keys = (key(121), key(122))
    new = sign_root(STRANGERS, root_keys=new_keys, threshold=2, expires=YEAR, version=2, former_root_keys=ROOT_KEYS)
    files = sign_edition(FIRST, keys=STRANGERS, roots=[new], version=1, now=NOW, expires=DAY)
    assert "2.root.json" in files
    assert read_edition(files, ROOT, NOW) == FIRST
    assert refused(published() | {"2.root.json": new}) == "wrong_signer"
    forged = sign_root(STRANGERS, root_keys=new_keys, threshold=2, expires=YEAR, version=2)
    assert refused(files | {"2.root.json": forged}) == "wrong_signer"
    half = sign_root(
        STRANGERS, root_keys=new_keys, threshold=2, expires=YEAR, version=2, former_root_keys=ROOT_KEYS[:1]
    )
    assert refused(files | {"2.root.json": half}) == "wrong_signer"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "7",
        "{}",
        '{"entry_id":"e","method":"ip","target":"t","reason":"r","activated_at":"2026-11-24T09:00:00Z","expires_on":"2027-01-01"}',
        '{"entry_id":"e","method":"url","target":"t","reason":"r","activated_at":"2026-11-24T09:00:00Z","expires_on":"2027-01-01"}',
        '{"entry_id":1,"method":"dns","target":"t","reason":"r","activated_at":"2026-11-24T09:00:00Z","expires_on":"2027-01-01"}',
        '{"entry_id":"e","method":"dns","target":"t","reason":"r","activated_at":"yesterday","expires_on":"2027-01-01"}',
        '{"entry_id":"e","method":"dns","target":"t","reason":"r","activated_at":"20261124T090000.00Z","expires_on":"2027-01-01"}',
        '{"entry_id":"e","method":"dns","target":"t","reason":"r","activated_at":"2026-11-24T09:00:00Z","expires_on":"2027-W01-1"}',
        "[" * 100_000,
    ],
)
def test_rightly_signed_nonsense_is_malformed(line: str) -> None:
    for name in ("names.jsonl", "activations.jsonl", "changes.jsonl"):
        files = resigned({**dict.fromkeys([*BASE_FILES, CHANGES], b""), name: line.encode()})
        assert refused(files) == "malformed"


def resigned(texts: dict[str, bytes]) -> dict[str, bytes]:
    """Sign arbitrary list files with the service's own keys."""
    from securesystemslib.signer import CryptoSigner
    from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp

    def sign(role: Targets | Snapshot | Timestamp, by: Ed25519PrivateKey) -> bytes:
        metadata = Metadata(role)
        metadata.sign(CryptoSigner(by))
        return metadata.to_bytes()

    until = DAY.astimezone(UTC)
    targets = sign(
        Targets(expires=until, targets={name: TargetFile.from_data(name, data) for name, data in texts.items()}),
        SERVICE.targets,
    )
    snapshot = sign(
        Snapshot(expires=until, meta={"targets.json": MetaFile.from_data(1, targets, ["sha256"])}), SERVICE.snapshot
    )
    stamp = sign(Timestamp(expires=until, snapshot_meta=MetaFile.from_data(1, snapshot, ["sha256"])), SERVICE.timestamp)
    return texts | {"targets.json": targets, "snapshot.json": snapshot, "timestamp.json": stamp}


class Files(FetcherInterface):
    """Hands the published files to a stock TUF client."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def _fetch(self, url: str):
        name = url.rsplit("/", 1)[1]
        if name not in self.files:
            raise DownloadHTTPError("not found", 404)
        return iter([self.files[name]])


def test_the_stock_tuf_client_takes_the_edition(tmp_path: Path) -> None:
    """python-tuf's own client works by the machine's clock, so this edition is signed for now."""
    now = datetime.now(UTC)
    root = sign_root(SERVICE, root_keys=ROOT_KEYS, threshold=2, expires=now + timedelta(days=9))
    files = sign_edition(FIRST, keys=SERVICE, roots=[root], version=3, now=now, expires=now + timedelta(days=1))
    client = Updater(
        metadata_dir=str(tmp_path),
        metadata_base_url="https://list.example/",
        target_dir=str(tmp_path),
        target_base_url="https://list.example/",
        fetcher=Files(files),
        bootstrap=root,
    )
    client.refresh()
    for name in ("names.jsonl", "urls.jsonl", "activations.jsonl"):
        info = client.get_targetinfo(name)
        assert info is not None
        assert Path(client.download_target(info)).read_bytes() == files[name]
