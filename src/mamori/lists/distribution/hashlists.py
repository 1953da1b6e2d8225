"""Which update a client of a hash list needs, told by the state it shows: from the files on disk alone."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from mamori.engine.hashlists import Net, Update, full_update, partial_update
from mamori.ground.errors import NotFound
from mamori.lists.distribution import formats
from mamori.lists.distribution.formats import HASHES, Store, mapped

_NAME, _NUMBER, _SUM = 6, 8, 8  # octets of a state: which list, which edition, the start of its checksum


@dataclass(frozen=True)
class HashList:
    """A list as a client knows it: `length` octets an entry, in the manifest in force."""

    name: str
    length: int
    manifest: dict[str, Any]
    store: Store

    @property
    def coded(self) -> dict[str, Any]:
        """Checksum and digests of the coded list."""
        found: dict[str, Any] = self.manifest["hash_lists"][str(self.length)]
        return found

    @property
    def state(self) -> bytes:
        """What the client shows the next time: list, edition, start of the checksum. 22 octets."""
        return _state(self.name, self.manifest, self.length)

    def hashes(self) -> memoryview:
        """All whole hashes, ascending."""
        return self.store_bytes(self.manifest["files"][HASHES]["sha256"])

    def store_bytes(self, digest: str) -> memoryview:
        """An object's bytes. NotFound when it was pruned meanwhile: the client asks again."""
        path = self.store.object(digest)
        if path is None:
            raise NotFound
        return mapped(path)

    def is_state(self, state: bytes) -> bool:
        """Whether a state is one of this list, of whatever edition."""
        return len(state) == _NAME + _NUMBER + _SUM and state.startswith(_short(self.name))

    def update(self, state: bytes) -> Update:
        """From the client's state to the list in force: a partial update where the steps are kept, else the whole."""
        edition = int.from_bytes(state[_NAME : _NAME + _NUMBER], "big") if self.is_state(state) else 0
        began = self.store.manifest(edition) if 0 < edition <= self.manifest["edition"] else None
        if began is not None and state == _state(self.name, began, self.length):
            found = _partial(self.store.folder, edition, self.manifest["edition"], self.length)
            if found is not None:
                return found
        return full_update(self.hashes(), self.length)


def in_force(name: str, length: int) -> HashList:
    """The list as it stands. NotFound before anything was written."""
    store, manifest = formats.in_force()
    return HashList(name, length, manifest, store)


@lru_cache(maxsize=64)
def _partial(folder: Path, began: int, now: int, length: int) -> Update | None:
    """The update between two editions; None when a step on the way is not kept. Editions never change."""
    store = Store(folder.parent)
    net = Net()
    at = last = store.manifest(now)
    while at is not None and at["edition"] > began:
        steps, came = store.steps(at["edition"]), at["came"] * 32
        net.before(_each(steps[:came]), _each(steps[came:]))
        at = store.manifest(at["previous"]) if at["previous"] is not None else None
    path = store.object(last["files"][HASHES]["sha256"]) if last else None
    if at is None or at["edition"] != began or last is None or path is None:
        return None
    return partial_update(mapped(path), net, length, bytes.fromhex(last["hash_lists"][str(length)]["checksum"]))


def _each(data: bytes) -> list[bytes]:
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def _state(name: str, manifest: dict[str, Any], length: int) -> bytes:
    total = bytes.fromhex(manifest["hash_lists"][str(length)]["checksum"])
    return _short(name) + int(manifest["edition"]).to_bytes(_NUMBER, "big") + total[:_SUM]


def _short(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:_NAME]
