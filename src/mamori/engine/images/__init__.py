"""Fingerprints of pictures and videos: PDQ with its quality, MD5, SHA-1, SHA-256.

`fingerprint` and `video_fingerprint` work in this process; `fingerprint_safely`, `video_fingerprint_safely` and
`Decoder` in a child with limits of memory and time, for files that nobody trusts. No picture is kept, shown or written
anywhere.
"""

from mamori.engine.images.decoder import Decoder, fingerprint_safely, video_fingerprint_safely
from mamori.engine.images.errors import Digests, ImageError
from mamori.engine.images.files import Fingerprint, digests_of, dihedral, fingerprint, pdq_of
from mamori.engine.images.video import Frame, VideoFingerprint, VideoMatch, feature_list, video_fingerprint, video_match
from mamori.engine.limits import Limits

__all__ = [
    "Decoder",
    "Digests",
    "Fingerprint",
    "Frame",
    "ImageError",
    "Limits",
    "VideoFingerprint",
    "VideoMatch",
    "digests_of",
    "dihedral",
    "feature_list",
    "fingerprint",
    "fingerprint_safely",
    "pdq_of",
    "video_fingerprint",
    "video_fingerprint_safely",
    "video_match",
]
