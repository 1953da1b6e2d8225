"""Mamori itself in the demo: its secrets, database roles, processes. All real, all on loopback, all in one folder."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from nacl.public import PrivateKey

from demo.people import LIST_BODY
from demo.postgres import Postgres
from demo.processes import Program, WorldError, port_is_free, wait_until
from mamori.site.holders import KEY_FILES, SECRETS

PYTHON = sys.executable
FACES = ("public", "staff", "partner")
ROLES = (*FACES, "worker")
WORKERS = {"public": "1", "staff": "2", "partner": "1"}
ORIGIN = "mamori.example/log"


@dataclass
class Ports:
    """Where the demo listens, all on 127.0.0.1."""

    public: int = 8000
    staff: int = 8001
    partner: int = 8002
    witness: int = 8003

    def taken(self) -> list[int]:
        return [port for port in (self.public, self.staff, self.partner, self.witness) if not port_is_free(port)]


@dataclass
class Platform:
    """`base`: folder of the demo. `world`: what the world tells Mamori of itself (environment variables)."""

    base: Path
    postgres: Postgres
    world: Mapping[str, str]
    ports: Ports = field(default_factory=Ports)
    sweep_seconds: int = 1

    def __post_init__(self) -> None:
        self.keys = self.base / "keys"
        self.keys.mkdir(parents=True, exist_ok=True)
        self.clock_file = self.base / "clock"
        self._moves: list[tuple[float, float, float]] = []  # of the demo clock: when, ahead before and after
        self.programs: list[Program] = []

    # --- secrets ----------------------------------------------------------------------------------------------

    def _secrets(self) -> dict[str, str]:
        """Made once, kept in a file of mode 0600."""
        path = self.base / "secrets.json"
        if not path.exists():
            seal = PrivateKey.generate()
            made = {
                "MAMORI_SECRET_KEY": secrets.token_urlsafe(64),
                "MAMORI_SEAL_PUBLIC_KEY": base64.b64encode(bytes(seal.public_key)).decode(),
                "MAMORI_SEAL_PRIVATE_KEY": base64.b64encode(bytes(seal)).decode(),
                "MAMORI_RECEIPT_PEPPER": secrets.token_hex(32),
                "MAMORI_TOKEN_PEPPER": secrets.token_hex(32),
                "MAMORI_POW_KEY": secrets.token_hex(32),
                "MAMORI_HOSTER_KEY": secrets.token_hex(32),
                "MAMORI_SUBSCRIBER_KEY": secrets.token_hex(32),
                **{f"MAMORI_PASSWORD_{role.upper()}": secrets.token_hex(16) for role in ROLES},
            }
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(made, file)
        kept: dict[str, str] = json.loads(path.read_text())
        return kept

    def _key_file(self, name: str) -> str:
        path = self.keys / f"{name}.pem"
        if not path.exists():
            self._mamori("keys", "new", str(path), env=dict(os.environ))
        return str(path)

    def environment(self, face: str) -> dict[str, str]:
        """The environment of one process: only the secrets its part needs."""
        held = self._secrets()
        owner = self.postgres.owner_dsn()
        url = owner
        if face in ROLES:
            name = owner.rpartition("/")[2].partition("?")[0]
            url = self.postgres.dsn(f"{name}_{face}", held[f"MAMORI_PASSWORD_{face.upper()}"], name)
        common = {
            **{k: v for k, v in os.environ.items() if not k.startswith("MAMORI_")},
            "DATABASE_URL": url,
            "MAMORI_DEMO": "yes",
            "MAMORI_DEMO_CLOCK_FILE": str(self.clock_file),
            "MAMORI_SWEEP_SECONDS": str(self.sweep_seconds),
            "MAMORI_SECRET_KEY": held["MAMORI_SECRET_KEY"],
            "MAMORI_STATIC_ROOT": str(self.base / "static"),
            "MAMORI_LIST_BODY": LIST_BODY,
            "MAMORI_PUBLIC_URL": f"http://127.0.0.1:{self.ports.public}",
            "MAMORI_STAFF_URL": f"http://127.0.0.1:{self.ports.staff}",
            "MAMORI_PARTNER_URL": f"http://127.0.0.1:{self.ports.partner}",
            "MAMORI_HOSTS": f"127.0.0.1,localhost,{self.world.get('MAMORI_STOP_PAGE_HOST', '')}".rstrip(","),
            "MAMORI_LOG_ORIGIN": ORIGIN,
            "MAMORI_EDITION_DIR": str(self.base / "editions"),
            "MAMORI_IMAGE_INDEX": str(self.base / "images"),
            "MAMORI_QUEUE_SECONDS": "1",
            "MAMORI_SCREENING_DELAY_SECONDS": "0.5",
            "MAMORI_FACE": face,
            **self.world,
        }
        if self.witness_key:
            common |= {
                "MAMORI_WITNESS_URL": f"http://127.0.0.1:{self.ports.witness}",
                "MAMORI_WITNESS_KEY": self.witness_key,
            }
        return common | self._held_by(face, held)

    def _held_by(self, face: str, held: Mapping[str, str]) -> dict[str, str]:
        def its(holders: Mapping[str, tuple[str, ...]]) -> list[str]:
            return [name for name, faces in holders.items() if face in faces or face not in ROLES]

        names = {f"MAMORI_{name}" for name in its(SECRETS)}
        found = {name: value for name, value in held.items() if name in names or face not in ROLES}
        found |= {f"MAMORI_{name}": self._key_file(name.lower()) for name in its(KEY_FILES)}
        if face in {"worker", "manage"}:
            found["MAMORI_EDITION_KEYS"] = str(self.keys / "edition")
        return found

    # --- the witness: another organisation's process, with its own key and storage -----------------------------------

    @property
    def witness_folder(self) -> Path:
        return self.base / "witness"

    @property
    def witness_key(self) -> str:
        path = self.base / "witness.vkey"
        return path.read_text().strip() if path.exists() else ""

    def _prepare_witness(self) -> None:
        if self.witness_key:
            return
        from mamori.engine.keys import load_signing_key
        from mamori.engine.transparency.note import NoteSigner
        from mamori.tools.witness import set_up

        log = NoteSigner(ORIGIN, load_signing_key(Path(self._key_file("log_key")))).key
        key = set_up(self.witness_folder, "witness.example", [log.vkey])
        (self.base / "witness.vkey").write_text(key.vkey)

    # --- life -------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Keys, tables, roles, static files. Does nothing that is done already."""
        self._prepare_witness()
        manage = self.environment("manage")
        self._mamori("database", "init", env=manage)
        if not (self.base / "static" / "staticfiles.json").exists() or _newer_static(self.base / "static"):
            self._django("collectstatic", "--noinput", "--verbosity", "0", env=manage)

    def claim(self) -> None:
        """Stop what a killed demo left running here; WorldError when a port is somebody else's."""
        for program in self._made():
            program.clear()
            program.stop()
        taken = self.ports.taken()
        if taken:
            raise WorldError(f"port {taken[0]} is in use: is another demo running? Stop it, then try again.")

    def start(self, world: Callable[[], None] = lambda: None) -> None:
        """Witness, worker, follower of the index and the three faces; returns when the faces answer.

        `world`: starts what the worker needs around it, while the faces load.
        """
        self.programs = self._made()
        for program in self.programs:
            if program.name in FACES:
                program.start()
        world()
        for face in FACES:
            wait_until(lambda face=face: self._answers(face), 60, f"the {face} face does not answer")  # type: ignore[misc]
        for program in self.programs:  # the rest: the faces had the processors for themselves
            program.start()

    def _made(self) -> list[Program]:
        folder = self.base / "log"
        folder.mkdir(parents=True, exist_ok=True)
        return [
            Program(
                "witness",
                [
                    PYTHON,
                    "-m",
                    "mamori",
                    "witness",
                    "serve",
                    str(self.witness_folder),
                    "--port",
                    str(self.ports.witness),
                ],
                folder,
                env=dict(os.environ),
                as_is=True,
            ),
            Program("worker", [PYTHON, "-m", "mamori", "worker"], folder, env=self.environment("worker"), as_is=True),
            Program(
                "images",
                [PYTHON, "-m", "mamori", "images", "index"],
                folder,
                env=self.environment("worker"),
                as_is=True,
            ),
            *(
                Program(
                    face,
                    [
                        PYTHON,
                        "-m",
                        "mamori",
                        "serve",
                        face,
                        "--port",
                        str(getattr(self.ports, face)),
                        "--workers",
                        WORKERS[face],
                    ],
                    folder,
                    env=self.environment(face),
                    as_is=True,
                )
                for face in FACES
            ),
        ]

    def stop(self) -> None:
        for program in reversed(self.programs):
            program.stop(12)
        self.programs = []

    def program(self, name: str) -> Program:
        return next(p for p in self.programs if p.name == name)

    def url(self, face: str) -> str:
        return f"http://127.0.0.1:{getattr(self.ports, face)}"

    def ahead(self) -> float:
        """Seconds that the demo clock is ahead of real time."""
        return float(self.clock_file.read_text()) if self.clock_file.exists() else 0.0

    def forward(self, seconds: float) -> None:
        """Move the demo clock ahead. Written at once and whole: other processes read it at any moment."""
        was = self.ahead()
        fresh = self.clock_file.with_suffix(".new")
        fresh.write_text(str(was + seconds))
        self._moves.append((time.time(), was, was + seconds))
        fresh.replace(self.clock_file)

    def real_time(self, moment: float) -> float:
        """When in real time the demo clock told this moment; both POSIX. By the moves that were made from here."""
        real = moment - self.ahead()
        for moved_at, before, after in reversed(self._moves):
            if moment - after >= moved_at:
                return moment - after
            real = moment - before
        return real

    def wait_for_index(self) -> None:
        """Until partners' look-ups are answered: on a new machine the kernels are compiled first."""
        wait_until((self.base / "images" / "current").exists, 180, "the index of known images is not ready")

    def _answers(self, face: str) -> bool:
        program = self.program(face)
        if not program.running():
            raise WorldError(f"the {face} face ended: {program.tail()}")
        path = {"public": "/en/", "staff": "/account/login/", "partner": "/api/v1/openapi.json"}[face]
        try:
            return urllib3.request("GET", self.url(face) + path, timeout=2, retries=False).status < 500
        except urllib3.exceptions.HTTPError:
            return False

    # --- commands ---------------------------------------------------------------------------------------------------

    def _mamori(self, *arguments: str, env: Mapping[str, str]) -> str:
        return _run([PYTHON, "-m", "mamori", *arguments], env)

    def _django(self, *arguments: str, env: Mapping[str, str]) -> str:
        return _run([PYTHON, "-m", "django", *arguments], {**env, "DJANGO_SETTINGS_MODULE": "mamori.site.settings"})

    def mamori(self, *arguments: str, face: str = "manage") -> str:
        """Run one `mamori` command as the operator would; WorldError with its words when it fails."""
        return self._mamori(*arguments, env=self.environment(face))


def _run(argv: list[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(argv, env=dict(env), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise WorldError(f"{' '.join(argv[2:4])} failed: {said[-1] if said else done.returncode}")
    return done.stdout


def _newer_static(collected: Path) -> bool:
    """Whether a stylesheet or script changed since the static files were collected."""
    import mamori

    stamp = (collected / "staticfiles.json").stat().st_mtime
    package = Path(mamori.__path__[0])
    return any(p.stat().st_mtime > stamp for p in package.rglob("static/**/*") if p.is_file())
