"""`mamori list guard`: transferred zones are held against the signed edition before a resolver loads them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mamori.engine.addresses import NameRefused
from mamori.engine.editions import BASE_FILES, LAST_RING, Delta, ListInForce, compile_rpz, hot_zone
from mamori.engine.editions.transferred import Policy, base_difference, hot_difference, zone_file
from mamori.engine.files import write_whole
from mamori.tools.fetching import PRIVATE, Fetched, Progress, alone, entries_of, fetch_edition, told
from mamori.tools.kept_names import KeptNames
from mamori.tools.pull import run
from mamori.tools.scan.partner import PartnerApi
from mamori.tools.transfers import Held, Primary
from mamori.tools.vouching import unvouched

NAMES = BASE_FILES[0]
DAY = 86_400.0
_NOTES = "guard.json"


class ZoneRefused(Exception):
    """A transferred zone that does not say what was signed, or a change beyond the brake. The message is one line."""


@dataclass
class Accepted:
    """What the resolver was given last. `until`: POSIX seconds the edition's signatures hold."""

    edition: int = 0
    until: float = 0.0
    serials: dict[str, int] = field(default_factory=dict)
    base: str = ""  # digest of the signed file of names that the base zone was held against
    names: int = 0
    side: int = 0  # serial of the side zone
    waiting: list[str] = field(default_factory=list)  # zones whose reload is still to be done
    lapsed: bool = False


@dataclass(frozen=True)
class Side:
    """The subscriber's own zone of canary names (ADR 21), and the list body's domains under which they all are."""

    zone: str
    domains: tuple[str, ...]

    def fault(self, held: Held, policy: Policy, most: int) -> str:
        """Why a transferred side zone is not let in; "" for nothing. No edition names canaries: this is all there is to check."""
        names = {owner.removeprefix("*.") for owner in held}
        foreign = sorted(name for name in names if not any(name.endswith(f".{domain}") for domain in self.domains))
        if foreign:
            return f"{self.zone} holds names that are under no canary domain, such as {foreign[0][:80]}"
        if len(names) > most:
            return f"{self.zone} holds {len(names)} names, more than {most}"
        try:
            wanted = compile_rpz(names, policy.action, policy.stop_host)
        except NameRefused as error:
            return f"{self.zone} holds a name that cannot be listed ({error.code})"
        return "" if held == dict(wanted) else f"{self.zone} holds records that do not block as the list does"


@dataclass(frozen=True)
class Checked:
    """The edition in force at the resolver, how many names it lists, and which zones were given to it now."""

    edition: int
    names: int
    loaded: tuple[str, ...]


class Guard:
    """The zones of one subscription. `most`: names that may come or go in one step; `reload`: commands with {zone}.

    `ring`: the subscriber's, which its hot zone is named after; the list is held back from it as the edition says.
    `admit`: told of an edition before it is used; may raise.
    """

    def __init__(
        self,
        zone: str,
        policy: Policy,
        *,
        primary: Primary,
        api: PartnerApi,
        root: bytes,
        folder: Path,
        most: int,
        reload: Sequence[str] = (),
        side: Side | None = None,
        ring: int = LAST_RING,
        admit: Callable[[Fetched], None] = lambda _got: None,
    ) -> None:
        self._side, self._ring, self._admit = side, ring, admit
        self._zones = (zone, hot_zone(zone, ring))  # the base is given first
        self._policy, self._primary, self._api, self._root = policy, primary, api, root
        self._folder, self._out, self._most = folder / ".guard", folder, most
        self._names = KeptNames(self._folder)
        self._reload = [shlex.split(each) for each in reload]

    def alone(self) -> AbstractContextManager[None]:
        """PullError while another process works in the folder."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return alone(self._folder)

    @property
    def accepted(self) -> Accepted:
        try:
            return Accepted(**json.loads((self._folder / _NOTES).read_text()))
        except FileNotFoundError:
            return Accepted()

    def keep(self, accepted: Accepted) -> None:
        write_whole(self._folder / _NOTES, json.dumps(asdict(accepted)).encode(), PRIVATE)

    def check(self, *, progress: Progress, accept: int = 0) -> Checked:
        """Bring the resolver to what the primary holds, if it is what was signed.

        `accept`: number of an edition that may change more than the brake allows. EditionRefused, ZoneRefused, PullError:
        all stays as it was, but for a reload that failed: the zones are in place then, and it is tried again. A base zone
        that is refused holds back no hot zone, which is right over the base before it too: what was decided meanwhile
        comes through while the list body brings a new base to its primary.
        """
        accepted = self.accepted
        with told():
            got = fetch_edition(self._api, self._folder, self._root, progress)
        self._admit(got)
        edition = got.version
        serials = {zone: self._primary.serial(zone) for zone in self._zones}
        if edition == accepted.edition and serials == accepted.serials and not accepted.lapsed:
            self._load(accepted)
            return Checked(edition, accepted.names, ())
        listed, base = got.listed(got.delta.for_ring(self._ring)), got.listed(Delta())
        killed = listed.delta.kills(edition)
        fresh = [zone for zone in self._zones if serials[zone] != accepted.serials.get(zone) or accepted.lapsed]
        if edition != accepted.edition and self._zones[1] not in fresh:
            fresh.append(self._zones[1])  # the same records must stand the new edition's look
        if got.digests[NAMES] != accepted.base and self._zones[0] not in fresh:
            fresh.insert(0, self._zones[0])
        held = {zone: self._primary.transfer(zone) for zone in fresh}
        refused = ""
        for zone, (_serial, records) in list(held.items()):
            if zone == self._zones[0]:
                difference = base_difference(records, base, self._policy)
            else:
                difference = hot_difference(records, listed, self._policy, killed=killed)
            if difference:
                refused = (
                    f"{zone} is not what edition {edition} signed: {difference.extra} records too many, "
                    f"{difference.missing} missing"
                )
                if zone == self._zones[1] or zone not in accepted.serials or accepted.lapsed:
                    raise ZoneRefused(refused)
                del held[zone]
        if not killed:
            if edition != accept:
                self._brake(got, listed)
            self._require_persons(accepted, got, listed, accept, progress)
        given = tuple(zone for zone in held if held[zone][0] != accepted.serials.get(zone) or accepted.lapsed)
        for zone in given:
            self._write(zone, *held[zone])
        accepted = Accepted(
            edition,
            got.expires.timestamp(),
            {zone: held[zone][0] if zone in held else accepted.serials[zone] for zone in self._zones},
            "" if refused else got.digests[NAMES],
            0 if killed else listed.sizes[0],
            accepted.side,
            [*dict.fromkeys([*accepted.waiting, *given])],
        )
        self.keep(accepted)
        if not killed:
            self._names.keep(got.digests[NAMES], listed.delta, base.names())
        self._load(accepted)
        if refused:
            raise ZoneRefused(refused)
        return Checked(edition, accepted.names, given)

    def check_side(self) -> str:
        """Bring the resolver to the side zone the primary holds; its name when it was given now. ZoneRefused, PullError: it stays."""
        accepted = self.accepted
        if self._side is None or accepted.edition == 0:
            return ""
        if self._primary.serial(self._side.zone) == accepted.side:
            self._load(accepted)
            return ""
        serial, held = self._primary.transfer(self._side.zone)
        if fault := self._side.fault(held, self._policy, self._most):
            raise ZoneRefused(fault)
        self._write(self._side.zone, serial, held)
        accepted.side, accepted.waiting = serial, [*dict.fromkeys([*accepted.waiting, self._side.zone])]
        self.keep(accepted)
        self._load(accepted)
        return self._side.zone

    def lapse(self, now: float, days: float) -> bool:
        """Empty both zones when the signatures ended `days` days ago: True when they are empty for that. PullError: the reload."""
        accepted = self.accepted
        if accepted.edition == 0 or now <= accepted.until + days * DAY:
            return False
        if not accepted.lapsed:
            for zone in self._zones:
                self._write(zone, accepted.serials.get(zone, 0), {})
            accepted.lapsed, accepted.waiting = True, list(self._zones)
            self.keep(accepted)
        self._load(accepted)
        return True

    def _brake(self, got: Fetched, listed: ListInForce) -> None:
        came, went = self._names.changed(got.digests[NAMES], listed)
        if max(came, went) > self._most:
            raise ZoneRefused(
                f"edition {got.version} adds {came} names and drops {went} at once, more than {self._most}: ask the list "
                f"body, then let it in with --accept {got.version}"
            )

    def _require_persons(
        self, accepted: Accepted, got: Fetched, listed: ListInForce, accept: int, progress: Progress
    ) -> None:
        if got.version in {accepted.edition, accept}:
            return
        with told():
            unsigned = unvouched(got, listed.delta, entries_of(listed), self._folder, progress)
        if unsigned:
            raise ZoneRefused(
                f"under {len(unsigned)} entries of edition {got.version} no two members' signatures stand: ask the list body, "
                f"then let it in with --accept {got.version}"
            )

    def _write(self, zone: str, serial: int, records: Held) -> None:
        write_whole(self._out / f"{zone}.zone", zone_file(zone, serial, records.items()).encode(), PRIVATE)

    def _load(self, accepted: Accepted) -> None:
        for zone in list(accepted.waiting):
            for command in self._reload:
                run([word.replace("{zone}", zone) for word in command])
            accepted.waiting.remove(zone)
            self.keep(accepted)
