"""The partner face hands out each edition's proof: who is given another list under the same number sees it by himself."""

import io
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.utils import translation
from urllib3 import HTTPResponse

from mamori.desks import rooms
from mamori.engine.editions import BASE_FILES, CHANGES, FileDigest, sign_files
from mamori.ground import clock
from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import Role
from mamori.lists.distribution import press as presses
from mamori.lists.distribution import services as distribution
from mamori.lists.distribution import store
from mamori.lists.distribution.models import Edition
from mamori.lists.distribution.services.editions import LIFE
from mamori.lists.distribution.states import Delivery
from mamori.lists.listing.states import Method
from mamori.lists.openness import services
from mamori.lists.openness.models import Commitment
from mamori.site import settings as site
from mamori.tools.pull import Zone, pull
from mamori.tools.viewed import Views, ViewSplit, settle
from tests.hotline.intake_steps import partner_face
from tests.lists.cases import listable

pytestmark = pytest.mark.django_db
MINUTE, HOUR = 60.0, 3600.0


def another_edition(folder: Path, number: int, place: Path) -> None:
    """What the list body's own keys sign under the same number for one subscriber: without what the edition brought."""
    held, now = presses.keys(), clock.now()
    shutil.copytree(folder / str(number), place / str(number))
    shutil.copyfile(folder / str(number - 1) / CHANGES, place / str(number) / CHANGES)
    digests = {name: FileDigest.of((place / str(number) / name).read_bytes()) for name in (*BASE_FILES, CHANGES)}
    files = sign_files(
        number, digests, keys=held.service, roots=held.roots, version=number, now=now, expires=now + LIFE
    )
    for name, data in files.items():
        (place / str(number) / name).write_bytes(data)
    store.point(place, str(number))


class Subscriber:
    """Pulls over the real partner face. `editions`: where this one's come from."""

    def __init__(self, name: str, world: SimpleNamespace, editions: Path) -> None:
        self.world, self.editions, self.folder = world, editions, world.place / name
        self.secret = distribution.subscriber_add(actor=world.operator, organisation=name, delivery=Delivery.URL)[1]
        self.asked: list[str] = []
        self.said: list[str] = []
        self.views = Views(
            self.folder / ".edition", world.witness.log, [world.witness.key], patience=48 * HOUR, now=world.now
        )

    def get(self, path: str, **_how: object) -> HTTPResponse:
        self.asked.append(path)
        kept, self.world.settings.EDITION_DIR = self.world.settings.EDITION_DIR, self.editions
        try:
            answer = self.world.client.get(f"/api/v1{path}", headers={"authorization": f"Bearer {self.secret}"})
            data = b"".join(answer.streaming_content) if answer.streaming else answer.content
        finally:
            self.world.settings.EDITION_DIR = kept
        return HTTPResponse(io.BytesIO(data), answer.headers, answer.status_code, preload_content=False)

    def pull(self) -> int:
        return pull(
            self, self.folder, self.world.press.root, ["urls.csv"], zone=Zone("nx.list"), progress=lambda *_: None,
            admit=self.views.admit,
        ).edition  # fmt: skip

    def look(self) -> bool:
        self.said.clear()
        return self.views.look(self, self.said.append)

    @property
    def listed(self) -> str:
        return (self.folder / "urls.csv").read_text()


@pytest.fixture
def world(press, body, person, run_jobs, witness, client, settings, tmp_path) -> SimpleNamespace:
    """A list body whose second edition brought a page; `prove()`: the log is witnessed, a minute goes by."""
    late = [0.0]

    def prove() -> None:
        witness.seal()
        services.editions_prove()

    def lists(url: str) -> int:
        body.list(listable(url, person), Method.URL)
        run_jobs()
        return store.current(press.folder)

    def wait(seconds: float) -> None:
        late[0] += seconds

    lists("https://first.example/1")
    number = lists("https://second.example/1")
    settings.MIDDLEWARE = [*site._COMMON, *site._PARTNER]
    settings.ROOT_URLCONF = "mamori.site.urls_partner"
    return SimpleNamespace(
        press=press, witness=witness, client=client, settings=settings, place=tmp_path, number=number, prove=prove, lists=lists,
        operator=person(Role.OPERATOR).actor, wait=wait, now=lambda: clock.now().timestamp() + late[0],
    )  # fmt: skip


def test_who_is_given_another_list_under_the_same_number_sees_it(world, tmp_path) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    another_edition(world.press.folder, world.number, apart)
    honest, deceived = Subscriber("Hato", world, world.press.folder), Subscriber("Suzume", world, apart)
    assert honest.pull() == deceived.pull() == world.number
    assert ("second.example" in honest.listed, "second.example" in deceived.listed) == (True, False)
    world.wait(MINUTE)
    assert not honest.look() and not deceived.look(), "the log is not witnessed yet"
    assert honest.asked[-1] == f"/list/editions/{world.number}/proof"
    world.prove()
    world.wait(MINUTE)
    assert (honest.look(), honest.said) == (False, [])
    asked = len(honest.asked)
    assert deceived.look()
    assert "ALARM" in deceived.said[0] and "stands in the log" in deceived.said[0]
    world.wait(HOUR)
    assert not honest.look() and len(honest.asked) == asked, "what is proved is asked no more"

    deceived.editions = world.press.folder
    newest = world.lists("https://third.example/1")
    with pytest.raises(ViewSplit, match=f"edition {newest} is not let in"):
        deceived.pull()
    assert "third.example" not in deceived.listed
    assert honest.pull() == newest
    assert len(settle(deceived.folder, world.number)) == 2
    assert deceived.pull() == newest
    assert deceived.listed == honest.listed
    world.prove()
    world.wait(HOUR)
    assert not honest.look() and not deceived.look()


def test_what_the_face_hands_out_is_what_the_command_writes(world, settings) -> None:
    url = f"/api/v1/list/editions/{world.number}/proof"
    provider = Organisation.objects.create(name="A provider", kind="provider")
    machine = partner_face(settings, provider, "list.read")
    assert machine.get(url).status_code == 404, "no witness cosigned it yet"
    world.prove()
    answer = machine.get(url)
    assert (answer.status_code, answer.content.decode()) == (200, services.proof_of(world.number))
    assert answer["Content-Type"] == "application/json"
    assert "immutable" in answer["Cache-Control"]
    assert machine.get("/api/v1/list/editions/99999/proof").status_code == 404
    assert machine.get(f"/api/v1/list/editions/{10**12}/proof").status_code == 404
    assert world.client.get(url).status_code == 401
    assert partner_face(settings, provider, "reports.write").get(url).status_code == 403


def test_the_list_body_sees_editions_that_are_not_in_the_witnessed_log(world, alarm) -> None:
    assert alarm() == []
    alarm.shift(timedelta(minutes=61))
    assert alarm() == [Edition.objects.filter(state="published").count()]
    world.prove()
    assert alarm() == []
    Commitment.objects.filter(version=world.number).delete()  # as when its job failed
    assert alarm() == [1]


@pytest.fixture
def alarm(body, world, settings) -> Callable[[], list[int]]:
    """Editions in the alarm on Today. Time goes by when the editions become older."""
    settings.ROOT_URLCONF = "mamori.site.urls_staff"

    class Alarm:
        def __call__(self) -> list[int]:
            found = rooms.waiting(body.approver.actor)
            with translation.override("en"):
                return [one.count for one in found if "not shown in the witnessed log" in str(one.title) and one.alarm]

        def shift(self, by: timedelta) -> None:
            for row in Edition.objects.filter(state="published"):
                Edition.objects.filter(id=row.id).update(published_at=row.published_at - by)

    return Alarm()


def test_notes_hold_no_address_of_the_list(world) -> None:
    one = Subscriber("Hato", world, world.press.folder)
    one.pull()
    texts = {path.name: path.read_text() for path in (one.folder / ".edition" / "viewed").iterdir()}
    assert len(json.loads(texts["notes.json"])["editions"]) == 1
    assert not any("first.example" in text for text in texts.values())
