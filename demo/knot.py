"""Knot DNS instances of the demo world, with a configuration database so that keys come and go without a restart."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from demo.processes import (
    Program,
    WorldError,
    hand_over,
    private_folder,
    run_as_ordinary,
    socket_folder,
)

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
SOA = "@ {ttl} SOA hub.invalid. hostmaster.invalid. 1 60 30 2592000 60"
"""Secondaries look every 60 s should a NOTIFY be lost, and keep the list 30 days when the primary is away."""


@dataclass(frozen=True)
class Key:
    """A TSIG key, hmac-sha256; `secret` in base64."""

    name: str
    secret: str

    @classmethod
    def new(cls, name: str) -> Key:
        return cls(name, b64encode(secrets.token_bytes(32)).decode())


@dataclass(frozen=True)
class Record:
    """`owner` relative to the zone, or @."""

    owner: str
    ttl: int
    type: str
    data: str

    def text(self) -> str:
        return f"{self.owner} {self.ttl} {self.type} {self.data}"


def program(name: str) -> str:
    """Path of an installed program; /usr/sbin is looked into although ordinary users' PATH lacks it."""
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin:/usr/local/sbin")
    if not found:
        raise WorldError(f"{name} is not installed")
    return found


def render(template: Path, values: dict[str, str | int]) -> str:
    """Replace @NAME@ in a deploy/ template; a value that is missing is an error. Without a SIDE_ZONE its lines go.

    HOT_ZONE: the name of a hot zone that is not hot- before that of the base, as the guides say.
    """
    text = template.read_text()
    if values.get("HOT_ZONE"):
        text = text.replace("hot-@ZONE@", str(values["HOT_ZONE"]))
    if not values.get("SIDE_ZONE"):
        text = re.sub(r"[^\n]*side zone: begin(?s:.*?)side zone: end[^\n]*\n", "", text)
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    left = re.findall(r"@[A-Z_]+@", text)
    if left:
        raise WorldError(f"{template.name}: no value for {', '.join(sorted(set(left)))}")
    return text


def write_private(path: Path, text: str) -> None:
    """Write a configuration with secrets: mode 0600, owned by the user the programs run as."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    hand_over(path)


class Knot:
    """One knotd. `template` gets SOCKET, STORAGE, CONFDB, LISTEN besides `values`."""

    def __init__(
        self, name: str, base: Path, port: int, template: Path, values: dict[str, str | int] | None = None
    ) -> None:
        self.name = name
        self.port = port
        self.folder = private_folder(base, f"dns/{name}")
        self._confdb = self.folder / "confdb"
        self.socket = socket_folder(base) / f"{name}.sock"
        self._template = template
        self._values = {
            "SOCKET": str(self.socket),
            "STORAGE": str(self.folder),
            "CONFDB": str(self._confdb),
            "LISTEN": f"127.0.0.1@{port}",
            **(values or {}),
        }
        self._program = Program(name, [program("knotd"), "-C", self._confdb], self.folder)

    def start(self) -> None:
        """Keys and subscribers added since live on in the configuration database, zones in their journals.

        The database is made anew only when the template or its values changed.
        """
        if self._program.running():
            return
        private_folder(self.folder, "db")
        wanted = render(self._template, self._values)
        mark = self.folder / "imported.sha256"
        digest = sha256(wanted.encode()).hexdigest()
        if not (self._confdb.exists() and mark.exists() and mark.read_text() == digest):
            shutil.rmtree(self._confdb, ignore_errors=True)
            text = self.folder / "import.conf"
            write_private(text, wanted)
            try:
                run_as_ordinary([program("knotc"), "-C", self._confdb, "conf-import", text], env=_environment())
            finally:
                text.unlink()
            mark.write_text(digest)
        self.socket.unlink(missing_ok=True)
        self._program.start()
        self._program.wait_ready(self._answers)

    def stop(self) -> None:
        self._program.stop()

    def kill9(self) -> None:
        self._program.kill9()

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            self.ctl(["status version"])
        except WorldError:
            return False
        return True

    def ctl(self, commands: Sequence[str]) -> list[str]:
        """Run knotc commands, one output line or more each; WorldError with the first complaint.

        Commands go in by standard input (secrets stay off the process list) and without a HOME, for knotc
        writes what it reads to ~/.knotc_history. It also goes on after an error: callers commit in a call of their own.
        """
        done = subprocess.run(
            [program("knotc"), "-s", str(self.socket)],
            input="\n".join(commands) + "\n",
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
            cwd="/",
        )
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        complaints = [line for line in lines if line.startswith(("error", "warning: (", "invalid", "failed"))]
        if done.returncode or complaints:
            raise WorldError(f"knotc on {self.name}: {(complaints or lines or ['no answer'])[0]}")
        return lines

    def transaction(self, zone: str, *, add: Iterable[Record] = (), remove: Iterable[tuple[str, str]] = ()) -> None:
        """One zone transaction: all or nothing. `remove`: (owner, type) pairs."""
        lines = [f"zone-begin {zone}"]
        lines += [f"zone-unset {zone} {owner} {kind}" for owner, kind in remove]
        lines += [f"zone-set {zone} {record.text()}" for record in add]
        self._all_or_nothing(lines, f"zone-commit {zone}", f"zone-abort {zone}")

    def configure(self, commands: Sequence[str]) -> None:
        """One configuration transaction: conf-set and conf-unset commands, all or nothing."""
        self._all_or_nothing(["conf-begin", *commands], "conf-commit", "conf-abort")

    def _all_or_nothing(self, commands: list[str], commit: str, abort: str) -> None:
        try:
            self.ctl(commands)
            self.ctl([commit])
        except WorldError:
            with suppress(WorldError):  # perhaps nothing was open
                self.ctl([abort])
            raise

    def zone(self, name: str) -> set[tuple[str, str, str]]:
        """(owner, type, data) of all records but SOA and NS; empty when the zone has none yet."""
        try:
            lines = self.ctl([f"zone-read {name}"])
        except WorldError:
            return set()
        found = set()
        for line in lines:
            words = line.split(None, 4)
            if len(words) == 5 and words[0].startswith("[") and words[3] not in {"SOA", "NS"}:
                found.add((words[1], words[3], words[4]))
        return found

    def has_zone(self, name: str) -> bool:
        try:
            return any(" SOA " in line for line in self.ctl([f"zone-read {name} @ SOA"]))
        except WorldError:
            return False

    def ensure_zone(self, name: str, ttl: int = 60) -> None:
        """Give an empty zone its SOA and NS."""
        if not self.has_zone(name):
            self.ctl(
                [
                    f"zone-begin {name}",
                    f"zone-set {name} {SOA.format(ttl=ttl)}",
                    f"zone-set {name} @ {ttl} NS hub.invalid.",
                ]
            )
            self.ctl([f"zone-commit {name}"])

    def subscribe(self, key: Key, zones: Sequence[str], notify: tuple[str, int] | None = None) -> None:
        """Let the holder of `key` transfer `zones`, and the machine itself ask; `notify`: its address. At once, without a restart."""
        commands = [
            f"conf-set key[{key.name}]",
            f"conf-set key[{key.name}].algorithm hmac-sha256",
            f"conf-set key[{key.name}].secret {key.secret}",
            f"conf-set acl[{key.name}]",
            f"conf-set acl[{key.name}].key {key.name}",
            f"conf-set acl[{key.name}].action transfer",
            "conf-set mod-queryacl[askers].address 127.0.0.1",
        ]
        if notify:
            commands += [
                f"conf-set remote[{key.name}]",
                f"conf-set remote[{key.name}].address {notify[0]}@{notify[1]}",
                f"conf-set remote[{key.name}].key {key.name}",
            ]
        for zone in zones:
            commands.append(f"conf-set zone[{zone}].acl {key.name}")
            if notify:
                commands.append(f"conf-set zone[{zone}].notify {key.name}")
        self.configure(commands)

    def revoke(self, name: str) -> None:
        """Take a subscriber's key, access and notifications away, at once. Nothing to do is no error."""
        lines = self.ctl(["conf-read zone", "conf-read remote.id", "conf-read acl.id", "conf-read key.id"])
        commands = []
        for line in lines:
            found = re.match(r"zone\[(?P<zone>[^]]+)\]\.(?P<item>acl|notify) = (?P<values>.*)", line)
            if found and name in found["values"].split():
                commands.append(f"conf-unset zone[{found['zone']}].{found['item']} {name}")
        commands += [f"conf-unset {kind}[{name}]" for kind in ("acl", "remote") if f"{kind}.id = {name}" in lines]
        if f"key.id = {name}." in lines:
            commands.append(f"conf-unset key[{name}]")
        if commands:
            self.configure(commands)


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
