"""That an event stands in the log, shown to others: the event, a witnessed checkpoint, and the path between them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mamori.engine.transparency.chain import ChainedEvent
from mamori.engine.transparency.checkpoint import Checkpoint as Head
from mamori.engine.transparency.merkle import Tree
from mamori.engine.transparency.note import SignedNote
from mamori.ground.audit import models
from mamori.ground.audit.services import event_bytes


class Shown(NamedTuple):
    """`subject`: the id of what it happened to. `proof`: inclusion of the row's hash under the checkpoint's root."""

    subject: str
    row: ChainedEvent
    checkpoint: str
    proof: list[bytes]


_trees: list[Tree] = [Tree()]  # the log only grows: a process reads each leaf once


def shown_in_log(event: str, kind: str, subjects: Iterable[str]) -> Iterator[Shown]:
    """Proofs for the events of this name about these subjects, under the newest checkpoint a witness cosigned.

    Events it does not cover yet are left out: ask again later. `kind`: the subjects' table, as in the log.
    """
    newest = models.Checkpoint.objects.filter(witnessed=True).order_by("-size").first()
    found = models.Event.objects.filter(event=event, subject_type=kind, subject_id__in=list(subjects))
    rows = list(
        models.Seal.objects.filter(event_id__in=found.values("id"), seq__lte=newest.size if newest else 0)
        .select_related("event")
        .order_by("seq")
    )
    if newest is None or not rows:
        return
    head = Head.parse(SignedNote.parse(newest.note).text)
    tree = _tree(head)
    for seal in rows:
        one = seal.event
        data = event_bytes((
            one.id, one.at, one.event, one.actor_kind, one.actor_id, one.organisation_id,
            one.subject_type, one.subject_id, one.codes,
        ))  # fmt: skip
        row = ChainedEvent(seal.seq, data, bytes(seal.previous), bytes(seal.hash))
        yield Shown(one.subject_id, row, newest.note, tree.inclusion_proof(seal.seq - 1, head.size))


def _tree(head: Head) -> Tree:
    """The log's tree up to the checkpoint. ValueError when the log is not what was signed."""
    for known in (_trees[0], Tree()):
        hashes = models.Seal.objects.filter(seq__gt=known.size, seq__lte=head.size).order_by("seq")
        known.extend(bytes(digest) for digest in hashes.values_list("hash", flat=True).iterator(10_000))
        if known.size >= head.size and known.root(head.size) == head.root:
            _trees[0] = known
            return known
    raise ValueError("the log is not the one its checkpoint signed: run mamori audit verify")
