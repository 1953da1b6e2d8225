from mamori.lists.openness.services.commitments import challenge_answer, edition_commit, editions_prove, proof_of

__all__ = ["challenge_answer", "edition_commit", "editions_prove", "proof_of"]
