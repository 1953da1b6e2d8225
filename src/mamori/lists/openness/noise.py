"""How counts are protected before they are published.

Each count gets noise of its own, once: a whole number X with P(X = k) proportional to 2^-|k|, so that 96 % of figures
are within four of the truth, and one entry more or less at most doubles the likelihood of what is published. Then what
is below five is told as "under five". Sums and differences of published figures are sums and differences of noise, too:
no total, and no two periods, lead back to an exact number.
"""

import secrets

LEAST = 5  # smaller counts are not told
LEAST_OF_A_MEDIAN = 10


def protected(count: int) -> int | None:
    """A count as it may be published; None: fewer than five."""
    noisy = count + _geometric() - _geometric()
    return noisy if noisy >= LEAST else None


def _geometric() -> int:
    """P(k) = 2^-(k+1), k from 0: heads before the first tail."""
    heads = 0
    while secrets.randbits(1):
        heads += 1
    return heads
