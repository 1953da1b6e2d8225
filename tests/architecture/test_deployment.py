"""Migrations match the models, and every face passes Django's deployment checks with nothing silenced unsaid."""

import json
import os
import subprocess
import sys

import pytest

PRODUCTION = {
    "MAMORI_HTTPS": "yes",
    "MAMORI_HOSTS": "mamori.example",
    "MAMORI_SECRET_KEY": "k9$" * 25 + "abcdefghijklmnop",
}


def manage(*arguments: str, face: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **PRODUCTION, "MAMORI_FACE": face, "DJANGO_SETTINGS_MODULE": "mamori.site.settings"}
    return subprocess.run(
        [sys.executable, "-m", "django", *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_no_migration_is_missing() -> None:
    done = manage("makemigrations", "--check", "--dry-run", face="manage")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("face", ["public", "staff", "partner", "worker"])
def test_the_deployment_checks_are_clean(face: str) -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", face=face)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_missing_setting_is_one_clear_line() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "MAMORI_SECRET_KEY"}
    done = subprocess.run(
        [sys.executable, "-m", "mamori", "doctor"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "mamori: MAMORI_SECRET_KEY is not set. Set MAMORI_SECRET_KEY, or MAMORI_SECRET_KEY_FILE to a file that holds it."
    )


ASK = """
import json, django
django.setup()
from django.conf import settings
from django.test import Client, override_settings
plain = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
with override_settings(STORAGES=plain):  # nothing is collected here
    answer = Client().get("/no-such-page", secure=True, HTTP_HOST="mamori.example")
print(json.dumps({"status": answer.status_code, **answer.headers}))
"""


@pytest.mark.parametrize("face", ["public", "staff", "partner"])
def test_every_face_tells_browsers_to_run_nothing_of_others_and_to_keep_to_https(face: str) -> None:
    environment = {**os.environ, **PRODUCTION, "MAMORI_FACE": face, "DJANGO_SETTINGS_MODULE": "mamori.site.settings"}
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "'self'" in {policy["script-src"]} | {policy["style-src"]}
    assert set(" ".join(policy.values()).split()) == {"'none'", "'self'"}
    assert answer["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Referrer-Policy"] == ("same-origin" if face == "staff" else "no-referrer")
