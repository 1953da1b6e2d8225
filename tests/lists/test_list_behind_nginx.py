"""The shipped nginx before a real partner face: it sends files of the list to who has a token, and nobody else."""

import hashlib
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from typer.testing import CliRunner

from demo.processes import free_ports, wait_until
from mamori.lists.distribution import services
from mamori.lists.distribution.states import Delivery
from mamori.tools.cli import app
from tests.lists.cases import listable
from tests.lists.exchange.conftest import Processes, processes
from tests.programs import needs, program

__all__ = ["processes"]
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name of the fixture `processes` asks for."""
    return tmp_path / "images"


@contextmanager
def proxy(base: Path, editions: Path, target: str, face: str = "http://127.0.0.1:8002") -> Iterator[str]:
    """nginx with the shipped server of a face, the partner one, on a loopback port and without TLS."""
    port = free_ports(1)
    head, *servers = (DEPLOY / "nginx" / "mamori.conf").read_text().split("\nserver {")
    (server,) = [each for each in servers if face in each]
    server = re.sub(r"\n *(listen|ssl_\w+|allow|deny) .*", "", server)
    text = f"{head}\nserver {{\nlisten 127.0.0.1:{port};\n{server}".replace(face, target)
    text = text.replace("/var/lib/mamori/editions", str(editions)).replace(
        "/var/log/nginx/error.log", f"{base}/error.log"
    )
    temporary = "".join(
        f"{kind}_temp_path {base}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (base / "nginx.conf").write_text(
        f"{user}daemon off; pid {base}/pid;\nevents {{}}\nhttp {{ {temporary}\n{text}\n}}\n"
    )
    started = subprocess.Popen([program("nginx"), "-e", str(base / "start.log"), "-c", str(base / "nginx.conf")])
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: asked(f"{address}/api/v1/list/formats")[0] in {401, 404}, 20, "nginx did not start")
        yield address
    finally:
        started.terminate()
        started.wait(20)


def asked(url: str, **headers: str) -> tuple[int, Any, bytes]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
    except OSError:
        return 0, {}, b""


@pytest.mark.django_db(transaction=True)
@needs("nginx")
def test_nginx_sends_what_the_partner_face_names(
    press: Any, body: Any, person: Any, run_jobs: Any, tmp_path: Path, processes: Processes
) -> None:
    with connection.cursor() as cursor:  # jobs of other tests that commit: Django does not empty Procrastinate's tables
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
    row, token = services.subscriber_add(actor=body.approver.actor, organisation="A Provider", delivery=Delivery.URL)
    (tmp_path / "root.json").write_bytes(press.root)

    def pull(address: str) -> tuple[int, str]:
        arguments = [
            "list",
            "pull",
            address,
            str(tmp_path),
            "--format",
            "rpz.zone",
            "--canary",
            "canary.mamori.example",
        ]
        done = CliRunner().invoke(app, [*arguments, "--root", str(tmp_path / "root.json")], env={"MAMORI_TOKEN": token})
        return done.exit_code, " ".join(done.output.split())

    for number in range(5):
        body.list(listable(f"https://bad{number}.example/1", person))
    run_jobs()
    with processes.partner(
        MAMORI_EDITION_DIR=str(press.folder), MAMORI_LIST_ACCEL="/_list"
    ) as target, proxy(tmp_path, press.folder, target) as address:  # fmt: skip
        code, said = pull(address)
        assert (code, "5 names" in said) == (0, True), said
        assert "*.bad4.example.nx.list. 60 IN CNAME ." in (tmp_path / "rpz.zone").read_text()

        key = {"Authorization": f"Bearer {token}"}
        place = f"{address}/api/v1/list/formats/names.csv"
        status, headers, whole = asked(place, **key)
        assert (status, b"bad4.example" in whole, headers["Cache-Control"]) == (200, True, "private, no-cache")
        assert headers["Mamori-Edition"].isdecimal()
        assert headers["Content-Type"] == "text/csv; charset=utf-8"
        assert asked(place, If_None_Match=headers["ETag"], **key)[0] == 304
        assert asked(place, Range="bytes=10-19", **key)[::2] == (206, whole[10:20])
        digest = headers["ETag"].strip('"')
        assert digest == hashlib.sha256(whole).hexdigest()
        status, headers, data = asked(f"{address}/api/v1/list/objects/{digest}", **key)
        assert (status, data, "immutable" in headers["Cache-Control"]) == (200, whole, True)
        assert asked(f"{address}/api/v1/list/objects/{digest}")[0] == 401
        assert asked(f"{address}/_list/formats/objects/{digest}", **key)[0] == 404, "only Mamori leads there"
        assert asked(f"{address}/api/v1/list/objects/{'0' * 64}", **key)[0] == 404

        services.subscriber_revoke(actor=body.approver.actor, subscriber_id=row.id)
        assert asked(place, **key)[0] == 401
        code, said = pull(address)
        assert (code, "refuses the token" in said) == (2, True), said
