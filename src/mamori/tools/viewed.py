"""One list for all: each edition that came is held against the witnessed log, by the proofs the partner face hands out.

In KEPT/viewed/ (0700):
notes.json             editions that came, what the log says of each, what is still to be asked
settled.json           split views that a person cleared up (`mamori list settle`)
NUMBER-….targets.json  what the list body signed as that edition, until it is proved; with a split view for ever
NUMBER-….proof.json    what the log holds instead
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import urllib3
from tuf.api.metadata import Metadata, Targets

from mamori.engine.editions import BASE_FILES, CHANGES, EditionRefused, edition_digest
from mamori.engine.files import write_whole
from mamori.engine.transparency.note import NoteKey
from mamori.engine.transparency.openings import differences, open_log_proof
from mamori.tools.errors import FAILED, USAGE
from mamori.tools.fetching import PRIVATE, Fetched, PullError, alone
from mamori.tools.scan.partner import PartnerApi

_PLACE, _NOTES, _SETTLED = "viewed", "notes.json", "settled.json"
_ALL = {*BASE_FILES, CHANGES}
_HOUR, _DAY = 3600.0, 86_400.0
_SOON = 30.0  # seconds until a new edition is asked about: the log is witnessed each 5 s, proofs are made each minute
_REST = 60.0  # seconds nothing is asked after a fault
_AT_ONCE = 20  # proofs asked for in one run
_LONGEST, _READ = 20.0, 10.0  # seconds: all of a run's requests, and one silence
_MOST = 1 << 17  # octets of a proof
_PROVED = 200  # editions that are remembered after their proof came
_WAITING, _GIVEN_UP = 1000, 30 * _DAY  # of more without a proof those are forgotten whose ALARM was repeated so long
_NAMED = 10
Tell = Callable[[str], None]


class ViewSplit(Exception):
    """No further edition is let in before a person cleared up a split view. The message is one line."""


class _Away(Exception):
    """No answer to go by."""


@dataclass
class Seen:
    """An edition that came: its digest, when, when to ask again, the last word. `others`: digest -> "log" or "list"."""

    digest: str
    at: float
    due: float = 0.0
    proved: bool = False
    word: str = ""
    others: dict[str, str] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        return not self.proved and not self.others


@dataclass
class Notes:
    """`rest`: until when nothing is asked (POSIX seconds, as all moments here)."""

    editions: dict[int, Seen] = field(default_factory=dict)
    rest: float = 0.0


class Views:
    """What a subscriber saw, in a folder of its own. `patience`: seconds an edition may be without a proof."""

    def __init__(
        self,
        kept: Path,
        log_key: NoteKey,
        witness_keys: Sequence[NoteKey],
        *,
        patience: float,
        now: Callable[[], float],
    ) -> None:
        self._place, self._kept, self._now = kept / _PLACE, kept, now
        self._log_key, self._witness_keys, self._patience = log_key, witness_keys, patience
        self._said: dict[str, float] = {}

    @classmethod
    def of(
        cls, kept: Path, log_key: str | None, witness_keys: Sequence[str], hours: float, now: Callable[[], float]
    ) -> Views | None:
        """As options say it; None without keys. ValueError when one of the two is missing, or no key."""
        if bool(log_key) != bool(witness_keys):
            raise ValueError("--log-key needs --witness-key, and the other way round")
        if not log_key:
            return None
        keys = [NoteKey.parse(key) for key in witness_keys]
        return cls(kept, NoteKey.parse(log_key), keys, patience=hours * _HOUR, now=now)

    def admit(self, got: Fetched) -> None:
        """Note an edition before anything is done with it. ViewSplit while a split view is open; the kill switch passes.

        It is noted also when it is refused afterwards: the list body signed it.
        """
        self._place.mkdir(mode=0o700, exist_ok=True)
        with alone(self._place):
            data = (self._kept / "targets.json").read_bytes()
            digest = _digest(data, got)
            notes = self._notes()
            seen = notes.editions.get(got.version)
            if seen is None or digest not in {seen.digest, *seen.others}:
                write_whole(self._place / f"{got.version}-{digest[:16]}.targets.json", data, PRIVATE)
                if seen is None:
                    now = self._now()
                    notes.editions[got.version] = Seen(digest, now, now + _SOON)
                else:
                    seen.others[digest] = "list"
                self._keep(notes)
        found = [number for number, _seen in self._open(notes)]
        if found and not got.delta.kills(got.version):
            raise ViewSplit(f"edition {got.version} is not let in while the split view of edition {found[0]} is open")

    def after(self, code: int, api: PartnerApi, tell: Tell) -> int:
        """The exit code of a run that ended with `code`, when what came is held against the log (`look`)."""
        try:
            found = FAILED if self.look(api, tell) else 0
        except (PullError, OSError) as error:
            tell(str(error))
            found = USAGE
        return found or code if code in {0, USAGE} else code

    def look(self, api: PartnerApi, tell: Tell) -> bool:
        """Ask for the proofs that are due, and say what is wrong. Whether a split view is open. OSError."""
        if not self._place.exists():
            return False
        try:
            with alone(self._place):
                notes = self._notes()
                self._ask(api, notes, tell)
        except PullError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
            return False  # another process works here, and says it
        found = list(self._open(notes))
        for number, seen in found:
            how = (
                f"another edition {number} than the one you got stands in the log"
                if "log" in seen.others.values()
                else f"two different editions of number {number} came"
            )
            self._alarm(
                f"{how}: somebody is given another list. What shows it is in {self._place}: keep it, ask the list body by a "
                f"way of your own and other subscribers, then: mamori list settle {self._kept.parent} {number}. Until then "
                "no further edition is let in; what is in force stays",
                tell,
            )
        now = self._now()
        late = [
            number for number, seen in sorted(notes.editions.items()) if seen.waits and now - seen.at > self._patience
        ]
        if late:
            more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
            named, word = ", ".join(map(str, late[:_NAMED])), notes.editions[late[0]].word or "not asked yet"
            self._alarm(
                f"nothing shows that what you got as edition {named}{more} is what others got, {self._patience / _HOUR:g} hours "
                f"after it came ({word}): ask the list body" + ("" if found else ". The list is followed all the same"),
                tell,
            )
        return bool(found)

    def _ask(self, api: PartnerApi, notes: Notes, tell: Tell) -> None:
        now = self._now()
        for seen in notes.editions.values():
            seen.at = min(seen.at, now)  # a clock that was put right
        due = [each for each in notes.editions.items() if each[1].waits and not 0 < each[1].due - now <= _HOUR]
        if not due or 0 < notes.rest - now <= _REST:
            return
        until = time.monotonic() + _LONGEST
        for number, seen in sorted(due, key=lambda each: each[1].due)[:_AT_ONCE]:
            seen.due = now + min(_HOUR, max(_SOON, (now - seen.at) / 4))
            try:
                text = _proof(api, number, until)
            except (_Away, urllib3.exceptions.HTTPError) as error:
                seen.word, notes.rest = _plain(f"no answer to go by: {error}"), now + _REST
                break
            seen.word = "it is not in the witnessed log yet, says the list body"
            if text is not None:
                self._judge(notes, number, text, tell)
        self._keep(notes)

    def _judge(self, notes: Notes, number: int, text: str, tell: Tell) -> None:
        seen = notes.editions[number]
        try:
            found, _day = open_log_proof(text, self._log_key, self._witness_keys)
            if found.version != number:
                raise ValueError(differences(found, version=number, digest=seen.digest)[0])
        except ValueError as error:
            seen.word = _plain(f"the proof is of no use: {error}")
            tell(f"edition {number}: {seen.word}")
            return
        if found.digest == seen.digest:
            seen.proved = True
            return
        write_whole(self._place / f"{number}-log.proof.json", text.encode(), PRIVATE)
        seen.others[found.digest] = "log"
        self._keep(notes)

    def _open(self, notes: Notes) -> Iterator[tuple[int, Seen]]:
        """Split views that nobody settled, the oldest first."""
        settled = _settled(self._place)
        for number, seen in sorted(notes.editions.items()):
            if not seen.others.keys() <= settled.get(number, set()):
                yield number, seen

    def _alarm(self, words: str, tell: Tell) -> None:
        """Once in the run of a pull, each hour while a guard runs."""
        now = time.monotonic()
        self._said = {each: at for each, at in self._said.items() if now - at < _HOUR}
        if words not in self._said:
            self._said[words] = now
            tell(f"ALARM: {words}")

    def _notes(self) -> Notes:
        return _read(self._place)

    def _keep(self, notes: Notes) -> None:
        """Store the notes, without what is over; then what was kept for that goes too."""
        given_up = self._now() - self._patience - _GIVEN_UP
        proved = sorted(number for number, seen in notes.editions.items() if seen.proved and not seen.others)
        waiting = sorted(number for number, seen in notes.editions.items() if seen.waits)
        past = [number for number in waiting[:-_WAITING] if notes.editions[number].at < given_up]
        for number in (*past, *proved[:-_PROVED]):
            del notes.editions[number]
        told = {"editions": {str(number): asdict(seen) for number, seen in notes.editions.items()}, "rest": notes.rest}
        write_whole(self._place / _NOTES, json.dumps(told).encode(), PRIVATE)
        wanted = {str(number) for number, seen in notes.editions.items() if not seen.proved or seen.others}
        for path in self._place.glob("*.targets.json"):
            if path.name.partition("-")[0] not in wanted:
                path.unlink()


def settle(folder: Path, number: int) -> list[str]:
    """Note that a person cleared up an edition's split view; its digests. ValueError when none is open."""
    found: list[str] = []
    for place in (folder / ".guard" / _PLACE, folder / ".edition" / _PLACE):
        seen = _read(place).editions.get(number)
        settled = _settled(place)
        if seen is None or seen.others.keys() <= settled.get(number, set()):
            continue
        settled[number] = {seen.digest, *seen.others}
        told = {str(each): sorted(digests) for each, digests in settled.items()}
        write_whole(place / _SETTLED, json.dumps(told).encode(), PRIVATE)
        owner = place.stat()
        os.chown(place / _SETTLED, owner.st_uid, owner.st_gid)  # root may have asked; the service reads it
        found += sorted(settled[number])
    if not found:
        raise ValueError(f"no split view of edition {number} is open in {folder}")
    return found


def _digest(data: bytes, got: Fetched) -> str:
    """The digest that the log holds, of the signed targets. EditionRefused when they do not name all that is read."""
    signed = Metadata[Targets].from_bytes(data).signed
    digests = {name: info.hashes.get("sha256", "") for name, info in signed.targets.items()}
    told = all(digests.get(name) == digest for name, digest in got.digests.items())
    if signed.delegations is not None or signed.version != got.version or not told or not digests.keys() >= _ALL:
        raise EditionRefused("malformed")
    return edition_digest(digests)


def _plain(words: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in words)[:200]


def _proof(api: PartnerApi, number: int, until: float) -> str | None:
    """What the list body hands out as proof; None while it has none. _Away, urllib3.exceptions.HTTPError."""
    if time.monotonic() > until:
        raise _Away("it takes too long")
    answer = api.get(f"/list/editions/{number}/proof", read=_READ)
    try:
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _Away(f"it answers {answer.status}")
        data = b""
        while piece := answer.read1(_MOST, decode_content=False):  # what is there, however slowly it drips
            data += piece
            if time.monotonic() > until:
                raise _Away("it takes too long")
            if len(data) > _MOST:
                return ""  # no proof is so long
        return data.decode(errors="replace")
    finally:
        answer.close()


def _read(place: Path) -> Notes:
    """PullError for notes that are none."""
    told = _json(place / _NOTES)
    try:
        editions = {int(number): Seen(**seen) for number, seen in told.get("editions", {}).items()}
        return Notes(editions, float(told.get("rest", 0)))
    except (ValueError, TypeError, AttributeError) as error:
        raise PullError(f"{place / _NOTES} cannot be read: {error}") from error


def _settled(place: Path) -> dict[int, set[str]]:
    told = _json(place / _SETTLED)
    try:
        return {int(number): set(digests) for number, digests in told.items()}
    except (ValueError, TypeError) as error:
        raise PullError(f"{place / _SETTLED} cannot be read: {error}") from error


def _json(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise PullError(f"{path} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}
