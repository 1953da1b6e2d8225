"""The faces that look at no picture load nothing that decodes or compares pictures: they start sooner and give less to
break into."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import django
django.setup()
from importlib import import_module
assert import_module("mamori.site.urls_" + sys.argv[1]).urlpatterns
print(*sorted({"numba", "pi_heif", "simplejpeg", "av"} & set(sys.modules)))
"""


@pytest.mark.parametrize("face", ["public", "staff"])
def test_a_face_loads_no_decoder(face: str) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mamori.site.settings",
        "MAMORI_FACE": face,
        "MAMORI_SECRET_KEY": "unused",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1/none",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, face], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


LOGS = """
import sys
import django
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.log import log_response
django.setup()
for status in (401, 404, 429, 500):
    log_response("%s", status, response=HttpResponse(status=status), request=RequestFactory().get("/api/v1/list/root"))
"""


@pytest.mark.parametrize(("face", "told"), [("public", []), ("partner", ["401", "429", "500"])])
def test_what_a_face_refuses_is_told_but_for_what_is_not_there(face: str, told: list[str]) -> None:
    """The public face tells nothing of its visitors. A partner's machine asks for the next root each minute."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mamori.site.settings",
        "MAMORI_FACE": face,
        "MAMORI_SECRET_KEY": "unused",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1/none",
    }
    done = subprocess.run([sys.executable, "-c", LOGS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[-1] for line in done.stderr.splitlines()] == told
