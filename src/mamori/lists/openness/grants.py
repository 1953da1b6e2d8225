GRANTS = {
    "openness_committedbase": {"worker": "SELECT, INSERT"},
    "openness_commitment": {"worker": "SELECT, INSERT, UPDATE"},
}
