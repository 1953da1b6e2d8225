"""The worker is killed -9 while notices are on their way: each host gets each notice once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from demo.main_job import MainJob
from demo.platform import Platform
from demo.timeline import Timeline
from demo.world import World
from tests.platform import prepared_platform, rows, superuser_dsn

pytestmark = pytest.mark.crash
KILLS = 4
_LOOKED_AT = "SELECT state FROM takedown_notice WHERE state = 'verifying'"
_SENT = """
    SELECT l.state FROM takedown_noticeletter n JOIN letters_letter l ON l.id = n.letter_id
    WHERE l.state IN ('queued', 'sending', 'handing_over')
"""


@pytest.fixture
def hurried(world_folder: Path, demo_world: World) -> Iterator[Platform]:
    """A platform of its own: its clock runs ahead by days."""
    with prepared_platform(world_folder / "notices", demo_world) as made:
        made.start()
        yield made


class ToTheNotice(MainJob):
    """The way of some reports until their hosts were told."""

    def stations(self) -> None:
        self._report()
        self._assess()
        self._tell_police()
        with killing(self.platform) as kills:
            self._tell_hosts()
        self.kills = kills

    def _notified(self) -> int:
        """A letter whose sender died at the last dot waits for a person's word, by design: its items are done here."""
        query = """
            SELECT count(DISTINCT i.content_id) FROM takedown_noticeitem i
            LEFT JOIN takedown_noticeletter n ON n.notice_id = i.notice_id
            LEFT JOIN letters_letter l ON l.id = n.letter_id
            WHERE i.content_id = ANY(%s) AND (i.told_at IS NOT NULL OR l.state IN ('handing_over', 'uncertain'))
        """
        return int(self._rows(query, self.contents)[0][0])


@contextmanager
def killing(platform: Platform) -> Iterator[list[str]]:
    """Kill the worker while it looks at a notice, then while it sends one, in turn, KILLS times at most.

    Yields how far the notice was each time.
    """
    stop, kills = threading.Event(), list[str]()

    def hunt() -> None:
        with psycopg.connect(superuser_dsn(platform), autocommit=True) as connection:
            while len(kills) < KILLS and not stop.is_set():
                if found := connection.execute(_SENT if len(kills) % 2 else _LOOKED_AT).fetchone():
                    platform.program("worker").kill9()
                    kills.append(found[0])
                    platform.program("worker").start()
                    stop.wait(3)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        yield kills
    finally:
        stop.set()
        hunter.join()


def test_no_host_is_told_twice(hurried: Platform, demo_world: World) -> None:
    addresses = [f"http://twice-{host}.example/{page}" for host in range(3) for page in range(2)]
    reports = [{"url": url, "seen_at": "", "comment": "shapes"} for url in addresses]
    job = ToTheNotice(hurried, demo_world, Timeline([]), Console(quiet=True), reports)
    job.run()
    assert len(job.kills) > 1, job.kills
    letters = rows(
        hurried,
        "SELECT l.id::text, l.state FROM takedown_noticeletter n JOIN letters_letter l ON l.id = n.letter_id",
    )
    arrived = Counter({name.strip("<>").partition("@")[0]: n for name, n in demo_world.mail.counts().items()})
    told = {ident for ident, state in letters if state == "handed"}
    assert {arrived[ident] for ident in told} <= {1}
    assert max(arrived.values()) == 1, "some letter came twice"
    twice = rows(
        hurried,
        "SELECT content_id FROM takedown_noticeitem WHERE told_at IS NOT NULL GROUP BY content_id HAVING count(*) > 1",
    )
    assert twice == []
    firsts = Counter(
        notice for (notice,) in rows(hurried, "SELECT notice_id::text FROM takedown_noticeletter WHERE kind = 'first'")
    )
    assert set(firsts.values()) == {1}
