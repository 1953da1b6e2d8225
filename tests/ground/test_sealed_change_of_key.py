"""The seal key is changed: old text opens as long as the old key is held, and after rewrapping without it."""

import base64
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from nacl.public import PrivateKey

from mamori.engine.seals import SealError
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.ground.sealed import services

pytestmark = pytest.mark.django_db


def text_of(key: object) -> str:
    return base64.b64encode(bytes(key)).decode()  # type: ignore[call-overload]


@pytest.fixture
def change(settings: LazySettings) -> Iterator[object]:
    """`change(old, new)`: the keys this process holds from now on, as a restart would give it."""

    def forget() -> None:
        services._private_key.cache_clear()
        services._public_key.cache_clear()

    def hold(new: PrivateKey, *old: str) -> None:
        settings.SEAL_PUBLIC_KEY, settings.SEAL_PRIVATE_KEY = text_of(new.public_key), text_of(new)
        settings.SEAL_OLD_PRIVATE_KEYS = list(old)
        forget()

    yield hold
    forget()


def test_old_text_opens_with_the_old_key_beside_and_after_rewrapping_without_it(change, settings) -> None:
    old = settings.SEAL_PRIVATE_KEY
    before, sealed_before = services.seal_texts({"text": "told long ago"})
    gone, sealed_gone = services.seal_texts({"text": "destroyed"})
    services.destroy(actor=SYSTEM, key_ids=[gone], reason="test")
    new = PrivateKey.generate()

    change(new)
    with pytest.raises(SealError):
        services.open_text(before, "text", sealed_before["text"])
    assert services.rewrap_all() == (0, 1), "no key opens it: said, and left as it is"
    after, sealed_after = services.seal_texts({"text": "told now"})

    change(new, old)
    assert services.open_text(before, "text", sealed_before["text"]) == "told long ago"
    assert services.open_text(after, "text", sealed_after["text"]) == "told now"
    assert services.rewrap_all() == (1, 0)
    assert services.rewrap_all() == (0, 0), "safe to repeat"

    change(new)
    assert services.open_text(before, "text", sealed_before["text"]) == "told long ago"
    assert services.open_text(after, "text", sealed_after["text"]) == "told now"
    with pytest.raises(DomainError, match="sealed_destroyed"):
        services.open_text(gone, "text", sealed_gone["text"])

    change(PrivateKey.generate(), old)
    with pytest.raises(SealError):
        services.open_text(before, "text", sealed_before["text"])
