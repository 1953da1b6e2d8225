"""A bank with known pictures, an index that follows it, and a provider's machine at the partner face."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from mamori.ground.accounts.models import Organisation, User
from mamori.ground.accounts.services import token_actor, token_create
from mamori.ground.actors import SYSTEM, Role
from mamori.lists.exchange.follower import Follower
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.models import Entry
from mamori.lists.fingerprints.services import NewFingerprint
from mamori.site import database
from tests.hotline.intake_steps import partner_face

SCOPES = ("images.match", "images.read", "images.write", "reports.write")


@pytest.fixture
def people(person: Callable[..., User]) -> SimpleNamespace:
    """Two analysts and a senior one, two providers, a source that is shared, one that is not, one of a provider."""
    sue = person(Role.SENIOR_ANALYST, name="Sue")
    provider = Organisation.objects.create(name="A Provider", kind="provider")
    other = Organisation.objects.create(name="Another Provider", kind="provider")
    for code, shared, organisation in (("ngo", True, None), ("own", False, None), ("provider", True, provider)):
        bank.source_add(
            actor=sue.actor,
            code=code,
            name=f"Source {code}",
            kind="ngo",
            shared_with_partners=shared,
            organisation_id=organisation and organisation.id,
        )
    ann, ben = person(Role.ANALYST, name="Ann"), person(Role.ANALYST, name="Ben")
    return SimpleNamespace(sue=sue, ann=ann, ben=ben, provider=provider, other=other)


@pytest.fixture
def known(people: SimpleNamespace) -> Callable[..., Entry]:
    """`known(pdq=…, md5=…)`: an entry in force; of the source "own" partners are not told."""

    def make(
        source: str = "ngo",
        *,
        media: str = "image",
        classification: str = "baseline_1",
        quality: int = 100,
        **values: bytes,
    ) -> Entry:
        entry = bank.entry_add(
            actor=people.ann.actor,
            source_code=source,
            source_ref=uuid4().hex,
            media=media,
            classification=classification,
            fingerprints=[NewFingerprint(name, v, quality if name == "pdq" else None) for name, v in values.items()],
        )
        if source != "own":
            bank.entry_confirm(actor=people.ben.actor, entry_id=entry.id)
        entry.refresh_from_db()
        return entry

    return make


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.IMAGE_INDEX = tmp_path / "images"
    return settings.IMAGE_INDEX


@pytest.fixture
def follow(folder: Path) -> Callable[[], int]:
    """`follow()`: bring the index up to date, as a follower that was just started would."""

    def once() -> int:
        with Follower(folder).holding() as follower:
            follower.open()
            follower.catch_up()
            return follower.state.seq

    return once


@pytest.fixture
def machine(frozen: Any, settings: Any, people: SimpleNamespace) -> Client:
    """The provider's machine, with every scope of known images."""
    return partner_face(settings, people.provider, *SCOPES)


def token_of(organisation: Organisation, *scopes: str) -> tuple[str, str]:
    """(id, secret) of a new token."""
    secret = token_create(
        actor=SYSTEM, organisation_id=organisation.id, title="a test's", scopes=list(scopes or SCOPES)
    )
    actor = token_actor(secret)
    assert actor is not None
    return str(actor.id), secret


def near(value: bytes, bits: int) -> bytes:
    """A value at this Hamming distance."""
    return (int.from_bytes(value) ^ ((1 << bits) - 1)).to_bytes(32)


# --- real processes on the tests' database, each with its own role ---------------------------------------------------


@dataclass
class Process:
    process: "subprocess.Popen[bytes]"
    log: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)


@dataclass
class Processes:
    """`environment(role)`: of a process that logs in as that database role."""

    folder: Path
    place: Path

    def environment(self, role: str, **more: str) -> dict[str, str]:
        url = urlsplit(os.environ["DATABASE_URL"])
        name = connection.settings_dict["NAME"]
        login = f"{database.role_name(role)}:{role}-of-a-test@{url.hostname}:{url.port}/{name}"
        return {
            **os.environ,
            "DATABASE_URL": f"postgresql://{login}",
            "MAMORI_FACE": role,
            "MAMORI_IMAGE_INDEX": str(self.folder),
            "MAMORI_SEAL_PRIVATE_KEY": "",
            "MAMORI_STATIC_ROOT": str(self.place / "static"),
            "PYTHONPATH": os.pathsep.join(sys.path),
            **more,
        }

    @contextmanager
    def running(self, role: str, *command: str, **more: str) -> Iterator[Process]:
        log = self.place / f"{command[0]}-{uuid4().hex[:6]}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "mamori", *command], env=self.environment(role, **more), stdout=out, stderr=out
            )
        try:
            yield Process(process, log)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(20)

    @contextmanager
    def partner(self, **more: str) -> Iterator[str]:
        """The partner face as it is served; its address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with self.running("partner", "serve", "partner", "--port", str(port), "--workers", "1", **more) as made:
            wait(lambda: answers(port), 60, made.log.read_text)
            yield f"http://127.0.0.1:{port}"


@pytest.fixture
def processes(transactional_db: None, folder: Path, tmp_path: Path) -> Processes:
    (tmp_path / "static").mkdir()
    database.create_roles({role: f"{role}-of-a-test" for role in database.ROLES})
    database.apply_grants()
    return Processes(folder, tmp_path)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait(true: Callable[[], Any], seconds: float, told: Callable[[], str]) -> float:
    """Until `true()`; the seconds it took. AssertionError with what `told()` says."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise AssertionError(told())
        time.sleep(0.02)
    return time.monotonic() - began
