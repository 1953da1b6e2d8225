"""Kernels in machine code: compiled by Numba at their first use and kept on disk for the next process.

A kernel takes and returns 64-bit signed integers and int64 arrays only; bulk data are passed as addresses, so that
read-only memory maps and writable arrays share one compiled version. Kernels release the interpreter's lock.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import config

Native = Callable[..., int]
F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"nogil": True, "boundscheck": False, "error_model": "numpy"}
_KERNELS: list[Kernel] = []
_LOCK = threading.RLock()


def inner(function: F) -> F:
    """A function that kernels call: compiled as a part of each of them."""
    return cast(F, numba.njit(**_OPTIONS)(function))


class Kernel:
    """One function with one signature, compiled when it is first asked for."""

    def __init__(self, function: Callable[..., Any], signature: str) -> None:
        self.name = function.__name__
        self._function = function
        self._signature = signature
        self._native: Native | None = None
        _KERNELS.append(self)

    @property
    def native(self) -> Native:
        """The compiled function; keep it, asking costs a little."""
        return self._native or self.compiled()[0]

    def compiled(self) -> tuple[Native, bool]:
        """(the compiled function, whether it had to be compiled now and was not found on disk)."""
        with _LOCK:
            if self._native:
                return self._native, False
            dispatcher = _cached(self._function)
            dispatcher.compile(self._signature)
            dispatcher.disable_compile()
            self._native = cast(Native, dispatcher)
            return self._native, not sum(dispatcher.stats.cache_hits.values())


def kernel(signature: str) -> Callable[[Callable[..., Any]], Kernel]:
    """Decorator: a `Kernel` with this Numba signature."""

    def decorate(function: Callable[..., Any]) -> Kernel:
        return Kernel(function, signature)

    return decorate


def warm_up(say: Callable[[str], None] | None = None) -> bool:
    """Compile every kernel or load it from disk; whether something was compiled.

    `say` is called with one line before the first compilation, which takes some tens of seconds once per machine,
    version and kind of processor. Without `warm_up`, each kernel is compiled when it is first needed.
    """
    compiled = False
    for each in _KERNELS:
        if say and not compiled and not _on_disk(each):
            say("mamori: compiling the matching kernels for this processor; this is done once and takes a minute")
            compiled = True
            say = None
        compiled = each.compiled()[1] or compiled
    return compiled


def address(array: np.ndarray[Any, Any]) -> int:
    """Where the data of a C-contiguous array begin. The caller keeps the array alive."""
    if not array.flags.c_contiguous:
        raise ValueError("kernels need contiguous arrays")
    return int(array.__array_interface__["data"][0])


def _cached(function: Callable[..., Any]) -> Any:
    """A dispatcher that keeps its machine code beside the source, in the user's cache, or in a private folder."""
    try:
        dispatcher = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # neither place can be written
        place = _private_folder()
        if place is None:
            return numba.njit(**_OPTIONS)(function)
        settings: Any = config
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(place)
        try:
            dispatcher = numba.njit(cache=True, **_OPTIONS)(function)
        finally:
            settings.CACHE_DIR = before
    stamp: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if hasattr(stamp, "_source_stamp"):  # Numba looks at one file's age; a kernel is made of several
        stamp._source_stamp = _sources(Path(function.__code__.co_filename).parent)  # noqa: SLF001
    return dispatcher


def _on_disk(each: Kernel) -> bool:
    if each._native:  # noqa: SLF001
        return True
    cache = getattr(_cached(each._function), "_cache", None)  # noqa: SLF001
    index = getattr(getattr(cache, "_cache_file", None), "_index_path", None)
    return index is not None and Path(index).exists()


def _sources(folder: Path) -> str:
    """A digest of all modules a kernel in `folder` is made of: those beside it, and these."""
    total = hashlib.sha256()
    for path in sorted({*folder.glob("*.py"), *Path(__file__).parent.glob("*.py")}):
        total.update(path.read_bytes())
    return total.hexdigest()


def _private_folder() -> Path | None:
    """A folder of this user's alone below the system's temporary folder: cached code is loaded, so nobody else may write it."""
    place = Path(tempfile.gettempdir()) / f"mamori-kernels-{os.getuid()}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
    except OSError:
        return None
    mine = found.st_uid == os.getuid() and not found.st_mode & 0o077 and not place.is_symlink()
    return place if mine else None
