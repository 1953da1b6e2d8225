"""Files packed by zstd: alone, or as what turns one version into the next (`zstd -d --patch-from=OLD` reads it too).

Whoever unpacks or applies one checks the result against a digest that was signed.
"""

import sys
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL = 3
_LONGEST_WINDOW = 31  # powers of two, of zstd on machines of 64 bits


class PatchRefused(ValueError):
    """Not a patch of this file, or nothing packed, or one of more octets than was told."""


def pack(data: bytes) -> bytes:
    """Bytes, packed."""
    return bytes(zstd.compress(data, level=_LEVEL))


def unpack(data: bytes, most: int) -> bytes:
    """What was packed, at most so many octets. PatchRefused."""
    reader = zstd.ZstdDecompressor()
    try:
        found = bytes(reader.decompress(data, max_length=most + 1))
    except (zstd.ZstdError, EOFError) as error:
        raise PatchRefused("this is nothing packed") from error
    if len(found) > most or not reader.eof or reader.unused_data:
        raise PatchRefused("another number of octets is packed than was told")
    return found


def make_patch(old: Any, new: Any) -> bytes:
    """A patch from `old` to `new`, bytes or memory maps. Each is held in memory once."""
    before = bytes(old)
    window = min(max(len(before) + len(new), 1024).bit_length(), _LONGEST_WINDOW)
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: _LEVEL,
        zstd.CompressionParameter.window_log: window,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
        zstd.CompressionParameter.checksum_flag: 0,  # the whole is checked by a signed digest
    }
    return bytes(zstd.compress(new, options=options, zstd_dict=_prefix(before)))


def apply_patch(old: Any, patch: bytes, length: int) -> bytes:
    """The new version, `length` octets long. PatchRefused when it is not that long or cannot be made."""
    before = bytes(old)
    window = min(max(len(before) + length, 1024).bit_length(), _LONGEST_WINDOW)
    reader = zstd.ZstdDecompressor(
        zstd_dict=_prefix(before), options={zstd.DecompressionParameter.window_log_max: window}
    )
    try:
        found = bytes(reader.decompress(patch, max_length=length + 1))
    except (zstd.ZstdError, EOFError) as error:
        raise PatchRefused("this is no patch of that file") from error
    if len(found) != length:
        raise PatchRefused("the patch does not make a file of the length that was told")
    return found


def _prefix(data: bytes) -> Any:
    """How zstd takes a former version in: as what stood just before. It takes none of under eight octets."""
    return zstd.ZstdDict(data, is_raw=True).as_prefix if len(data) >= 8 else None
