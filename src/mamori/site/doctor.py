"""What is configured, missing or unsafe, each with its remedy."""

import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import urllib3
from django.conf import settings
from django.core.checks import run_checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from mamori.engine.addresses import names_in, popular_names
from mamori.engine.editions import LAST_RING, Members, MembersRefused, read_members, root_expires
from mamori.engine.keys import KeyFileError
from mamori.ground import clock
from mamori.ground.audit.services import unsealed_count, witness_newest
from mamori.ground.jobs import failed
from mamori.hotline.checks.resolve import own_list
from mamori.hotline.referral.queries import paged, policy_in_force, supervised
from mamori.lists.distribution import press
from mamori.lists.distribution.keys import load_keys
from mamori.lists.distribution.queries import mute_subscribers, subscribers_by_ring
from mamori.lists.distribution.roundtrip import PROGRAMS, RoundTripError, how_to_install, missing
from mamori.lists.distribution.services.rings import OURS, first_ring, rings_of_resolvers
from mamori.lists.fingerprints.queries import last_change
from mamori.lists.fingerprints.queries.folder import STALE_SECONDS, generation, read_state
from mamori.lists.listing.queries import keys_in_use
from mamori.site.database import ROLES, UNSAFE, role_name
from mamori.site.holders import KEY_FILES, SECRETS

SOON = timedelta(days=60)  # how early the doctor speaks of keys that end
Level = Literal["good", "note", "bad"]


QUIET = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
"""What keeps values and exact times of what was stored out of PostgreSQL's own log."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: good, note (works, but) or bad (must be mended)."""

    level: Level
    what: str
    finding: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """All findings. Reads settings, files and the database; changes nothing."""
    yield from _database()
    yield from _keys()
    if settings.EDITION_KEY_DIR is not None:
        yield from _editions(settings.EDITION_KEY_DIR)
        if press.configured() and (found := _list_files(settings.EDITION_KEY_DIR)):
            yield found
        yield _judges()
    yield _static()
    yield _popular()
    yield from _rings()
    yield _images()
    yield from _outside()
    yield from _pages()


def _database() -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            yield Finding("good", "PostgreSQL", cursor.fetchone()[0])
            for name, unsafe in UNSAFE.items():
                cursor.execute(f"SHOW {name}")
                value = cursor.fetchone()[0]
                level: Level = "bad" if value == unsafe else "good"
                yield Finding(
                    level, f"PostgreSQL {name}", value, "" if level == "good" else f"set {name} = on in postgresql.conf"
                )
            for name, quiet in QUIET.items():
                cursor.execute(f"SHOW {name}")
                value = cursor.fetchone()[0]
                yield Finding(
                    "good" if value == quiet else "bad",
                    f"PostgreSQL {name}",
                    value if value == quiet else f"{value}: its log quotes addresses, and when they were reported",
                    "" if value == quiet else f"set {name} = {quiet} in postgresql.conf",
                )
            cursor.execute("SHOW track_commit_timestamp")
            kept = cursor.fetchone()[0] == "on"
            yield Finding(
                "bad" if kept else "good",
                "PostgreSQL track_commit_timestamp",
                "on: the exact time of every report is kept" if kept else "off",
                "set track_commit_timestamp = off in postgresql.conf" if kept else "",
            )
            cursor.execute("SHOW data_checksums")
            on = cursor.fetchone()[0] == "on"
            yield Finding(
                "good" if on else "note",
                "PostgreSQL data checksums",
                "on" if on else "off: silent damage of a disk is not seen",
                "" if on else "stop the server and run pg_checksums --enable",
            )
            cursor.execute("""
                SELECT current_setting('archive_mode'), current_setting('archive_command'), current_setting('archive_library'),
                    archived_count, last_failed_time > coalesce(last_archived_time, '-infinity') FROM pg_stat_archiver
            """)
            yield _archive(*cursor.fetchone())
            cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [[role_name(r) for r in ROLES]])
            roles = cursor.fetchone()[0]
            yield Finding(
                "good" if roles == len(ROLES) else "bad",
                "database roles",
                f"{roles} of {len(ROLES)}",
                "" if roles == len(ROLES) else "run: mamori database init",
            )
    except DatabaseError as error:
        yield Finding("bad", "PostgreSQL", str(error).splitlines()[0], "check DATABASE_URL and that the server runs")
        return
    executor = MigrationExecutor(connection)
    behind = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    yield Finding(
        "bad" if behind else "good",
        "tables",
        f"{behind} migrations not applied" if behind else "up to date",
        "run: mamori database init" if behind else "",
    )
    if not behind:
        waiting = unsealed_count()
        yield Finding(
            "bad" if waiting > 100 else "good",
            "audit log",
            f"{waiting} events not in the chain",
            "start the worker: mamori worker" if waiting > 100 else "",
        )
        yield from _failed_jobs()
        policy = policy_in_force()
        named, duty = supervised(policy), paged(policy)
        yield Finding(
            "good" if named else "bad",
            "police supervisors",
            "named" if named else "none: nobody learns when a police hold is over, and holds do not lapse",
            "" if named else "a senior analyst names them: Police > Policy",
        )
        yield Finding(
            "good" if duty else "bad",
            "police duty officer",
            "named" if duty else "no mail: nobody is paged when police do not open a referral in time",
            "" if duty else "a senior analyst names the duty officer's mail: Police > Policy",
        )


def _failed_jobs() -> Iterator[Finding]:
    """Steps that were tried as often as they may: nobody else takes them up."""
    stuck = failed()
    for each in stuck:
        yield Finding(
            "bad", f"failed steps: {each.name}", f"{each.number}, the first at {each.since:%Y-%m-%d %H:%M} UTC",
            f"read the worker's log, mend the cause, then: mamori jobs retry {each.name}",
        )  # fmt: skip
    if not stuck:
        yield Finding("good", "failed steps", "none")


def _archive(mode: str, command: str, library: str, archived: int, failed: bool | None) -> Finding:
    what, paper = "PostgreSQL archived log", "(docs/operations.md, Backup and restore)"
    if mode == "off":
        lost = "off: with the disk all is lost that was acknowledged since the last backup"
        return Finding("note", what, lost, f"set archive_mode and archive_command {paper}")
    if not command and not library:  # PostgreSQL keeps everything and counts no failure
        return Finding("bad", what, "on, but nothing archives it: it goes with the disk, and the disk fills up",
                       f"set archive_command {paper}")  # fmt: skip
    if failed:
        return Finding("bad", what, "the last try failed: what is not archived goes with the disk, and the disk fills up",
                       f"PostgreSQL's own log says why; look at its disk and at archive_command {paper}")  # fmt: skip
    return Finding("good", what, f"{archived} files")


def _keys() -> Iterator[Finding]:
    for name, faces in (SECRETS | KEY_FILES).items():
        value = getattr(settings, f"{name}_FILE" if name in KEY_FILES else name)
        if settings.FACE in ROLES and settings.FACE not in faces:
            if value:
                remedy = f"give it to {' and '.join(faces)} only"
                yield Finding("bad", f"MAMORI_{name}", f"the {settings.FACE} face holds it", remedy)
            continue
        yield _present(f"MAMORI_{name}", bool(value))
        if isinstance(value, Path):
            yield _private_file(value)


def _present(name: str, there: bool) -> Finding:
    if there:
        return Finding("good", name, "set")
    level: Level = "bad" if settings.FACE in ROLES else "note"
    return Finding(level, name, "not set for this process", f"set {name} (docs/operations.md, Keys)")


def _private_file(path: Path) -> Finding:
    if not path.exists():
        return Finding("bad", str(path), "does not exist", f"mamori keys new {path}")
    loose = stat.S_IMODE(path.stat().st_mode) & 0o077
    if loose:
        return Finding("bad", str(path), "others can read this private key", f"chmod 600 {path}")
    return Finding("good", str(path), "readable by its owner only")


def _list_files(folder: Path) -> Finding | None:
    """Whether the folder of editions holds the one in force, as it was signed."""
    try:
        row = press.in_force()
        if row is not None:
            press.open_edition(load_keys(folder), row)
    except press.ListLost as error:
        return Finding("bad", "signed list", str(error.message), str(error.remedy))
    except (KeyFileError, OSError, DatabaseError):
        return None  # said elsewhere
    return Finding("good", "signed list", f"edition {row.version}" if row else "none published yet")


def _editions(folder: Path) -> Iterator[Finding]:
    """The keys of editions and the members whose signatures count, as the worker reads them."""
    try:
        keys = load_keys(folder)
    except (KeyFileError, OSError) as error:
        yield Finding("bad", "edition keys", str(error), f"make them: mamori keys edition {folder}")
        return
    if root_expires(keys.root) < clock.now() + SOON:
        yield Finding(
            "bad", "edition root", f"expires on {root_expires(keys.root):%Y-%m-%d}: readers refuse every edition then",
            "where the root key is: mamori keys rotate-edition (docs/operations.md)",
        )  # fmt: skip
    if (folder / "root.pem").exists():
        yield Finding(
            "note" if settings.DEMO else "bad", "edition root", "its private key lies on this machine",
            f"take {folder / 'root.pem'} to a place that is not on the network",
        )  # fmt: skip
    try:
        members = read_members(keys.members, keys.root) if keys.members else Members()
    except MembersRefused as error:
        yield Finding("bad", "list members", error.message, error.remedy)
        return
    counting, soon = members.on(clock.now().date()), members.on((clock.now() + SOON).date())
    persons = {key.person for key in counting.values()}
    approvers = {key.person for key in counting.values() if key.role == "approver"}
    lost = persons - {key.person for key in soon.values()}
    remedy = f"where the root key is: mamori list members add {folder} PERSON KEY --role … (docs/operations.md)"
    told = f"{len(persons)} persons vouched for, {len(approvers)} of them approvers"
    if len(persons) < 2 or not approvers:
        yield Finding("bad", "list members", f"{told}: nothing new can be listed", remedy)
    elif lost:
        yield Finding("note", "list members", f"{told}; soon without a key: {', '.join(sorted(lost))}", remedy)
    else:
        yield Finding("good", "list members", told)
    try:
        unvouched = sorted(keys_in_use() - counting.keys())
    except DatabaseError:
        return  # said above
    if unvouched:
        yield Finding(
            "note", "list members", f"confirmed on List > Keys but not vouched for: {', '.join(n[:12] for n in unvouched)}",
            "if they are members' keys: mamori list members add; if nobody knows them, somebody wrote into the database",
        )  # fmt: skip


def _judges() -> Finding:
    """Whether every engine is here that must load a rebuilt list before it goes out."""
    what, engines = "judges of a rebuilt list", ", ".join(settings.LIST_JUDGES)
    try:
        absent = missing(settings.LIST_JUDGES)
    except RoundTripError as error:
        return Finding("bad", what, str(error), "correct MAMORI_LIST_JUDGES")
    if not settings.LIST_JUDGES:
        return Finding("bad", what, "none: no rebuilt list goes out", "correct MAMORI_LIST_JUDGES, or take it away")
    if absent:
        return Finding(
            "bad",
            what,
            f"{engines}; not installed: {', '.join(absent)}: no rebuilt list goes out",
            how_to_install(absent),
        )
    less = [engine for engine in PROGRAMS if engine not in settings.LIST_JUDGES]
    if less:
        return Finding(
            "note", what, f"{engines}; not asked: {', '.join(less)}", "take MAMORI_LIST_JUDGES away: then all judge"
        )
    return Finding("good", what, f"{engines}: all installed")


def _static() -> Finding:
    """Whether the faces' style sheets and scripts were collected: without them each of their pages fails."""
    root = Path(settings.STATIC_ROOT)
    if (root / "staticfiles.json").is_file():
        return Finding("good", "static files", str(root))
    return Finding(
        "bad", "static files", f"none in {root}: the faces answer with an error",
        "set MAMORI_STATIC_ROOT for all faces, then: python -m django collectstatic (docs/operations.md)",
    )  # fmt: skip


def _popular() -> Finding:
    """Whether a ranking tells which lawful names are never blocked as a whole, beside the few that come along."""
    what, own = "popular names", len(names_in(settings.POPULAR_NAMES))
    along = f"{len(popular_names())} come along"
    if own:
        return Finding("good", what, f"{along}, {own} of your own")
    return Finding(
        "note", what, f"{along}; no ranking for this process: two persons could block any other lawful site",
        "set MAMORI_POPULAR_NAMES_FILE for staff and worker to a ranking (docs/operations.md, Names that are never blocked)",
    )  # fmt: skip


def _rings() -> Iterator[Finding]:
    """Whether an addition that waits is seen to do harm before all have it."""
    what = "rings of the list"
    if first_ring() == LAST_RING:
        yield Finding(
            "note", what, "off: an addition reaches every subscriber at once, so that a wrong one is seen only when all have it",
            "set MAMORI_RING_SECONDS, such as 600,1800, and add a subscriber of our own (ADR 24)",
        )  # fmt: skip
        return
    try:
        numbers, watched = subscribers_by_ring(), rings_of_resolvers()
    except DatabaseError:
        return  # said above
    asked = watched.keys() & (settings.PROBE_RESOLVERS.keys() | settings.PROBE_OUTSIDE.keys())
    first, second, last = (numbers.get(ring, 0) for ring in range(LAST_RING + 1))
    told = f"subscribers: {first} of our own, then {second}, then {last}; additions wait {settings.RING_SECONDS} s"
    if not first:
        yield Finding(
            "bad", what, f"{told}: nobody sees harm before others have it", "Editions > Subscribers: add one of our own"
        )
    elif OURS not in {watched[name] for name in watched.keys() & settings.PROBE_RESOLVERS.keys()}:
        yield Finding(
            "bad", what, f"{told}: no resolver of our own is asked in the first ring, so nothing halts by itself",
            "set MAMORI_PROBE_RESOLVERS, and name the resolver on the page of our own subscriber",
        )  # fmt: skip
    elif not second and settings.RING_SECONDS[1]:
        yield Finding(
            "note", what, f"{told}: in the second ring they wait for nobody",
            "make the second number of MAMORI_RING_SECONDS 0, or give subscribers new keys: rings are drawn with them",
        )  # fmt: skip
    elif second and settings.RING_SECONDS[1] and not {name for name in asked if watched[name] == OURS + 1}:
        yield Finding(
            "bad", what, f"{told}: no resolver in the second ring is asked, so additions are halted there",
            "name one in MAMORI_PROBE_OUTSIDE and on its subscriber's page, or make the second number of MAMORI_RING_SECONDS 0",
        )  # fmt: skip
    else:
        yield Finding("good", what, told)


def _mute() -> Iterator[Finding]:
    """Whether every DNS subscriber can ask whether its zones changed."""
    try:
        names = mute_subscribers()
    except DatabaseError:
        return  # said above
    if names:
        yield Finding(
            "bad", "subscribers' addresses", f"none to ask from, so they learn of no change: {', '.join(names)}",
            "Editions > Subscribers: write the addresses they ask from on their pages",
        )  # fmt: skip


def _images() -> Finding:
    """Whether the index partners are answered from is there and like the bank."""
    what = "index of known images"
    folder: Path | None = settings.IMAGE_INDEX
    if folder is None:
        return Finding("note", what, "no folder: partners' look-ups are refused", "set MAMORI_IMAGE_INDEX")
    try:
        state = read_state(generation(folder))
    except (OSError, ValueError):
        return Finding("bad", what, f"none in {folder}", "start it: mamori images index")
    try:
        behind = last_change() - state.seq
    except DatabaseError:
        return Finding("note", what, f"holds all changes up to {state.seq}")
    if behind and state.age > STALE_SECONDS:
        return Finding("bad", what, f"behind since {state.age} s", "start it: mamori images index")
    if state.age > STALE_SECONDS:
        return Finding("bad", what, f"nobody has followed for {state.age} s", "start it: mamori images index")
    return Finding("good", what, f"holds all changes up to {state.seq}")


def _outside() -> Iterator[Finding]:
    if settings.WITNESS_URL:
        yield _witness()
    else:
        yield Finding(
            "bad", "witness", "none: who owns the database could rewrite the log unseen",
            "have another organisation run `mamori witness serve`; set MAMORI_WITNESS_URL and _KEY",
        )  # fmt: skip
    if settings.RECHECK:
        yield Finding("good", "re-check", "on")
        yield _own_list()
    else:
        yield Finding(
            "note", "re-check", "off: analysts attest by hand whether content is online", "MAMORI_RECHECK=yes"
        )
    knot = bool(settings.KNOT_SOCKET)
    yield Finding(
        "good" if knot else "note", "list publication (Knot)", settings.KNOT_SOCKET or "none: editions stay in the house",
        "" if knot else "set MAMORI_KNOT_SOCKET to knotd's control socket",
    )  # fmt: skip
    yield from _notified()
    yield from _mute()
    read = settings.KNOT_LOG is not None and os.access(settings.KNOT_LOG, os.R_OK)
    yield Finding(
        "good" if read else "note", "what DNS subscribers fetch", str(settings.KNOT_LOG) if read else "not known: knotd's log is not read",
        "" if read else "set MAMORI_KNOT_LOG to knotd's log of transfers, which this process can read (deploy/knot)",
    )  # fmt: skip
    yield Finding(
        "good" if settings.PROBE_RESOLVERS else "note", "prober", ", ".join(settings.PROBE_RESOLVERS) or "no resolver of our own is asked",
        "" if settings.PROBE_RESOLVERS else "set MAMORI_PROBE_RESOLVERS=name=host:port,…",
    )  # fmt: skip
    if settings.DEMO:
        yield Finding(
            "note", "demo", "this is a demo: a clock that can be moved, no TLS", "never set MAMORI_DEMO in production"
        )


def _notified() -> Iterator[Finding]:
    """Whether subscribers can be told of changes from the addresses that are set."""
    for address in settings.NOTIFY_FROM:
        try:
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as opened:
                opened.bind((address, 0))
        except OSError as error:
            yield Finding(
                "bad", "announcements to subscribers", f"cannot be sent from {address}: {error.strerror}",
                "set MAMORI_NOTIFY_FROM to addresses of this machine, those subscribers know as the primary's",
            )  # fmt: skip


def _own_list() -> Finding:
    """Whether what we list can still be looked up by the re-check."""
    found = own_list()
    if enforcing := [server for server, blocks in found if blocks]:
        return Finding(
            "bad", "resolvers of the re-check",
            f"{', '.join(enforcing)} enforces our own list: what is listed cannot be looked at",
            "set MAMORI_NAMESERVERS to resolvers that do not subscribe to the list",
        )  # fmt: skip
    if silent := [server for server, blocks in found if blocks is None]:
        return Finding(
            "note", "resolvers of the re-check",
            f"{', '.join(silent)} gives no clear answer about {settings.CANARY_NAME}: a name that is gone is not believed",
            "look at the resolver and at the canary's name",
        )  # fmt: skip
    return Finding("good", "resolvers of the re-check", "do not enforce our own list")


def _witness() -> Finding:
    try:
        answer = witness_newest(3)
    except urllib3.exceptions.HTTPError as error:
        return Finding("bad", "witness", type(error).__name__, "start it, or correct MAMORI_WITNESS_URL")
    if answer.status != 200:
        found = f"holds no checkpoint of this log ({answer.status})"
        return Finding("note", "witness", found, "start the worker: mamori worker")
    note = answer.data.decode(errors="replace").splitlines()
    held = int(note[1]) if len(note) > 1 and note[1].isdecimal() else 0
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(seq), 0) FROM audit_seal")
            here = cursor.fetchone()[0]
    except DatabaseError:
        here = held  # that the tables or the database are not there is said above
    if held > here:
        return Finding(
            "bad", "witness", f"holds {held} events of this log, which has {here}: the last are missing here",
            "mamori audit verify; docs/operations.md, Backup and restore",
        )  # fmt: skip
    return Finding("good", "witness", "holds a checkpoint of this log")


def _pages() -> Iterator[Finding]:
    """Django's own checks for production. A demo runs without TLS, which is said once, above."""
    for problem in run_checks(include_deployment_checks=True):
        if not problem.is_silenced():
            yield Finding(
                "bad" if problem.level >= 30 and not settings.DEMO else "note",
                f"settings ({problem.id})",
                problem.msg,
                problem.hint or "",
            )
