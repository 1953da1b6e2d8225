"""What `pip install mamori` gives: the wheel, its command `mamori`, and nothing of the platform beside it."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from mamori.tools.scan.purpose import DataClass
from tests.platform import ROOT
from tests.tools.scan.drawn import bank_file, folder_of, lines, md5

PLATFORM = (
    "altcha",
    "allauth",
    "csp",
    "django",
    "granian",
    "ninja",
    "procrastinate",
    "psycopg",
    "whitenoise",
    "mamori",
)


def ran(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(each) for each in command],
        env={"PATH": os.defpath, "HOME": os.environ.get("HOME", "/"), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel made of this tree, and of its dependencies all but the platform's."""
    place = tmp_path_factory.mktemp("wheel")
    ran(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place)
    (wheel,) = place.glob("mamori-*.whl")
    ran(sys.executable, "-m", "venv", "--without-pip", place / "venv")
    python = place / "venv" / "bin" / "python"
    ran(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    beside = place / "beside"
    beside.mkdir()
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if not each.name.lower().startswith(PLATFORM) and each.suffix != ".pth" and "editable" not in each.name:
            (beside / each.name).symlink_to(each)
    packages = ran(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(packages) / "beside.pth").write_text(f"{beside}\n")
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    assert not [name for name in names if name.startswith(("tests/", "demo/", "benchmarks/"))]
    return place / "venv" / "bin"


def test_the_installed_command_is_there_without_django_and_scans(installed: Path, tmp_path: Path) -> None:
    absent = (
        "import importlib.util as u, mamori.site.cli as c; print(u.find_spec('django'), c.main.__module__, c.__file__)"
    )
    told = ran(installed / "python", "-c", absent)
    assert told.startswith("None mamori.site.cli ")
    assert str(installed.parent) in told, "not the one of this tree"
    commands = ran(installed / "mamori", "--help", COLUMNS="100", NO_COLOR="1")
    assert "scan" in commands
    assert "worker" not in commands, "a command of the platform"
    made = folder_of(tmp_path / "files", 3)
    bank, out = bank_file(tmp_path / "bank.txt", md5(made["0001.jpg"])), tmp_path / "matches.jsonl"
    stated = ["--data-class", DataClass.STORED, "--purpose", "a test", "--workers", "1", "--summary", "-"]
    summary = json.loads(ran(installed / "mamori", "scan", tmp_path / "files", "--bank", bank, "--out", out, *stated))
    assert (summary["examined"], summary["same"]) == (3, 1)
    assert [line["match"] for line in lines(out)] == ["same"]
