"""Log-in limits behind a proxy: each client is counted for itself, and no address is kept."""

from ipaddress import ip_network

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from mamori.ground.accounts.clients import client_address, client_digest

PROXY = (ip_network("127.0.0.1/32"), ip_network("10.1.0.0/16"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # not behind our proxy: the header is the client's own word
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the client wrote the left one itself
        ("127.0.0.1", "203.0.113.7, 10.1.2.3", "203.0.113.7"),  # two proxies of ours
        ("127.0.0.1", "nonsense, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("::ffff:127.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("", "", "None"),
    ],
)
def test_the_client_is_the_right_most_that_is_no_proxy_of_ours(remote: str, forwarded: str, client: str) -> None:
    assert str(client_address(remote, forwarded, PROXY)) == client


def test_a_digest_names_a_client_and_tells_nothing() -> None:
    first = client_digest(client_address("203.0.113.7", "", ()), "key")
    assert first == client_digest(client_address("203.0.113.7", "", ()), "key")
    assert first != client_digest(client_address("203.0.113.8", "", ()), "key")
    assert first != client_digest(client_address("203.0.113.7", "", ()), "other")
    assert "203" not in first or len(first) == 32
    one, other = (client_digest(client_address(f"2001:db8::{n}", "", ()), "key") for n in "12")
    assert one == other, "one network, one client"


@pytest.mark.django_db
def test_one_client_behind_the_proxy_uses_up_its_own_tries_only(settings) -> None:
    settings.TRUSTED_PROXIES = list(PROXY)
    cache.clear()

    def tries(client: str, number: int, forwarded: str = "") -> list[int]:
        """A different member each time: what is counted is the client."""
        return [
            Client()
            .post(
                "/account/login/",
                {"login": f"{client}-{n}@staff.example", "password": "a wrong sentence"},
                headers={"x-forwarded-for": f"{forwarded}{client}"},
            )
            .status_code
            for n in range(number)
        ]

    answers = tries("203.0.113.7", 40)
    assert answers[0] == 200
    assert answers[-1] == 429
    assert tries("203.0.113.7", 1, "198.51.100.9, ") == [429], "another name for itself does not help"
    assert tries("203.0.113.8", 1) == [200]
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(cache_key || value, ' ') FROM django_cache")
        kept = str(cursor.fetchone()[0])
    assert "login" in kept
    for address in ("203.0.113", "198.51.100", "127.0.0.1"):
        assert address not in kept
