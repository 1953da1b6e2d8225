"""What a file is by its first bytes: names and extensions are not believed."""

from __future__ import annotations

HEAD = 512  # bytes that `kind_of` needs
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}  # sizes of the header that follows the file header
_STILL_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_VIDEOS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"OggS",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
)


def kind_of(head: bytes) -> str:
    """picture, video or "" for anything else; only its digests are looked up then."""
    if head.startswith(_PICTURES) or (head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS):
        return "picture"
    if head[:4] == b"RIFF":
        return {b"WEBP": "picture", b"AVI ": "video"}.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return "picture" if head[8:12] in _STILL_BRANDS else "video"
    transport_stream = len(head) > 376 and head[0] == head[188] == head[376] == 0x47
    if head.startswith(_VIDEOS) or transport_stream:
        return "video"
    return ""
