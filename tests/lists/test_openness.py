"""Editions in the witnessed log: an auditor opens what lots drew; two lists under one number are seen."""

import json
import re
import secrets
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from mamori.engine.editions import SignedStatement, sign_statement
from mamori.engine.editions.entries import read_signed, statement_line
from mamori.engine.transparency import openings
from mamori.engine.transparency.merkle import Tree, leaf_hash
from mamori.ground import audit
from mamori.ground.actors import SYSTEM
from mamori.ground.audit.models import Event
from mamori.ground.audit.proofs import shown_in_log
from mamori.ground.audit.services import exported_lines
from mamori.ground.errors import DomainError
from mamori.lists.distribution import services as distribution
from mamori.lists.distribution.models import Edition
from mamori.lists.listing import services as listing
from mamori.lists.listing.states import Method
from mamori.lists.openness import services
from mamori.lists.openness.models import Commitment, CommittedBase
from mamori.site.commands import mount
from mamori.tools.cli import app
from tests.lists.cases import listable
from tests.programs import needs

ROOT = Path(__file__).resolve().parents[2]
# A base is folded, which four programs judge.
pytestmark = [pytest.mark.django_db, needs("knotd", "knotc", "named-checkzone", "unbound", "pdns_recursor")]


@pytest.fixture
def edition(press, body, person, run_jobs, witness, tmp_path):
    """A folded edition of four entries, then one entry more and one less, committed and witnessed. `run`: a command."""
    entries = [body.list(listable(f"https://n{number}.example/1", person)) for number in range(3)]
    entries.append(body.list(listable("https://page.example/board/1", person), Method.URL))
    run_jobs()
    distribution.edition_fold()
    run_jobs()
    entries.append(body.list(listable("https://late.example/1", person)))
    listing.content_gone(content_id=entries[0].content_id)
    run_jobs()
    witness.seal()
    services.editions_prove()
    row = Edition.objects.filter(state="published").order_by("-version").first()
    root = tmp_path / "root.json"
    root.write_bytes(press.root)
    proof = tmp_path / "proof.json"
    proof.write_text(services.proof_of(row.version))

    def run(command, *arguments):
        return CliRunner().invoke(app, ["openness", command, *map(str, arguments), *witness.options])

    return SimpleNamespace(row=row, entries=entries, run=run, proof=proof, root=root, folder=tmp_path)


def test_an_auditor_opens_what_lots_drew_and_learns_no_more(edition):
    challenge, answer = edition.folder / "challenge.json", edition.folder / "answer.json"
    drawn = edition.run("challenge", edition.proof, challenge, "--number", 3)
    assert drawn.exit_code == 0, drawn.output
    answer.write_text(services.challenge_answer(challenge.read_text()))
    shown = json.loads(answer.read_text())["openings"]
    assert len(shown) == 3
    opened = {str(entry.id) for entry in edition.entries if str(entry.id) in answer.read_text()}
    assert len(opened) <= 3 < len(edition.entries)
    checked = edition.run("verify", edition.proof, challenge, answer, edition.root)
    assert checked.exit_code == 0, checked.output
    assert "3 of 6" in checked.output
    # Every leaf: the base's four, the one that came, the one that went.
    whole = edition.folder / "whole.json"
    edition.run("challenge", edition.proof, whole, "--number", 100, "--entry", edition.entries[4].id)
    answer.write_text(services.challenge_answer(whole.read_text()))
    checked = edition.run("verify", edition.proof, whole, answer, edition.root)
    assert checked.exit_code == 0, checked.output
    assert "category removal_too_slow" in checked.output
    assert Edition.objects.filter(state="published").count() == Commitment.objects.count(), "every edition"


@pytest.fixture
def platform_app():
    """The `mamori` command of an installation with the platform, in this process."""
    whole = deepcopy(app)  # others test the tools alone
    mount(whole)
    return whole


def test_the_auditors_guide_is_followed_by_the_commands_alone(edition, witness, platform_app, monkeypatch):
    """Every step of the guide as it is written there, the list body's and the auditor's."""
    row, guide = edition.row, (ROOT / "docs/guides/auditors.md").read_text()
    keys = " ".join(witness.options)
    monkeypatch.chdir(edition.folder)
    edition.proof.unlink()  # made by the first step

    def run(written):
        for word, value in (("1234", str(row.version)), ("--digest …", f"--digest {row.digest}"),
                            ("--log-key … --witness-key …", keys)):  # fmt: skip
            written = written.replace(word, value)
        assert "…" not in written
        return CliRunner().invoke(platform_app, ["openness", *written.split()], env={"MAMORI_FACE": "worker"})

    steps = re.findall(r"^\d\. .*?: `mamori openness (\w+ .*?)`", guide, re.MULTILINE)
    assert [step.split()[0] for step in steps] == ["proof", "challenge", "answer", "verify"]
    *_steps, verdict = (run(step) for step in steps)
    assert (verdict.exit_code, verdict.output.splitlines()[-1:]) == (0, ["OK"]), verdict.output
    assert "6 of 6" in verdict.output
    assert (edition.folder / "answer.json").stat().st_mode & 0o777 == 0o600
    assert Event.objects.filter(event="openness.challenge_answered").count() == 1
    (check,) = re.findall(r"`mamori openness (check .*?)`", guide)
    assert run(check).exit_code == 0
    missing = run("proof 99999 none.json")
    assert (missing.exit_code, (edition.folder / "none.json").exists()) == (2, False)


def tampered(edition, change):
    """The auditor's verdict on an answer to every leaf that `change` was let loose on."""
    challenge, answer = edition.folder / "c.json", edition.folder / "a.json"
    edition.run("challenge", edition.proof, challenge, "--number", 100)
    told = json.loads(services.challenge_answer(challenge.read_text()))
    change(told)
    answer.write_text(json.dumps(told))
    return edition.run("verify", edition.proof, challenge, answer, edition.root)


def swap(told):
    one, two = told["openings"][:2]
    one["content"], two["content"] = two["content"], one["content"]


CHANGES = [
    (lambda told: told["openings"].pop(), "was not opened"),
    (lambda told: told["openings"][0].update(content=told["openings"][0]["content"] + " "), "not what was committed"),
    (swap, "is not what was committed"),
    (lambda told: told["openings"][0].update(salt="AAAA"), "its salt is not 32 bytes"),
    (lambda told: told["openings"][0].update(proof=[]), "is not what was committed"),
    (lambda told: told.update(members=told["members"].replace("Aki", "Eve")), "not signed by the root keys"),
]


def test_an_answer_that_is_not_what_was_committed_fails(edition):
    for change, said in CHANGES:
        verdict = tampered(edition, change)
        assert verdict.exit_code in (1, 2)
        assert said in verdict.output
        (edition.folder / "c.json").unlink()


def committed(line: bytes, day, members: bytes, root: bytes, *, base: int = 1, added: int = 0):
    """The auditor's verdict on an edition that the house itself committed to: one entry, in one leaf or in two."""
    leaves = [openings.leaf(openings.salt(b"s" * 32, index), line) for index in range(base + added)]
    tree = Tree()
    for each in leaves:
        tree.append(each)
    hashes = [leaf_hash(each) for each in leaves]
    held = openings.Commitment(9, "d" * 64, tree.root().hex(), 9, base, added, 0, base + added, 0, killed=False)
    opened = [
        openings.Opening(index, openings.salt(b"s" * 32, index), line, tuple(hashes[:index] + hashes[index + 1 :]))
        for index in range(base + added)
    ]
    challenge = openings.Challenge(9, held.root, tuple(range(base + added)))
    return openings.audit_answer((held, day), challenge, openings.write_answer(9, members, opened), root).faults


def test_an_entry_without_two_persons_or_a_category_is_found(edition, press, body):
    version = edition.row.version
    members = (press.folder / str(version) / "members.json").read_bytes()
    line = (press.folder / str(edition.row.base) / "activations.jsonl").read_bytes().splitlines()[0]
    signed, day = read_signed(json.loads(line)), edition.row.built_at.date()
    assert committed(line, day, members, press.root) == ()
    (fault,) = committed(line, day, members, press.root, base=2)
    assert "more than once" in fault
    assert committed(line, day, members, press.root, base=0, added=1) == ()
    late = day + timedelta(days=400)
    assert "had expired" in " ".join(committed(line, late, members, press.root, base=0, added=1))
    one = SignedStatement(signed.statement, frozenset(list(signed.signatures)[:1]))
    (fault,) = committed(statement_line(one), day, members, press.root)
    assert "not signed by two persons" in fault
    stranger = sign_statement(
        signed.statement,
        Ed25519PrivateKey.generate(),
    )
    (fault,) = committed(
        statement_line(SignedStatement(signed.statement, one.signatures | {stranger})), day, members, press.root
    )
    assert "not signed by two persons" in fault
    bare = json.loads(signed.statement) | {"reason": ""}
    statement = json.dumps(bare, sort_keys=True, separators=(",", ":")).encode()
    both = {sign_statement(statement, body.keys[user.id]) for user in (body.reviewer, body.approver)}
    (fault,) = committed(statement_line(SignedStatement(statement, frozenset(both))), day, members, press.root)
    assert "has no category" in fault
    (fault,) = committed(b"{}", day, members, press.root)
    assert "holds no signed entry" in fault


def test_two_subscribers_with_different_editions_of_one_number_are_seen(edition, witness, run_jobs):
    row = edition.row
    good = edition.run("check", edition.proof, "--edition", row.version, "--digest", row.digest)
    assert good.exit_code == 0, good.output
    # The second subscriber was handed another list under the same number; the log has the first one only.
    other = secrets.token_hex(32)
    bad = edition.run("check", edition.proof, "--edition", row.version, "--digest", other)
    assert bad.exit_code == 1
    assert "others were given another list" in bad.output
    # The house logs the second list, too, so that each of the two has a proof that fits: together they show it.
    commitment = Commitment.objects.get(version=row.version)
    held, _day = openings.open_log_proof(commitment.proof, witness.log, [witness.key])
    audit.record(openings.EVENT, subject=commitment, actor=SYSTEM, **(held.codes() | {"digest": other}))
    witness.seal()
    Commitment.objects.filter(version=row.version).update(proof="")
    services.editions_prove()
    *_first, second = shown_in_log(openings.EVENT, "openness.commitment", [str(row.version)])
    theirs = edition.folder / "theirs.json"
    theirs.write_text(openings.write_log_proof(second.row, second.checkpoint, second.proof))
    alone = edition.run("check", theirs, "--edition", row.version, "--digest", other)
    assert alone.exit_code == 0, "alone it cannot be seen"
    together = edition.run("check", theirs, "--edition", row.version, "--digest", other, "--other", edition.proof)
    assert together.exit_code == 1
    assert "were given different lists" in together.output
    export = edition.folder / "log.jsonl"
    export.write_bytes(b"".join(exported_lines()))
    audited = edition.run("check", theirs, "--edition", row.version, "--digest", other, "--export", export)
    assert audited.exit_code == 1
    assert "2 different editions" in audited.output


def test_a_proof_the_witness_did_not_cosign_or_that_was_changed_is_refused(edition, witness):
    text = json.loads(edition.proof.read_text())
    unsigned = text | {"checkpoint": "".join(text["checkpoint"].splitlines(keepends=True)[:-1])}
    edited = text | {"event": text["event"].replace('\\"version\\":', '\\"version\\":1')}
    for changed, said in (
        (unsigned, "no trusted witness"), (edited, "not what was sealed"), (text | {"proof": []}, "does not stand in"),
        ({}, "no proof of an edition"),
    ):  # fmt: skip
        edition.proof.write_text(json.dumps(changed))
        refused = edition.run("check", edition.proof, "--edition", edition.row.version, "--digest", edition.row.digest)
        assert refused.exit_code == 2
        assert said in " ".join(refused.output.split())


def test_without_a_witness_nothing_is_shown_and_altered_files_are_not_opened(press, body, person, run_jobs, edition):
    body.list(listable("https://last.example/1", person))
    run_jobs()
    version = Edition.objects.order_by("-version").first().version
    with pytest.raises(DomainError, match="not_witnessed"):
        services.proof_of(version)
    with pytest.raises(DomainError, match="no_challenge"):
        services.challenge_answer("{}")
    CommittedBase.objects.filter(version=edition.row.base).update(seed=b"x" * 32)
    challenge = edition.folder / "again.json"
    edition.run("challenge", edition.proof, challenge)
    with pytest.raises(DomainError, match="edition_altered"):
        services.challenge_answer(challenge.read_text())
