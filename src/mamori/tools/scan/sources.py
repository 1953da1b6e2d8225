"""What is to be examined: directories, file lists and the keys of object stores, in a steady order."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from mamori.tools.scan.purpose import ScanError

LIST_LINE = 65_536  # bytes of one line of a list
_WEB = {"http", "https"}  # fsspec would follow the links of a page: a crawler


@dataclass(slots=True)
class Item:
    """One file or key. `problem`: why it cannot be opened, known before. `skip`: members of it that were done before.

    `path` holds a local name as Python gives it (bytes that are no UTF-8 as surrogates), or an address like s3://…
    """

    path: str
    problem: str = ""
    skip: int = 0

    def key(self, salt: bytes) -> bytes:
        """16 bytes that stand for it in the journal."""
        kind = b"!" if self.problem else b""
        return blake2b(kind + os.fsencode(self.path), digest_size=16, key=salt).digest()


@dataclass(frozen=True, slots=True)
class Root:
    """An argument of the command: `kind` is path, list or keys (an address of an object store)."""

    kind: str
    text: str


def is_address(text: str) -> bool:
    """Whether a text names a key of an object store and not a local file."""
    return "://" in text and text.partition("://")[0].replace("+", "").isalnum()


def read_roots(arguments: Iterable[str]) -> list[Root]:
    """Understand arguments: @FILE is a list, scheme:// an object store, the rest local. ScanError if one is missing."""
    roots: list[Root] = []
    for argument in arguments:
        if argument.startswith("@"):
            root = Root("list", absolute(argument[1:]))
            if not Path(root.text).is_file():
                raise ScanError(f"there is no list {argument[1:]}")
        elif "::" in argument and "://" in argument and not os.path.lexists(argument):
            raise ScanError(f"{argument}: chained addresses are not taken; an archive is opened by itself")
        elif is_address(argument):
            open_store(argument)
            root = Root("keys", argument)
        else:
            root = Root("path", absolute(argument))
            if not os.path.lexists(root.text):
                raise ScanError(f"there is no {argument}")
        roots.append(root)
    if not roots:
        raise ScanError("say what to scan: a directory, a file, an archive, @list.txt or an address like s3://bucket/")
    folders = {Path(root.text) for root in roots if root.kind == "path"}
    return [
        root
        for root in dict.fromkeys(roots)
        if root.kind != "path" or not folders & set(Path(root.text).parents)  # what lies in another root comes with it
    ]


def open_store(address: str) -> tuple[Any, str]:
    """(fsspec file system, its own form of the address). ScanError naming the missing plug-in; for a page of the web."""
    if address.partition("://")[0].lower() in _WEB:
        raise ScanError(f"{address}: pages of the web are not scanned; give the files or the keys of your own store")
    try:
        system, path = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise ScanError(f"{address}: {error}") from error
    return system, str(path)


def is_of_this_process(address: str) -> bool:
    """Whether only this process can read it: memory://. An address that cannot be understood is not."""
    try:
        return is_address(address) and isinstance(open_store(address)[0], MemoryFileSystem)
    except ScanError:
        return False


def absolute(path: str) -> str:
    """The path from the root, without dots; links in it stay as they are."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.resolve would follow links


def walk(roots: Iterable[Root], leave_out: Collection[str] = ()) -> Iterator[Item]:
    """Every file of the roots, each directory in order of names, each file once. Symbolic links are not followed.

    `leave_out`: absolute local paths, for the scan's own files.
    """
    roots = list(roots)
    many = len(roots) > 1 or any(root.kind == "list" for root in roots)
    seen: set[bytes] = set()
    for root in roots:
        for item in _of_root(root):
            if item.path in leave_out:
                continue
            if many:
                key = item.key(b"")
                if key in seen:
                    continue
                seen.add(key)
            yield item


def count(roots: Iterable[Root], stop: Callable[[], bool]) -> int:
    """How many there are, or -1 when stopped before the end. Reads names only."""
    found = 0
    for _item in walk(roots):
        found += 1
        if found % 1000 == 0 and stop():
            return -1
    return found


def _of_root(root: Root) -> Iterator[Item]:
    if root.kind == "path":
        yield from _local(root.text)
    elif root.kind == "keys":
        yield from _keys(root.text)
    else:
        for line in read_list(root.text):
            yield Item(line if is_address(line) else absolute(line))


def read_list(path: str) -> Iterator[str]:
    """Names in a file, one a line; where the file holds a NUL in its first 64 KiB, names end with NUL instead."""
    with Path(path).open("rb") as opened:
        end = b"\0" if b"\0" in opened.read(LIST_LINE) else b"\n"
        opened.seek(0)
        rest = b""
        while piece := opened.read(LIST_LINE):
            *names, rest = (rest + piece).split(end)
            if len(rest) > LIST_LINE:
                raise ScanError(f"{path}: a line is longer than {LIST_LINE} bytes")
            yield from (os.fsdecode(name.removesuffix(b"\r") if end == b"\n" else name) for name in names if name)
        if rest:
            yield os.fsdecode(rest)


def _local(top: str) -> Iterator[Item]:
    if not Path(top).is_dir():
        yield Item(top)
        return
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield Item(folder, problem=reason(error))
            continue
        deeper: list[str] = []
        for entry in entries:
            try:
                if entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    deeper.append(entry.path)
                    continue
            except OSError as error:
                yield Item(entry.path, problem=reason(error))
                continue
            yield Item(entry.path)
        waiting.extend(reversed(deeper))


def _keys(address: str) -> Iterator[Item]:
    system, path = open_store(address)
    if isinstance(system, LocalFileSystem):
        yield from (Item(f"file://{item.path}", item.problem) for item in _local(path))
        return
    if system.isfile(path):
        yield Item(address)
        return
    errors: list[OSError] = []
    for _folder, folders, files in system.walk(path, detail=True, on_error=errors.append):
        for name in sorted(files):
            yield Item(_address(system, address, path, files[name]["name"]))
        ordered = sorted(folders.items())
        folders.clear()
        folders.update(ordered)
    for error in errors:
        yield Item(address, problem=reason(error))


def _address(system: Any, top: str, path: str, name: str) -> str:
    """The address of a key under `top`, whose own form is `path`: with host and user as they were given."""
    scheme, _colon, rest = top.partition("://")
    inside = name.removeprefix(path.rstrip("/"))
    if inside == name and path.strip("/"):
        return str(system.unstrip_protocol(name))
    return f"{scheme}://{rest.rstrip('/')}/{inside.lstrip('/')}"


def open_item(path: str) -> tuple[BinaryIO, int]:
    """(file opened to read, its bytes). OSError or ScanError if it is no regular file, or cannot be read.

    A local file is opened without following a link and without waiting, whatever it became since it was listed.
    """
    local = path.removeprefix("file://")
    if is_address(local):
        system, own = open_store(path)
        opened = cast("BinaryIO", system.open(own, "rb"))
        return opened, int(getattr(opened, "size", None) or system.size(own) or 0)
    descriptor = os.open(local, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ScanError("it is not a regular file")
        return cast("BinaryIO", os.fdopen(descriptor, "rb", buffering=0)), found.st_size
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise


def reason(error: BaseException) -> str:
    """One line for the list of what could not be read; never the whole path again."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:300] or type(error).__name__
