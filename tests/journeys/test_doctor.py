"""`mamori doctor` on a running platform, and what it says when something is missing or unsafe."""

import shutil
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from demo.platform import Platform
from demo.processes import wait_until
from mamori.site.doctor import _archive
from tests.platform import doctor, line, rows


def test_the_running_platform_has_nothing_bad(platform: Platform) -> None:
    wait_until(lambda: bool(rows(platform, "SELECT 1 FROM audit_checkpoint WHERE witnessed")), 60, "no checkpoint")
    code, said = doctor(platform)
    assert "BAD" not in said, said
    assert code == 0
    assert "holds a checkpoint" in line(said, "witness")
    assert "up to date" in line(said, "tables")
    assert "4 of 4" in line(said, "database roles")


def test_a_process_that_holds_anothers_key_or_lacks_its_own_is_bad(platform: Platform) -> None:
    as_worker = {**platform.environment("worker"), "MAMORI_RECEIPT_PEPPER": "", "MAMORI_POW_KEY": ""}
    said = doctor(platform, **as_worker)[1]
    assert "MAMORI_POW_KEY" not in said
    held = platform.environment("manage")["MAMORI_POW_KEY"]
    code, said = doctor(platform, **{**as_worker, "MAMORI_TOKEN_PEPPER": "", "MAMORI_RECEIPT_PEPPER": held})
    assert code == 1
    assert "BAD" in line(said, "MAMORI_TOKEN_PEPPER")
    assert "give it to public and staff only" in line(said, "MAMORI_RECEIPT_PEPPER")


class _LongerLog(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"mamori.example/log\n999999\nAAAA\n")

    def log_message(self, *_said: object) -> None:
        pass


def test_a_log_that_is_shorter_than_the_witness_knows_is_bad(platform: Platform) -> None:
    with HTTPServer(("127.0.0.1", 0), _LongerLog) as witness:
        Thread(target=witness.handle_request, daemon=True).start()
        code, said = doctor(platform, MAMORI_WITNESS_URL=f"http://127.0.0.1:{witness.server_port}")
    assert code == 1
    assert "BAD" in line(said, "holds 999999 events")


def test_a_policy_by_which_nobody_is_paged_is_bad(platform: Platform) -> None:
    assert "named" in line(doctor(platform)[1], "police duty officer")
    newest = "WHERE version = (SELECT max(version) FROM referral_policy)"
    ((mail,),) = rows(platform, f"SELECT duty_mail FROM referral_policy {newest}")
    rows(platform, f"UPDATE referral_policy SET duty_mail = '' {newest}")
    try:
        code, said = doctor(platform)
    finally:
        rows(platform, f"UPDATE referral_policy SET duty_mail = %s {newest}", mail)
    assert code == 1
    assert "BAD" in line(said, "police duty officer")
    assert "Police > Policy" in line(said, "police duty officer")


def test_a_missing_witness_is_bad_and_the_remedy_named(platform: Platform) -> None:
    code, said = doctor(platform, MAMORI_WITNESS_URL="", MAMORI_WITNESS_KEY="")
    assert code == 1
    assert "BAD" in line(said, "witness")
    assert "mamori witness serve" in line(said, "witness")


def test_without_a_ranking_of_popular_names_it_says_so(platform: Platform, tmp_path: Path) -> None:
    said = doctor(platform, MAMORI_POPULAR_NAMES="")[1]
    assert "note" in line(said, "popular names")
    assert "MAMORI_POPULAR_NAMES_FILE" in line(said, "popular names")
    ranking = tmp_path / "ranking.csv"
    ranking.write_text("1,one.example\n2,two.example\n")
    assert "2 of your own" in line(doctor(platform, MAMORI_POPULAR_NAMES_FILE=str(ranking))[1], "popular names")


def test_rings_in_which_nobody_sees_harm_are_bad(platform: Platform) -> None:
    off = line(doctor(platform)[1], "rings of the list")
    assert "note" in off and "MAMORI_RING_SECONDS" in off
    code, said = doctor(platform, MAMORI_RING_SECONDS="600,1800")
    assert code == 1
    assert "BAD" in line(said, "rings of the list")
    assert "nobody sees harm before others" in line(said, "rings of the list")
    code, said = doctor(platform, MAMORI_RING_SECONDS="600")
    assert code == 2
    assert "two numbers of seconds" in said


def test_announcements_can_be_sent_from_addresses_of_this_machine_alone(platform: Platform) -> None:
    assert "announcements" not in doctor(platform, MAMORI_NOTIFY_FROM="127.0.0.1, ::1")[1]
    code, said = doctor(platform, MAMORI_NOTIFY_FROM="192.0.2.1")
    assert code == 1
    assert "BAD" in line(said, "announcements")
    assert "192.0.2.1" in line(said, "announcements")
    for wrong, why in (("primary.example", "such as 192.0.2.53"), ("192.0.2.1,192.0.2.2", "one address of IPv4")):
        code, said = doctor(platform, MAMORI_NOTIFY_FROM=wrong)
        assert code == 2
        assert why in said


def test_a_witness_that_does_not_answer_is_bad(platform: Platform) -> None:
    code, said = doctor(platform, MAMORI_WITNESS_URL="http://127.0.0.1:1")
    assert code == 1
    assert "BAD" in line(said, "witness")
    assert "MAMORI_WITNESS_URL" in line(said, "witness")


def test_a_key_others_can_read_and_a_key_that_is_gone_are_bad(platform: Platform, tmp_path: Path) -> None:
    loose = tmp_path / "loose.pem"
    loose.write_bytes(Path(platform.environment("manage")["MAMORI_LOG_KEY"]).read_bytes())
    loose.chmod(0o644)
    gone = tmp_path / "gone.pem"
    code, said = doctor(platform, MAMORI_RECEIPT_KEY=str(loose), MAMORI_EVIDENCE_KEY=str(gone))
    assert code == 1
    assert "BAD" in line(said, f"chmod 600 {loose}")
    assert "BAD" in line(said, f"mamori keys new {gone}")


def test_a_face_that_holds_the_key_to_reports_is_bad(platform: Platform) -> None:
    code, said = doctor(platform, MAMORI_FACE="public")
    assert code == 1
    assert "give it to staff only" in line(said, "MAMORI_SEAL_PRIVATE_KEY")


def test_whose_keys_count_for_the_list_is_said_and_a_list_the_root_did_not_sign_is_bad(
    platform: Platform, tmp_path: Path
) -> None:
    code, said = doctor(platform)
    assert code == 0
    assert "2 persons vouched for, 1 of them approvers" in line(said, "list members")
    assert "note" in line(said, "edition root")
    folder = tmp_path / "edition"
    shutil.copytree(platform.environment("manage")["MAMORI_EDITION_KEYS"], folder)
    members = folder / "members.json"
    members.write_text(members.read_text().replace("reviewer", "approver"))
    code, said = doctor(platform, MAMORI_EDITION_KEYS=str(folder))
    assert code == 1
    assert "BAD" in line(said, "not signed by the root keys")
    members.unlink()
    code, said = doctor(platform, MAMORI_EDITION_KEYS=str(folder))
    assert code == 1
    assert "mamori list members add" in line(said, "nothing new can be listed")
    assert "confirmed on List > Keys but not vouched for" in said
    (folder / "rule.pem").unlink()
    code, said = doctor(platform, MAMORI_EDITION_KEYS=str(folder))
    assert code == 1
    assert "mamori keys edition" in line(said, "edition keys")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log_statement", "all"),
        ("log_min_duration_statement", "0"),
        ("log_min_error_statement", "error"),
        ("log_error_verbosity", "default"),
    ],
)
def test_a_database_whose_log_quotes_what_was_stored_is_bad(platform: Platform, name: str, value: str) -> None:
    ((database,),) = rows(platform, "SELECT current_database()")
    rows(platform, f"ALTER DATABASE {database} SET {name} = '{value}'")
    try:
        code, said = doctor(platform)
    finally:
        rows(platform, f"ALTER DATABASE {database} RESET {name}")
    assert code == 1
    assert "BAD" in line(said, f"PostgreSQL {name} ")


def test_a_database_that_does_not_answer_is_bad(platform: Platform) -> None:
    code, said = doctor(platform, DATABASE_URL="postgresql://mamori:x@127.0.0.1:1/mamori")
    assert code == 1
    assert "check DATABASE_URL" in said


def test_a_database_without_tables_and_roles_is_bad(platform: Platform) -> None:
    code, said = doctor(platform, DATABASE_URL=platform.postgres.owner_dsn(db="mamori_empty"))
    assert code == 1
    assert "mamori database init" in line(said, "database roles")
    assert "mamori database init" in line(said, "tables")


@pytest.mark.parametrize(
    ("told", "level"),
    [
        (("off", "(disabled)", "", 0, None), "note"),
        (("on", "", "", 0, None), "bad"),
        (("on", "cp %p /backup/%f", "", 3, True), "bad"),
        (("on", "cp %p /backup/%f", "", 3, False), "good"),
        (("on", "", "basic_archive", 0, None), "good"),
    ],
)
def test_a_log_that_nothing_archives_is_bad(told: tuple[str, str, str, int, bool | None], level: str) -> None:
    assert _archive(*told).level == level
