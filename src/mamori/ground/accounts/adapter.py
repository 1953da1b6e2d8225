"""How allauth behaves here: no sign-up but by invitation, secrets of second factors encrypted, no mail of its own."""

import hashlib

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest
from nacl.encoding import Base64Encoder
from nacl.secret import SecretBox

from mamori.ground.accounts.clients import client_address, client_digest


class StaffAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes the open sign-up page: people join by invitation only."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """For the limits of log-ins: a digest, so that the cache in the database holds no address."""
        remote, forwarded = request.META.get("REMOTE_ADDR", ""), request.headers.get("x-forwarded-for", "")
        return client_digest(client_address(remote, forwarded, settings.TRUSTED_PROXIES), settings.SECRET_KEY)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps TOTP secrets and the seed of recovery codes encrypted in the database, under the staff face's secret key."""

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode(), encoder=Base64Encoder).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode(), encoder=Base64Encoder).decode()


def _box() -> SecretBox:
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=SecretBox.KEY_SIZE, person=b"mamori second")
    return SecretBox(key.digest())
