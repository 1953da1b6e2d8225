"""The public face reads published figures and nothing else of the list."""

GRANTS = {
    "openness_committedbase": {"worker": "SELECT, INSERT"},
    "openness_commitment": {"worker": "SELECT, INSERT, UPDATE"},
    "openness_publishedperiod": {"public": "SELECT", "worker": "SELECT, INSERT"},
}
