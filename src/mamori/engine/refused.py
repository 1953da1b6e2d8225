"""The one shape in which the engine says no."""

from __future__ import annotations

from typing import ClassVar


class Refused(ValueError):
    """A refusal with a stable code, a message and a remedy.

    ``message`` and ``remedy`` are constant English strings per code, so that a face can translate them.
    """

    reasons: ClassVar[dict[str, tuple[str, str]]] = {}

    def __init__(self, code: str) -> None:
        self.code = code
        self.message, self.remedy = self.reasons[code]
        super().__init__(code)

    def __str__(self) -> str:
        """Message and remedy in English."""
        return f"{self.message} {self.remedy}"
