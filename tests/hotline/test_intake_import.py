"""Reports from a CSV file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation import override
from typer import Typer
from typer.testing import CliRunner

from mamori.ground import jobs
from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import PUBLIC, SYSTEM
from mamori.ground.errors import DomainError, Forbidden
from mamori.hotline.intake import services
from mamori.hotline.intake.commands import import_reports
from mamori.hotline.intake.models import Report, Submission

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


HEAD = "url,seen_at,comment\n"


def write(folder: Path, text: str | bytes, name: str = "reports.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def run(path: Path) -> services.ImportResult:
    return services.reports_import(actor=SYSTEM, path=path)


def test_good_lines_are_kept_and_bad_ones_named(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEAD.encode()
        + b"https://site.example/a,2026-11-20,first\n"
        + b'site.example/b,2026-11-20T23:30:00+09:00,"two\nlines"\n'
        + b"ftp://site.example,,\n"
        + b"\n"
        + b"https://site.example/c,soon,\n"
        + b"https://site.example/d\n"
        + b"https://site.example/e,,\xff\xfe\n"
        + b"https://site.example/f,2026-02-30,\n"
        + "https://site.example/g,,日本語\n".encode(),
    )
    result = run(path)
    assert result.kept == 3
    assert [line for line, _reason in result.refused] == [5, 7, 8, 9, 10]
    reasons = [reason for _line, reason in result.refused]
    assert "http" in reasons[0]
    assert "UTF-8" in reasons[3]
    assert {(r.url, str(r.seen_on)) for r in Report.objects.all()} == {
        ("https://site.example/a", "2026-11-20"),
        ("https://site.example/b", "2026-11-20"),
        ("https://site.example/g", "None"),
    }
    jobs.run_sweep("intake.screen_new")
    assert set(Report.objects.values_list("state", flat=True)) == {"screened"}


def test_running_it_twice_adds_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "https://site.example/a,,x\nhttps://site.example/a,,y\nhttps://site.example/a,,x\n")
    first, second = run(path), run(path)
    assert (first.kept, first.duplicates) == (2, 1)
    assert (second.kept, second.duplicates) == (0, 3)
    assert Report.objects.count() == 2


def test_the_same_row_of_another_organisation_is_another_report(tmp_path: Path) -> None:
    organisation = Organisation.objects.create(name="A partner", kind="hotline")
    path = write(tmp_path, HEAD + "https://site.example/a,,x\n")
    run(path)
    services.reports_import(actor=SYSTEM, path=path, organisation_id=organisation.id)
    assert Report.objects.count() == 2


def test_a_byte_order_mark_and_other_columns_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffid,Comment,URL,seen_at\r\n7,words,https://site.example/a,\r\n".encode())
    assert run(path).kept == 1
    assert Submission.objects.get().sealed_text is not None


@pytest.mark.parametrize("text", ["", "https://site.example/a,,x\n", "url,comment\n", "\x00\x01"])
def test_without_its_header_a_file_is_refused_clearly(tmp_path: Path, text: str) -> None:
    with pytest.raises(DomainError, match="url,seen_at,comment"):
        run(write(tmp_path, text))
    with pytest.raises(DomainError, match="cannot be read"):
        run(tmp_path / "none.csv")
    with pytest.raises(Forbidden):
        services.reports_import(actor=PUBLIC, path=tmp_path / "none.csv")


def test_the_command_tells_what_it_did(tmp_path: Path) -> None:
    app = Typer()
    app.command()(import_reports)
    path = write(tmp_path, HEAD + "https://site.example/a,,x\nnonsense,,\n")
    done = CliRunner().invoke(app, [str(path)])
    assert done.exit_code == 0, done.output
    assert "1 kept, 0 already there, 1 refused" in done.output
    assert "line 3:" in done.output
    failed = CliRunner().invoke(app, [str(write(tmp_path, "a,b\n", "bad.csv"))])
    assert failed.exit_code == 2
    assert "url,seen_at,comment" in failed.output


def test_importing_streams_and_tells_its_progress(tmp_path: Path) -> None:
    lines = "".join(f"https://site.example/{i},2026-11-20,a comment of some words\n" for i in range(5000))
    path = write(tmp_path, HEAD + lines)
    told: list[tuple[int, int]] = []
    result = services.reports_import(actor=SYSTEM, path=path, progress=lambda done, size: told.append((done, size)))
    assert result.kept == 5000
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert len(told) > 10
