"""Editions go on when their keys are changed: readers who trust an old root follow, and members need do nothing."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.editions import EditionRefused, read_edition
from mamori.engine.keys import create_signing_key, load_signing_key
from mamori.ground import clock
from mamori.lists.distribution import services, store
from mamori.lists.distribution.keys import ROOT_LIFE, load_keys, rotate_keys
from mamori.lists.listing import services as listing
from tests.lists.cases import listable

pytestmark = pytest.mark.django_db


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def names(press, root: bytes) -> set[str]:
    files = store.read(press.folder, store.current(press.folder))
    return set(read_edition(files, root, clock.now()).names())


def test_with_new_keys_and_a_new_root_key_the_list_goes_on(press, body, person, run_jobs, tmp_path: Path):
    gone = listable("https://gone.example/1", person)
    body.list(gone)
    body.list(listable("https://stays.example/1", person))
    run_jobs()
    listing.content_gone(content_id=gone)
    before = load_keys(press.keys)
    listing.withdrawals_sign(key=before.rule)  # signed by the former rule's key, not published yet
    offline = tmp_path / "root-1.pem"
    (press.keys / "root.pem").rename(offline)
    assert rotate_keys(press.keys, root_key=offline, new_root_key=tmp_path / "root-2.pem", now=clock.now()) == 2
    after = load_keys(press.keys)
    assert raw(after.service.targets) != raw(before.service.targets)
    assert raw(after.rule) != raw(before.rule)
    assert len(after.vouched().keys) == 3
    assert after.vouched().version == before.vouched().version + 1
    run_jobs()
    services.edition_publish(refresh=True)
    assert names(press, press.root) == names(press, after.root) == {"stays.example"}, "both old and new readers"
    body.list(listable("https://new.example/1", person))
    run_jobs()
    assert names(press, press.root) == {"stays.example", "new.example"}
    # Once more, this time with the root key kept.
    assert rotate_keys(press.keys, root_key=tmp_path / "root-2.pem", new_root_key=None, now=clock.now()) == 3
    services.edition_publish(refresh=True)
    assert names(press, press.root) == names(press, load_keys(press.keys).root) == {"stays.example", "new.example"}


def test_what_the_former_keys_sign_later_is_refused_by_who_knows_the_new_root(press, body, person, run_jobs, tmp_path):
    body.list(listable("https://stays.example/1", person))
    run_jobs()
    stolen = store.read(press.folder, store.current(press.folder))
    rotate_keys(press.keys, root_key=press.keys / "root.pem", new_root_key=None, now=clock.now())
    with pytest.raises(EditionRefused):
        read_edition(stolen, load_keys(press.keys).root, clock.now())


def test_the_doctor_speaks_before_the_root_expires(press, frozen, client):
    from mamori.site.doctor import _editions

    def said() -> list[str]:
        return [f"{each.level} {each.finding}" for each in _editions(press.keys) if each.what == "edition root"]

    assert not [each for each in said() if "expires" in each]
    frozen.shift(ROOT_LIFE - timedelta(days=59))
    assert [each[:12] for each in said() if "expires" in each] == ["bad expires "]


def test_only_the_roots_own_key_rotates_and_a_refusal_changes_nothing(press, tmp_path: Path):
    stranger = tmp_path / "stranger.pem"
    create_signing_key(stranger)

    def state() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in press.keys.rglob("*") if path.is_file()}

    before = state()
    with pytest.raises(ValueError, match="not the root"):
        rotate_keys(press.keys, root_key=stranger, new_root_key=None, now=clock.now())
    assert state() == before


def test_the_command_needs_nothing_but_the_folder_and_the_root_key(tmp_path: Path):
    folder, offline = tmp_path / "edition", tmp_path / "root.pem"

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mamori", *map(str, arguments)],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("keys", "edition", folder).returncode == 0
    (folder / "root.pem").rename(offline)
    (folder / "1.root.json").unlink()  # a folder of the time before roots were numbered
    old = load_signing_key(folder / "targets.pem").private_bytes_raw()
    done = run("keys", "rotate-edition", folder, "--root-key", offline)
    assert done.returncode == 0, done.stderr
    assert "root version 2" in done.stdout
    assert len(load_keys(folder).roots) == 2
    kept = [path.read_bytes() for path in folder.rglob("*.pem")]
    assert len(kept) == 4
    assert load_signing_key(folder / "targets.pem").private_bytes_raw() != old, "the former private key is gone"
    assert (folder / "former" / "1" / "targets.pem.pub").exists()
    refused = run("keys", "rotate-edition", folder, "--root-key", folder / "targets.pem")
    assert refused.returncode == 2
    assert "not the root" in refused.stderr
    assert "Traceback" not in refused.stderr
