"""Which names the hot zone has to speak of: all that any base a resolver may hold says otherwise, and little more."""

import random
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from mamori.engine.editions import LAST_RING
from mamori.ground import clock
from mamori.lists.distribution import models
from mamori.lists.distribution.services import primary
from mamori.lists.distribution.services.primary import GRACE

pytestmark = pytest.mark.django_db
NAMES = [f"{number}.example" for number in range(8)]


class History:
    """A list that is published, folded and restored; `bases`: version and content of each base handed out."""

    def __init__(self) -> None:
        primary._changed_since.clear()
        self.listed: set[str] = set()
        self.version = 0
        self.bases: list[tuple[int, set[str]]] = []
        self.row = self.edition(base=1)
        self.bases.append((1, set()))

    def edition(self, *, base: int, base_of: int = 0) -> models.Edition:
        self.version += 1
        now = clock.now()
        return models.Edition.objects.create(
            version=self.version, base=base, base_of=base_of, state="published", digest="", built_at=now, published_at=now
        )  # fmt: skip

    def publish(self, *, came: set[str] = frozenset(), went: set[str] = frozenset(), ring: int = LAST_RING) -> None:
        self.row = self.edition(base=self.row.base)
        rows = [(name, "added") for name in came] + [(name, "removed") for name in went]
        models.EditionChange.objects.bulk_create(
            models.EditionChange(
                edition=self.row, entry_id=uuid4(), change=change, method="dns", target=name, since=clock.now(), ring=ring
            )
            for name, change in rows
        )  # fmt: skip
        self.listed = self.listed - went | came

    def fold_begins(self) -> tuple[int, set[str]]:
        models.Edition.objects.filter(id=self.row.id).update(folded_at=clock.now())
        self.bases.append((self.row.version, set(self.listed)))
        return self.bases[-1]

    def fold_ends(self, begun: tuple[int, set[str]]) -> None:
        self.row = self.edition(base=self.version + 1, base_of=begun[0])

    def touched(self, ring: int = LAST_RING) -> set[str]:
        return primary._touched(SimpleNamespace(row=self.row), ring)

    def needed(self) -> set[str]:
        return set().union(*(held ^ self.listed for _version, held in self.bases))


def test_what_came_and_went_between_two_bases_need_not_be_told():
    history = History()
    history.publish(came={"a.example", "b.example"})
    assert history.touched() == {"a.example", "b.example"}
    history.publish(went={"a.example"})
    assert history.touched() == {"b.example"}
    assert history.touched(0) == {"a.example", "b.example"}, "rings before the last have lists of their own"
    history.publish(came={"a.example"})
    assert history.touched() == {"a.example", "b.example"}


def test_what_was_there_while_a_fold_began_is_told_whether_it_ended_or_died(frozen):
    history = History()
    history.publish(came={"a.example"})
    begun = history.fold_begins()
    history.publish(went={"a.example"})
    assert history.touched() == {"a.example"}, "the fold may have handed it out"
    history.fold_ends(begun)
    assert history.touched() == {"a.example"}
    history.publish(came={"b.example"})
    history.fold_begins()
    history.publish(went={"b.example"})
    assert history.touched() == {"a.example", "b.example"}
    frozen.shift(GRACE + timedelta(hours=1))
    history.publish()
    assert "b.example" not in history.touched()


def test_the_same_name_gone_and_come_in_one_edition_is_told():
    history = History()
    history.publish(came={"a.example"}, went={"a.example"})
    history.publish(went={"a.example"})
    assert history.touched() == {"a.example"}


def test_after_a_restored_list_all_that_changed_is_told():
    history = History()
    history.publish(came={"a.example"})
    history.row = history.edition(base=history.version + 1)
    history.publish(came={"b.example"})
    history.publish(went={"b.example"})
    assert history.touched() == {"a.example", "b.example"}


@pytest.mark.parametrize("seed", range(40))
def test_random_histories(seed):
    chance, history = random.Random(seed), History()
    begun = None
    for _step in range(30):
        what = chance.random()
        if what < 0.15 and begun is None:
            begun = history.fold_begins()
        elif what < 0.3 and begun is not None:
            if chance.random() < 0.6:
                history.fold_ends(begun)
            begun = None
        else:
            changed = set(chance.sample(NAMES, chance.randrange(3)))
            renewed = {name for name in changed & history.listed if chance.random() < 0.2}
            history.publish(came=changed - history.listed | renewed, went=changed & history.listed)
        if chance.random() < 0.2:
            primary._changed_since.clear()  # another process
        assert history.touched() >= history.needed()
    assert history.version > 10
