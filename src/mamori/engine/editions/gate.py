"""The gate: judges a proposed edition before it is signed. Any refusal leaves the last good edition in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date

from mamori.engine.addresses import AddressError, NameRefused, NameSet, canonicalize, listable_name, suffix_section
from mamori.engine.editions.entries import Edition, ListEntry
from mamori.engine.editions.statements import (
    PersonKey,
    Signature,
    SignedStatement,
    activation_statement,
    read_statement,
    signers,
    utc_text,
)

MANY = 100  # statements, from which two threads verify their signatures: a third faster for a thousand
FLOOD = 2  # days' additions that may wait at once: more are a mistake, as copies of whole lists were, until checked
# code: message, remedy. Both are constant, with %(name)s fields filled from Refusal.params.
REASONS: dict[str, tuple[str, str]] = {
    "version": (
        "Edition %(version)s does not follow edition %(previous)s.",
        "Compile the edition again from the list in force.",
    ),
    "empty": (
        "The edition is empty: every block would be lifted at once.",
        "If that is meant, sign the kill switch for this edition.",
    ),
    "too_many_additions": (
        "With this edition %(added)s entries are added within a day; at most %(limit)s may be.",
        "Check where the additions come from. If they are right, leave them: urgent ones go first, then the oldest; the rest follows.",
    ),
    "flood": (
        "%(added)s entries at once: more than twice the %(limit)s that may be added within a day. None of them is added.",
        "Find out where they were copied from, and withdraw what is wrong. The operator raises MAMORI_LIST_MAX_ADDED for more.",
    ),
    "too_large_share": (
        "A list of %(before)s entries grows by %(added)s within a day; at most %(limit)s may be added to it.",
        "Check where the additions come from. If they are right, leave them: urgent ones go first, then the oldest; the rest follows.",
    ),
    "duplicate": (
        "%(target)s stands on the list more than once for the same method, or two entries share one number.",
        "Withdraw one of the entries.",
    ),
    "not_canonical_url": (
        "%(target)s is not a canonical address.",
        "Propose the entry again with the address as the case page shows it.",
    ),
    "whole_site": (
        "%(target)s is the start page of a shared or protected site; some readers would block the whole site.",
        "List the single pages.",
    ),
    "popular": (
        "%(target)s would block %(member)s, which is on the list of popular names.",
        "List the single pages on the URL list and tell the operator.",
    ),
    "protected": (
        "%(target)s belongs to a protected public body (%(member)s).",
        "Tell the public body; list single pages on the URL list if need be.",
    ),
    "shared_platform": (
        "%(target)s would block %(member)s, on which many unrelated people publish.",
        "List the single site below it, or single pages on the URL list.",
    ),
    "service": (
        "%(target)s belongs to %(member)s, whose hosts serve many unrelated sites.",
        "List single pages on the URL list.",
    ),
    "expired": (
        "The entry for %(target)s expired on %(expires_on)s.",
        "Withdraw it, or have it activated again with a new expiry.",
    ),
    "no_activation": (
        "%(target)s has no activation statement that says exactly what the entry says.",
        "Have the entry proposed and activated again.",
    ),
    "too_few_persons": (
        "%(target)s is activated by %(persons)s valid signature(s) of different persons; two are needed.",
        "Have a second person activate the entry. Keys count that stand in the signed list of members: mamori doctor.",
    ),
    "no_approver": (
        "%(target)s is signed by two persons, none of them an approver.",
        "Have an approver activate the entry.",
    ),
    "third_missing": (
        "%(target)s reaches far: three different persons must sign it, two of them approvers; %(persons)s did.",
        "Have a second approver sign it on the list desk. Where its page asks for none, withdraw it and propose it anew.",
    ),
    "withdrawn": (
        "%(target)s uses an activation that was ended by a withdrawal.",
        "Propose and activate the entry anew.",
    ),
    "unsigned_removal": (
        "The entry for %(target)s disappears without expiry and without a signed withdrawal.",
        "Have one person sign the withdrawal.",
    ),
    "round_trip": (
        "The rebuilt list did not pass the round trip through the programs that load it: %(what)s.",
        "The base stays; changes go on with the hot zone. A missing program is named by mamori doctor; else tell the makers.",
    ),
    "history_lost": (
        "%(missing)s earlier withdrawal(s) are missing from the edition.",
        "Compile the edition again with all withdrawal statements.",
    ),
} | {
    f"name_{code}": ("%(target)s cannot be listed. " + message, remedy)
    for code, (message, remedy) in NameRefused.reasons.items()
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why an edition is refused. ``message`` and ``remedy`` are templates for ``params``."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    entry_id: str = ""

    @property
    def message(self) -> str:
        """The template of the message."""
        return REASONS[self.code][0]

    @property
    def remedy(self) -> str:
        """What the operator does about it."""
        return REASONS[self.code][1]

    def __str__(self) -> str:
        """The message filled in, and the remedy."""
        return f"{self.message % self.params} {self.remedy}"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gate holds an edition against. ``keys`` by key id.

    At most ``max_added`` entries are added in a day (when more than twice as many wait: none), and at most ``max_share``
    of the list before; a list below ``small_list`` entries may grow by ``small_list``. ``added_lately``: how many other
    editions of that day added. An entry whose target goes with another one in the same edition, as a renewal's, is none
    of these: it blocks nothing that was not blocked.
    ``reaches_far``: whether a new entry needs a third person's signature.
    """

    today: date
    keys: Mapping[str, PersonKey]
    popular: NameSet
    protected_suffixes: NameSet
    shared_platforms: NameSet
    max_added: int = 1000
    max_share: float = 0.2
    small_list: int = 100
    added_lately: int = 0
    reaches_far: Callable[[ListEntry], bool] = field(default=lambda _entry: False)

    def room(self, before: int) -> int:
        """How many entries may be added now to a list of `before` entries."""
        return max(0, min(self.max_added, self.share_of(before)[1]) - self.added_lately)

    def share_of(self, before: int) -> tuple[int, int]:
        """How long the list was a day ago, and how many entries may have been added to it since."""
        earlier = max(0, before - self.added_lately)
        return earlier, max(self.small_list, int(earlier * self.max_share))


@dataclass(frozen=True, slots=True)
class Rest:
    """What of a long list is the same in both editions and not shown to the gate: its size, and the places it takes."""

    size: int = 0
    takes: Callable[[ListEntry], bool] = field(default=lambda _entry: False)


def gate(previous: Edition | None, proposed: Edition, rules: Rules, rest: Rest = Rest()) -> list[Refusal]:
    """Every reason to refuse ``proposed``, the ones about the whole edition first; an empty list lets it pass.

    Of a long list the two editions may show only what differs (what goes, what comes, and every statement about either);
    ``rest`` is what both have besides.

    What is in force already was judged when it came. Newer rules that refuse it hold no other entry back:
    ``content_refusals`` tells of it.
    """
    before = previous.entries if previous else frozenset()
    added = proposed.entries - before
    removed = before - proposed.entries
    statements = _Statements(previous, proposed, rules)
    freed = {(entry.method, entry.target) for entry in removed}
    more = sum((entry.method, entry.target) not in freed for entry in added)
    found = list(_whole(previous, proposed, more, rules, rest, killed=statements.killed))
    found += statements.lost()
    statements.verify(added)
    for entry in sorted(proposed.entries, key=_order):
        if entry in added or entry.expires_on <= rules.today:
            found += content_refusals(entry, rules)
        found += statements.about(entry, new=entry in added)
    for entry in sorted(removed, key=_order):
        found += statements.about_removed(entry)
    return found


def _order(entry: ListEntry) -> tuple[str, str, str, str]:
    return entry.method, entry.target, entry.entry_id, utc_text(entry.activated_at)


def _whole(
    previous: Edition | None, proposed: Edition, added: int, rules: Rules, rest: Rest, *, killed: bool
) -> Iterator[Refusal]:
    """Version, emptiness, change-size brake, duplicates."""
    last = previous.version if previous else 0
    if proposed.version <= last:
        yield Refusal("version", {"version": proposed.version, "previous": last})
    before = rest.size + (len(previous.entries) if previous else 0)
    if not proposed.entries and not rest.size and before and not killed:
        yield Refusal("empty")
    in_all = added + rules.added_lately
    if added > FLOOD * rules.max_added:
        yield Refusal("flood", {"added": added, "limit": rules.max_added})
    elif added and in_all > rules.max_added:
        yield Refusal("too_many_additions", {"added": in_all, "limit": rules.max_added})
    earlier, limit = rules.share_of(before)
    if added and in_all > limit:
        yield Refusal("too_large_share", {"added": in_all, "before": earlier, "limit": limit})
    places = Counter((entry.method, entry.target) for entry in proposed.entries)
    numbers = Counter(entry.entry_id for entry in proposed.entries)
    for entry in sorted(proposed.entries, key=_order):
        if places[entry.method, entry.target] > 1 or numbers[entry.entry_id] > 1 or rest.takes(entry):
            yield Refusal("duplicate", {"target": entry.target}, entry.entry_id)


def content_refusals(entry: ListEntry, rules: Rules) -> Iterator[Refusal]:
    """Faults of an entry itself, whoever signed it: expired, not fit for its method, or hitting others."""
    shown: dict[str, str | int] = {"target": entry.target}
    if entry.expires_on <= rules.today:
        yield Refusal("expired", shown | {"expires_on": entry.expires_on.isoformat()}, entry.entry_id)
    if entry.method == "dns":
        try:
            listable_name(entry.target)
        except NameRefused as error:
            yield Refusal(f"name_{error.code}", shown, entry.entry_id)
            return
        for code, member in _hits(entry.target, rules):
            yield Refusal(code, shown | {"member": member}, entry.entry_id)
        return
    try:
        address = canonicalize(entry.target)
    except AddressError:
        yield Refusal("not_canonical_url", shown, entry.entry_id)
        return
    if address.url != entry.target:
        yield Refusal("not_canonical_url", shown, entry.entry_id)
    elif address.path == "/" and not address.query:
        named = address.host_kind == "name"
        if not named or suffix_section(address.host) or any(_hits(address.host, rules)):
            yield Refusal("whole_site", shown, entry.entry_id)


def _hits(name: str, rules: Rules) -> Iterator[tuple[str, str]]:
    """Popular, protected and shared names that blocking ``name`` would hit."""
    if member := rules.popular.covered_by(name) or rules.popular.same_holder(name):
        yield "popular", member
    if member := rules.protected_suffixes.above(name) or rules.protected_suffixes.covered_by(name):
        yield "protected", member
    if member := rules.shared_platforms.covered_by(name):
        yield "shared_platform", member
    elif member := rules.shared_platforms.held_whole(name):
        yield "service", member


class _Statements:
    """The signed statements of both editions, indexed."""

    def __init__(self, previous: Edition | None, proposed: Edition, rules: Rules) -> None:
        self._rules = rules
        self._signed: dict[bytes, set[Signature]] = {}
        self._by: dict[bytes, frozenset[PersonKey]] = {}
        self._ended: dict[str, str] = {}  # entry id: latest moment of a signed withdrawal
        self.killed = False
        for signed in proposed.statements:
            self._signed.setdefault(signed.statement, set()).update(signed.signatures)
        self._verified = previous.statements if previous else frozenset()
        former = _withdrawals(previous.statements) if previous else {}
        self._missing = len(former.keys() - self._signed.keys())
        ended = former | _withdrawals(proposed.statements)
        self._verify([statement for statement in ended if statement not in former])
        for statement, (entry_id, moment) in ended.items():
            if statement in former or self._endings(statement):
                self._ended[entry_id] = max(moment, self._ended.get(entry_id, ""))
        for statement in self._signed:
            fields = read_statement(statement)
            if fields.get("action") == "kill" and fields.get("version") == proposed.version:
                self.killed = self.killed or self._endings(statement)

    def _endings(self, statement: bytes) -> bool:
        """Whether a person or a rule validly signed it: one is enough for a withdrawal or the kill switch."""
        return bool(self._signers(statement))

    def _signers(self, statement: bytes) -> frozenset[PersonKey]:
        if statement not in self._by:
            self._by[statement] = signers(statement, self._signed.get(statement, ()), self._rules.keys)
        return self._by[statement]

    def verify(self, entries: Iterable[ListEntry]) -> None:
        """Verify the signatures on many entries."""
        self._verify([activation_statement(entry) for entry in entries])

    def _verify(self, told: Sequence[bytes]) -> None:
        """Many are verified with two processors: libsodium lets other threads run meanwhile."""
        if len(told) > MANY:
            with ThreadPoolExecutor(2) as both:
                list(both.map(lambda half: [self._signers(statement) for statement in half], (told[::2], told[1::2])))

    def lost(self) -> Iterator[Refusal]:
        if self._missing:
            yield Refusal("history_lost", {"missing": self._missing})

    def about(self, entry: ListEntry, *, new: bool) -> Iterator[Refusal]:
        """Faults in the activation of an entry. Signatures unchanged since the edition in force were verified then."""
        shown: dict[str, str | int] = {"target": entry.target}
        statement = activation_statement(entry)
        signatures = self._signed.get(statement, set())
        if utc_text(entry.activated_at) <= self._ended.get(entry.entry_id, ""):
            yield Refusal("withdrawn", shown, entry.entry_id)
        if statement not in self._signed:
            yield Refusal("no_activation", shown, entry.entry_id)
        elif new or SignedStatement(statement, frozenset(signatures)) not in self._verified:
            by = {key for key in self._signers(statement) if key.role != "rule"}
            persons = len({key.person for key in by})
            approvers = len({key.person for key in by if key.role == "approver"})
            if persons < 2:
                yield Refusal("too_few_persons", shown | {"persons": persons}, entry.entry_id)
            elif not approvers:
                yield Refusal("no_approver", shown, entry.entry_id)
            elif new and self._rules.reaches_far(entry) and (persons < 3 or approvers < 2):
                yield Refusal("third_missing", shown | {"persons": persons}, entry.entry_id)

    def about_removed(self, entry: ListEntry) -> Iterator[Refusal]:
        ended = utc_text(entry.activated_at) <= self._ended.get(entry.entry_id, "")
        if not (ended or self.killed or entry.expires_on <= self._rules.today):
            yield Refusal("unsigned_removal", {"target": entry.target}, entry.entry_id)


def _withdrawals(statements: Iterable[SignedStatement]) -> dict[bytes, tuple[str, str]]:
    """Statement: (entry id, moment) of every withdrawal."""
    found: dict[bytes, tuple[str, str]] = {}
    for signed in statements:
        fields = read_statement(signed.statement)
        if fields.get("action") == "withdraw":
            found[signed.statement] = str(fields.get("entry_id")), str(fields.get("withdrawn_at"))
    return found
