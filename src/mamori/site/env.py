"""Settings from the environment: `NAME`, or `NAME_FILE` naming a file that holds the value."""

import ipaddress
import os
from pathlib import Path


class SettingError(Exception):
    """A missing or unusable setting: the program does not start, and this one line says why."""


def text(name: str, default: str | None = None) -> str:
    """The value of NAME, else the content of the file NAME_FILE, else the default.

    SettingError when there is none; without a default an empty value is none.
    """
    value = _given(name)
    if default is None and not value:
        raise SettingError(f"{name} is not set. Set {name}, or {name}_FILE to a file that holds it.")
    return value if value is not None else str(default)


def _given(name: str) -> str | None:
    if name in os.environ:
        return os.environ[name]
    file = os.environ.get(f"{name}_FILE")
    if file is None:
        return None
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise SettingError(f"{name}_FILE names {file}, which cannot be read: {error.strerror}") from error


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name, "yes" if default else "no").lower()
    if value not in {"yes", "no", "1", "0", "true", "false"}:
        raise SettingError(f"{name} must be yes or no, not {value!r}")
    return value in {"yes", "1", "true"}


def number(name: str, default: float) -> float:
    value = text(name, str(default))
    try:
        return float(value)
    except ValueError as error:
        raise SettingError(f"{name} must be a number, not {value!r}") from error


def items(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def path(name: str) -> Path | None:
    value = text(name, "")
    return Path(value) if value else None


def sources(name: str) -> list[str]:
    """Comma-separated addresses that are sent from: one of IPv4 at most, and one of IPv6."""
    try:
        found = [ipaddress.ip_address(each) for each in items(name)]
    except ValueError as error:
        raise SettingError(f"{name} must be addresses, such as 192.0.2.53: {error}.") from error
    if len({each.version for each in found}) != len(found):
        raise SettingError(f"{name} must be one address of IPv4, one of IPv6, or both.")
    return list(map(str, found))
