from mamori.lists.openness.services.commitments import challenge_answer, edition_commit, editions_prove, proof_of
from mamori.lists.openness.services.figures import figures_publish

__all__ = ["challenge_answer", "edition_commit", "editions_prove", "figures_publish", "proof_of"]
