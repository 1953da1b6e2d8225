"""Loaded by pytest before anything else (`-p tests.environment`): the environment every test runs in.

Uses DATABASE_URL when it is set, else brings up the demo's PostgreSQL launcher in a folder of the tests' own.
"""

import base64
import os
import shutil
import signal
import tempfile
from pathlib import Path

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from nacl.public import PrivateKey

from mamori.site.messages import compile_all

if "CI" not in os.environ:  # there hypothesis takes a profile of its own, without a clock too
    hypothesis_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    hypothesis_settings.load_profile("untimed")
# A shell's background job would hand its "ignored" on to children.
signal.signal(signal.SIGINT, signal.default_int_handler)
_seal = PrivateKey.generate()
_folder = Path(tempfile.mkdtemp(prefix="mamori-test-"))
_postgres = None
compile_all(Path(__file__).resolve().parents[1] / "src" / "mamori")

if "DATABASE_URL" not in os.environ:
    from demo.postgres import Postgres

    _postgres = Postgres(_folder / "postgres")
    _postgres.start()
    os.environ["DATABASE_URL"] = _postgres.test_owner_dsn()

for name, value in {
    "MAMORI_SECRET_KEY": "a key for tests only, long enough to satisfy the deployment checks: 0123456789",
    "MAMORI_SEAL_PUBLIC_KEY": base64.b64encode(bytes(_seal.public_key)).decode(),
    "MAMORI_SEAL_PRIVATE_KEY": base64.b64encode(bytes(_seal)).decode(),
    "MAMORI_RECEIPT_PEPPER": "pepper for tests",
    "MAMORI_TOKEN_PEPPER": "pepper for tests",
    "MAMORI_POW_KEY": "proof of work for tests",
    "MAMORI_HOSTER_KEY": "hoster links for tests",
    "MAMORI_SUBSCRIBER_KEY": "subscribers for tests",
    "MAMORI_SCREENING_DELAY_SECONDS": "0",
    "MAMORI_HOSTS": "testserver,127.0.0.1,localhost",
    "MAMORI_HTTPS": "no",
    "MAMORI_SMTP_STARTTLS": "no",
    "MAMORI_STATIC_ROOT": str(_folder / "static"),
}.items():
    os.environ.setdefault(name, value)


def pytest_unconfigure() -> None:
    if _postgres is not None:
        _postgres.destroy()
    shutil.rmtree(_folder, ignore_errors=True)
