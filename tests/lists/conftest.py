import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from demo.knot import DEPLOY
from demo.knot import Knot as Server
from demo.processes import free_ports, private_folder
from mamori.engine.keys import create_signing_key
from mamori.engine.transparency.note import NoteKey
from mamori.ground import clock
from mamori.ground.accounts.models import User
from mamori.ground.audit.services import Sealer, signer
from mamori.lists.distribution import services
from mamori.lists.distribution.keys import init_keys
from mamori.lists.distribution.services.primary import NOTIFIER
from mamori.lists.listing.models import Entry
from mamori.tools.witness import Witness, WitnessServer, set_up
from tests.lists.cases import Body, listable, make_body, vouch


@pytest.fixture
def body(person: Callable[..., User]) -> Body:
    return make_body(person)


@pytest.fixture
def press(tmp_path: Path, settings, body: Body) -> SimpleNamespace:
    """Keys and folder of a publisher without DNS. The root vouches for the list body's keys."""
    settings.EDITION_KEY_DIR = tmp_path / "keys"
    settings.EDITION_DIR = tmp_path / "editions"
    settings.EDITION_DIR.mkdir()
    root = init_keys(settings.EDITION_KEY_DIR, now=clock.now())
    vouch(settings.EDITION_KEY_DIR, body)
    return SimpleNamespace(root=root.read_bytes(), folder=settings.EDITION_DIR, keys=settings.EDITION_KEY_DIR)


@pytest.fixture(autouse=True)
def nobody_waits_for_acknowledgements() -> Iterator[None]:
    """What a test's subscribers did not acknowledge is not told again, nor logged, in the next one."""
    yield
    with NOTIFIER._lock:
        NOTIFIER._open.clear()


@pytest.fixture(scope="module")
def server(world_folder: Path, request) -> Iterator[Server]:
    """A primary of the shipped configuration, at 127.0.0.1 and ::1."""
    port, name = free_ports(1), request.module.__name__
    listen = {"LISTEN": f"[127.0.0.1@{port}, ::1@{port}]"}
    found = Server("primary", private_folder(world_folder, name), port, DEPLOY / "knot" / "primary.conf", listen)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def witness(settings, tmp_path):
    """A real witness over HTTP, and the log's key. `seal()`: the log is sealed and cosigned."""
    settings.LOG_KEY_FILE = tmp_path / "log.pem"
    create_signing_key(settings.LOG_KEY_FILE)
    signer.cache_clear()
    key = set_up(tmp_path / "witness", "witness.example/w1", [signer().key.vkey])
    held = Witness(tmp_path / "witness", lambda: 5000)
    server = WitnessServer(("127.0.0.1", 0), held)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.WITNESS_URL, settings.WITNESS_KEY = f"http://127.0.0.1:{server.server_port}", key.vkey

    def seal() -> None:
        sealer = Sealer.resume()
        sealer.seal()
        sealer.checkpoint()

    options = ["--log-key", signer().key.vkey, "--witness-key", key.vkey]
    yield SimpleNamespace(seal=seal, options=options, log=signer().key, key=NoteKey.parse(key.vkey))
    server.shutdown()
    server.server_close()
    thread.join()
    held.close()
    signer.cache_clear()


@pytest.fixture
def lists(press, body, person) -> Callable[[str], Entry]:
    """List a name, and publish."""

    def make(name: str) -> Entry:
        entry = body.list(listable(f"https://{name}/1", person))
        services.edition_publish()
        return entry

    return make
