"""Migrations match the models, and every face passes Django's deployment checks with nothing silenced unsaid."""

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
