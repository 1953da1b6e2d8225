"""A list body's log and its witness without a platform: commits editions, makes the files that show them."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.transparency.chain import GENESIS, ChainedEvent, canonical, link
from mamori.engine.transparency.checkpoint import Checkpoint, sign_checkpoint
from mamori.engine.transparency.merkle import Tree
from mamori.engine.transparency.note import NoteSigner, SignedNote
from mamori.engine.transparency.openings import EVENT, Commitment, write_log_proof


class WitnessedLog:
    def __init__(self, origin: str = "hotline.example/log") -> None:
        self.signer = NoteSigner(origin, Ed25519PrivateKey.generate())
        self.witness = NoteSigner("witness.example/w1", Ed25519PrivateKey.generate())
        self.tree, self.head = Tree(), GENESIS
        self.rows: dict[tuple[int, str], ChainedEvent] = {}

    @property
    def options(self) -> list[str]:
        return ["--log-key", self.signer.key.vkey, "--witness-key", self.witness.cosigning_key.vkey]

    def commit(self, version: int, digest: str) -> None:
        held = Commitment(version, digest, "0" * 64, 1, 1, 0, 0, 1, 0, killed=False)
        event = canonical({"at": "2026-11-30T00:00:00.000000+00:00", "codes": held.codes(), "event": EVENT})
        previous, seq = self.head, self.tree.size + 1
        self.head = link(previous, seq, event)
        self.tree.append(self.head)
        self.rows[version, digest] = ChainedEvent(seq, event, previous, self.head)

    def proof(self, version: int, digest: str) -> bytes:
        """What the partner face hands out of an edition that was committed; commits it when it was not."""
        if (version, digest) not in self.rows:
            self.commit(version, digest)
        row = self.rows[version, digest]
        note = sign_checkpoint(Checkpoint(self.signer.name, self.tree.size, self.tree.root()), self.signer)
        cosigned = str(SignedNote.parse(note).add([self.witness.cosign(SignedNote.parse(note).text, 5000)]))
        return write_log_proof(row, cosigned, self.tree.inclusion_proof(row.seq - 1)).encode()
