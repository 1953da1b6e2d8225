"""Exact matching of fingerprints: PDQ by Hamming distance, digests by equality; live, on disk, shared by all processes."""

from mamori.engine.matching.batch import Found
from mamori.engine.matching.digests import DigestIndex
from mamori.engine.matching.hamming import HammingIndex
from mamori.engine.matching.jit import warm_up
from mamori.engine.matching.refusals import IndexRefused

__all__ = ["DigestIndex", "Found", "HammingIndex", "IndexRefused", "warm_up"]
