"""What reading one file that nobody trusts may cost: the one place of these numbers, for every child that decodes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost.

    `pixels`: width times height; fewer where a format's decoder would need more than `memory`. `scaled_pixels`: the
    same for a baseline JPEG that is decoded at 1/2 or 1/4. `file_bytes`: of a picture; a video is never held whole.
    `memory`: bytes a decoder child may hold. `video_memory`: the same for a video: the frames that a decoder keeps for
    reference are large (measured: 4K of 10 bits in HEVC loses frames at 256 MiB and is whole at 320). `seconds`: its
    processor time for one picture; `video_seconds`: for one video; it may wait `patience` times as long on a busy
    machine. `duration`: seconds of video that are read.
    """

    pixels: int = 40_000_000
    scaled_pixels: int = 300_000_000
    file_bytes: int = 64 * 2**20
    memory: int = 256 * 2**20
    video_memory: int = 512 * 2**20
    seconds: float = 5
    video_seconds: float = 600
    patience: int = 4
    duration: int = 4 * 3600
