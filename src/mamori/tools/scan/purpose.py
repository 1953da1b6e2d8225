"""What is stated of a scan before it begins: why, and on whose data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class ScanError(ValueError):
    """The scan cannot be done as asked. The message is one line for the person at the terminal."""


class DataClass(StrEnum):
    """Who could see the files that are examined."""

    PUBLIC = "public"  # anybody
    STORED = "stored"  # the user and whom the user chose
    PRIVATE_MESSAGES = "private-messages"  # communication between persons: needs a legal basis


@dataclass(frozen=True, slots=True)
class Purpose:
    """What the provider states. `legal_basis`: the law or decision that allows to examine private messages."""

    data_class: DataClass
    text: str
    legal_basis: str = ""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ScanError("state the purpose of this scan: --purpose TEXT")
        if self.data_class is DataClass.PRIVATE_MESSAGES and not self.legal_basis.strip():
            raise ScanError("private messages may be examined only on a legal basis: state it with --legal-basis TEXT")

    def told(self) -> dict[str, str]:
        """For the journal, the summary and the plan's fingerprint."""
        return {name: str(value) for name, value in asdict(self).items()}
