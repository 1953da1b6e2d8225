"""Tamper evidence: Merkle trees, signed notes, checkpoints, the audit chain and its verification."""
