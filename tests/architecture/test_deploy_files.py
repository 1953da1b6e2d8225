"""The files in deploy/: judged by nginx, systemd, hadolint and yamllint, and each process is given only the keys it needs."""

import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from demo.platform import Platform
from demo.processes import free_ports, wait_until
from mamori.engine.editions import compile_rpz
from mamori.lists.distribution.control import KnotError
from mamori.lists.distribution.knot import Access, Knot
from mamori.lists.distribution.roundtrip import PACKAGES
from mamori.site.holders import KEY_FILES, SECRETS
from tests.programs import needs, program

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("mamori-*.*"))
PROCESSES = ("public", "staff", "partner", "worker")
NO_SECRET = {"MAMORI_FACE", "XDG_CACHE_HOME"}
SETTINGS = (DEPLOY.parent / "src/mamori/site/settings.py").read_text()


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def held_in_the_demo(face: str) -> set[str]:
    """Names of the secrets a process of the running demo holds: tests show that these are enough."""
    platform = Platform.__new__(Platform)
    platform.keys = Path("/nonexistent")
    platform._key_file = lambda name: name  # type: ignore[method-assign]
    every = re.findall(r'"(MAMORI_[A-Z_]+(?:KEY|PEPPER))"', SETTINGS)
    return set(platform._held_by(face, dict.fromkeys(every, ""))) - {"MAMORI_EDITION_KEYS"}


def secrets_of(environment: dict[str, str]) -> set[str]:
    found = {name.removesuffix("_FILE") for name in environment if name.endswith(("_FILE", "_KEY"))}
    return found - {"DATABASE_URL", "MAMORI_SECRET_KEY", "MAMORI_SMTP_PASSWORD"}


def certificate_pair(certificate: Path, private: Path) -> None:
    """A self-signed certificate for hotline.example and its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hotline.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2040, 1, 1, tzinfo=UTC)
    )
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@needs("nginx")
def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    shipped = (DEPLOY / "nginx" / "mamori.conf").read_text()
    for number, (certificate, key) in enumerate(
        zip(
            re.findall(r"ssl_certificate (\S+);", shipped),
            re.findall(r"ssl_certificate_key (\S+);", shipped),
            strict=True,
        )
    ):
        pair = tmp_path / f"{number}.pem", tmp_path / f"{number}.key"
        certificate_pair(*pair)
        shipped = shipped.replace(certificate, str(pair[0])).replace(key, str(pair[1]))
    (tmp_path / "mamori.conf").write_text(shipped.replace("/var/log/nginx/error.log", str(tmp_path / "error.log")))
    main = tmp_path / "nginx.conf"
    # As Debian's nginx.conf: old protocols named in its http block would stay, were ours named there too.
    old = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;"
    main.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{ {old} include {tmp_path}/mamori.conf; }}\n")
    command = [program("nginx"), "-t", "-q", "-e", str(tmp_path / "start.log"), "-c", str(main)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stderr) == (0, "")
    main.write_text(main.read_text().replace("events {}", "events {} surprise on;"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_proxy_writes_no_client_address_and_tells_it_to_the_staff_face_only() -> None:
    shipped = (DEPLOY / "nginx" / "mamori.conf").read_text()
    assert re.findall(r"access_log (\S+);", shipped) == ["off"]
    assert 'proxy_set_header X-Forwarded-For "";' in shipped
    told = [server for server in shipped.split("\nserver {") if "$remote_addr" in server]
    assert len(told) == 1
    assert "127.0.0.1:8001" in told[0]
    assert "proxy_set_header Host $host;" in told[0]
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in told[0]
    assert re.findall(r"error_log \S+ (\w+);", shipped) == ["crit"]


@needs("systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """With a program that exists here; verify also refuses unknown settings."""
    for unit in (*UNITS, DEPLOY / "bind" / "relay.service"):
        text = re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", unit.read_text(), flags=re.MULTILINE)
        text = re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    command = [program("systemd-analyze"), "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (judged.returncode, _ours(judged.stderr, tmp_path)) == (0, [])
    broken = tmp_path / "mamori-public.service"
    broken.write_text(broken.read_text().replace("NoNewPrivileges=", "NoNewPrivilege="))
    assert _ours(subprocess.run(command, capture_output=True, text=True, check=False).stderr, tmp_path) != []


def _ours(lines: str, folder: Path) -> list[str]:
    """What is said of our units, not of the machine's own."""
    return [line for line in lines.splitlines() if str(folder) in line or "mamori-" in line]


def test_every_unit_is_hardened_and_holds_no_secret() -> None:
    services = [unit for unit in UNITS if unit.suffix == ".service"]
    assert {unit.stem.removeprefix("mamori-") for unit in services} == {
        *PROCESSES,
        "images",
        "witness",
        "verify",
        "list",
        "list-guard",
        "list-long-poll",
    }
    for unit in services:
        text = unit.read_text()
        for word in (
            "ProtectSystem=strict",
            "NoNewPrivileges=yes",
            "PrivateTmp=yes",
            "CapabilityBoundingSet=\n",
            "LimitCORE=0",
        ):
            assert word in text, (unit.name, word)
        assert re.search(r"^User=mamori-\w+$", text, re.MULTILINE)
        values = re.findall(r"^Environment=(\w+)=(.*)$", text, re.MULTILINE)
        assert all(value == "%d/" + value[3:] for name, value in values if name not in NO_SECRET), unit.name
        assert {value[3:] for name, value in values if name not in NO_SECRET} == set(
            re.findall(r"^LoadCredential=(\w+):", text, re.MULTILINE)
        )


@pytest.mark.parametrize("face", PROCESSES)
def test_a_process_is_given_the_keys_it_needs_and_no_other(face: str) -> None:
    needed = held_in_the_demo(face)
    unit = (DEPLOY / "systemd" / f"mamori-{face}.service").read_text()
    by_systemd = secrets_of(dict(re.findall(r"^Environment=(\w+)=(.*)$", unit, re.MULTILINE)))
    # Keys that are files of their own are named in /etc/mamori/<face>.env.
    files = {"MAMORI_RECEIPT_KEY", "MAMORI_EVIDENCE_KEY", "MAMORI_LOG_KEY"}
    assert by_systemd == needed - files
    service = compose()["services"][face]
    assert secrets_of(service["environment"]) == needed
    assert {Path(value).name for value in service["environment"].values() if value.startswith("/run/secrets/")} == set(
        service["secrets"]
    )


def test_the_guide_says_who_holds_which_key() -> None:
    paper = (DEPLOY.parent / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(\w+?)(?:\.pem)?` ((?:\| (?:yes)? *){4})\|", paper, re.MULTILINE)
    told = {
        name.upper(): tuple(face for face, cell in zip(PROCESSES, cells.split("|")[1:], strict=True) if "yes" in cell)
        for name, cells in rows
    }
    assert told.pop("SMTP_PASSWORD") == ("worker",)
    assert told == SECRETS | KEY_FILES


def test_the_key_that_opens_reports_is_on_the_staff_face_only() -> None:
    for face in PROCESSES:
        unit = (DEPLOY / "systemd" / f"mamori-{face}.service").read_text()
        assert ("seal_private_key" in unit) is (face == "staff")
        assert ("seal_private_key" in compose()["services"][face]["secrets"]) is (face == "staff")


def test_the_containerfile_pleases_its_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    judged = subprocess.run([hadolint, DEPLOY / "Containerfile"], capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stdout) == (0, "")


def test_the_compose_file_gives_no_process_more_than_it_needs() -> None:
    judged = subprocess.run(
        [sys.executable, "-m", "yamllint", "-s", "-d",
         "{extends: default, rules: {line-length: {max: 140}, document-start: disable}}", DEPLOY / "compose.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (judged.returncode, judged.stdout) == (0, "")
    found = compose()
    assert set(found["services"]) == {"database", *PROCESSES, "images", "primary"}
    for name, service in found["services"].items():
        assert not {"privileged", "cap_add", "devices", "pid", "network_mode"} & set(service), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert set(service["secrets"]) <= set(found["secrets"]), name
        if name != "database":
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert "no-new-privileges:true" in service["security_opt"]
    assert all(set(secret) == {"file"} for secret in found["secrets"].values())
    assert "outside" in found["services"]["worker"]["networks"]
    assert all(
        "outside" not in found["services"][face]["networks"] for face in ("public", "staff", "partner", "images")
    )
    written = {
        name: v for name, s in found["services"].items() for v in s.get("volumes", []) if v.startswith("images:")
    }
    assert written == {
        "partner": "images:/var/lib/mamori/images:ro",
        "worker": "images:/var/lib/mamori/images:ro",
        "images": "images:/var/lib/mamori/images",
    }
    # The follower of the index holds no key but its log-in.
    assert secrets_of(found["services"]["images"]["environment"]) == set()


def test_the_worker_of_the_compose_file_reaches_the_primary() -> None:
    """What it is told stands in volumes that both have, and it may not write into the primary's own."""
    services = compose()["services"]
    worker, primary = services["worker"], services["primary"]
    assert worker["environment"]["MAMORI_KNOT_SOCKET"] == primary["environment"]["KNOT_SOCKET"]
    assert "primary:/var/lib/mamori/primary:ro" in worker["volumes"]
    assert worker["environment"]["MAMORI_KNOT_LOG"] == f"{primary['environment']['KNOT_STORAGE']}/transfers.log"
    place = worker["environment"]["MAMORI_KNOT_ZONE_DIR"]
    assert f"handover:{place}" in worker["volumes"]
    assert f"handover:{place}:ro" in primary["volumes"], "a zone's file has the same path on both sides"
    assert primary["networks"] == ["subscribers"]
    assert (primary["env_file"], primary["secrets"]) == ([], [])
    image = (DEPLOY / "Containerfile").read_text()
    for volume in (place, primary["environment"]["KNOT_STORAGE"]):
        assert volume in image, "made with its owner in the image, so that a new volume belongs to him"


@needs("knotd", "knotc", "kdig")
def test_the_primary_of_the_compose_file_starts_and_keeps_what_the_worker_changed(tmp_path: Path) -> None:
    port, socket = free_ports(1), tmp_path / "knot.sock"
    told = {"KNOT_STORAGE": str(tmp_path), "KNOT_SOCKET": str(socket), "KNOT_LISTEN": f"127.0.0.1@{port}"}
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", **told}
    many = compile_rpz([f"n{number}.example" for number in range(300)], "nxdomain")
    for start in range(2):
        running = subprocess.Popen([DEPLOY / "knot" / "primary.sh"], env=environment, stderr=subprocess.DEVNULL)
        try:
            wait_until(socket.exists, 20, "no control socket")
            knot = Knot(str(socket))
            wait_until(lambda knot=knot: bool(_zones(knot)), 20, "knotd does not answer")  # type: ignore[misc]
            assert {"nx.list", "hot-nx.list", "stop.list", "hot-stop.list"} <= knot.zones()
            if start == 0:
                knot.sync("nx.list", many)
                knot.allow(Access("sub-1", "c2VjcmV0", ("nx.list",)))
            assert knot.read("nx.list") == many
            assert knot.accesses()["sub-1"] == {"nx.list"}
        finally:
            running.terminate()
            running.wait(30)
            socket.unlink(missing_ok=True)


def _zones(knot: Knot) -> frozenset[str]:
    with suppress(KnotError):
        return knot.zones()
    return frozenset()


def test_users_groups_and_folders_of_the_units_are_those_of_the_guide() -> None:
    paper = (DEPLOY.parent / "docs" / "operations.md").read_text()
    users = (DEPLOY / "systemd" / "mamori.sysusers").read_text()
    made: dict[str, tuple[str, str]] = {}
    for owner, group, folders in re.findall(r"install -d -o (\S+) -g (\S+) -m 2750 (.+)", paper):
        made |= dict.fromkeys(folders.split(), (owner, group))
    for unit in UNITS:
        text = unit.read_text()
        for user in re.findall(r"^User=(\S+)", text, re.MULTILINE):
            assert f"u {user} " in users, unit.name
            for folder in " ".join(re.findall(r"^ReadWritePaths=(.+)", text, re.MULTILINE)).split():
                assert made[folder][0] == user, (unit.name, folder)
    worker = (DEPLOY / "systemd" / "mamori-worker.service").read_text()
    (handover,) = re.findall(r"MAMORI_KNOT_ZONE_DIR=(\S+)", paper)
    assert handover in worker
    assert made[handover] == ("mamori-worker", "knot")
    assert "m mamori-worker knot" in users
    # By its whole path: systemd-sysusers looks for another one in its own folders, and goes on without.
    assert "systemd-sysusers /opt/mamori/deploy/systemd/mamori.sysusers" in paper
    assert "SupplementaryGroups=knot" in worker


def test_the_worker_may_run_the_judges_of_a_rebuilt_list() -> None:
    """Unbound ends where it may open no netlink socket; seen with the unit's filters, which cannot be set here."""
    unit = (DEPLOY / "systemd" / "mamori-worker.service").read_text()
    assert "AF_NETLINK" in re.findall(r"^RestrictAddressFamilies=(.+)$", unit, re.MULTILINE)[0].split()
    (room,) = (each for each in compose()["services"]["worker"]["tmpfs"] if each.startswith("/tmp:"))
    assert "size=1g" in room
    image = (DEPLOY / "Containerfile").read_text()
    assert {package for package in PACKAGES.values() if f" {package} " not in image} == set()


@needs("systemd-sysusers")
def test_systemd_takes_the_users() -> None:
    command = [program("systemd-sysusers"), "--dry-run", str(DEPLOY / "systemd" / "mamori.sysusers")]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr
    assert "mamori-worker" in judged.stdout + judged.stderr


def test_shipped_settings_are_settings() -> None:
    known = set(re.findall(r'"((?:MAMORI_\w+|DATABASE_URL))"', SETTINGS))
    names = set(re.findall(r"^(\w+)=", (DEPLOY / "mamori.env").read_text(), re.MULTILINE))
    for service in compose()["services"].values():
        names |= {n.removesuffix("_FILE") for n in service["environment"] if not n.startswith(("POSTGRES", "KNOT_"))}
    assert names - known == set()


def test_a_shell_reads_the_shipped_settings_as_systemd_does() -> None:
    """The operator's shell, the bounce pipe and `as-worker` source the file that systemd reads."""
    file = DEPLOY / "mamori.env"
    command = ["sh", "-euc", 'set -a; . "$1"; exec env', "sh", str(file)]
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = dict(line.split("=", 1) for line in done.stdout.splitlines())
    meant = re.findall(r"^(MAMORI_\w+)=(.*)$", file.read_text(), re.MULTILINE)
    assert {name: told[name] for name, _ in meant} == {name: value.strip('"') for name, value in meant}
    assert f"MAMORI_STATIC_ROOT={told['MAMORI_STATIC_ROOT']} " in (DEPLOY / "Containerfile").read_text()


def test_a_command_as_the_worker_is_given_what_its_unit_names(tmp_path: Path) -> None:
    unit = DEPLOY / "systemd" / "mamori-worker.service"
    named = dict(re.findall(r"^Environment=(\w+)_FILE=%d/(\w+)$", unit.read_text(), re.MULTILINE))
    assert "MAMORI_SUBSCRIBER_KEY" in named
    for secret in named.values():
        (tmp_path / secret).write_text(f"a 'b' $c {secret}\n")
    (tmp_path / "worker.env").write_text("MAMORI_KNOT_SOCKET=/run/knot/mamori.sock\n")
    changed = tmp_path / "setpriv"  # this user cannot become another one
    changed.write_text('#!/bin/sh\necho "$@"; exec env\n')
    changed.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "MAMORI_ENV": str(DEPLOY / "mamori.env"),
        "MAMORI_WORKER_ENV": str(tmp_path / "worker.env"),
        "MAMORI_UNIT": str(unit),
        "MAMORI_SECRETS": str(tmp_path),
        "DATABASE_URL": "the owner's, of root's shell",
    }

    def run(**changed: str) -> subprocess.CompletedProcess[str]:
        command = [DEPLOY / "as-worker", "list", "rebuild"]
        return subprocess.run(command, env=environment | changed, capture_output=True, text=True, check=False)

    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    words, *lines = done.stdout.splitlines()
    assert words.endswith("/opt/mamori/.venv/bin/mamori list rebuild")
    assert "--reuid=mamori-worker --regid=mamori-worker --init-groups --no-new-privs" in words
    told = dict(line.split("=", 1) for line in lines)
    assert {name: told[name] for name in named} == {name: f"a 'b' $c {secret}" for name, secret in named.items()}
    assert (told["MAMORI_FACE"], told["MAMORI_KNOT_SOCKET"]) == ("worker", "/run/knot/mamori.sock")
    assert not {"value", "pair", "pairs"} & told.keys(), "no secret stands there twice"
    for empty in (tmp_path / "none", tmp_path / "worker.env"):
        without = run(MAMORI_UNIT=str(empty))
        assert without.returncode != 0, "nothing runs with what root's shell happens to hold"
        assert without.stdout == ""


def _bounce(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    fake = folder / "mamori"
    fake.write_text(f"#!/bin/sh\n{program}\n")
    fake.chmod(0o755)
    (folder / "a.env").write_text("MAMORI_A=one\n")
    return subprocess.run(
        [DEPLOY / "postfix" / "mamori-bounce"],
        env={
            "PATH": "/usr/bin:/bin",
            "MAMORI_ENV": str(folder / "a.env"),
            "MAMORI_BOUNCE_ENV": str(folder / "b.env"),
            "MAMORI_PROGRAM": str(fake),
        },
        input="a mail\n",
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_bounce_pipe_hands_standard_input_to_mamori(tmp_path: Path) -> None:
    (tmp_path / "b.env").write_text("DATABASE_URL=two\n")
    done = _bounce(tmp_path, 'echo "$@" "$MAMORI_A" "$DATABASE_URL"; cat')
    assert (done.returncode, done.stdout) == (0, "letters bounce one two\na mail\n")


def test_a_bounce_that_mamori_cannot_take_now_is_kept_by_postfix(tmp_path: Path) -> None:
    """Postfix tries again on 75 alone (EX_TEMPFAIL): any other code loses the bounce, and the letter counts as handed over."""
    assert _bounce(tmp_path, "exit 0").returncode == 75  # its settings are not there
    (tmp_path / "b.env").write_text("DATABASE_URL=two\n")
    assert _bounce(tmp_path, "exit 1").returncode == 75
