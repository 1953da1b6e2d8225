"""The partner face adds proposals, votes and counts, and changes no entry; the public face knows nothing of the bank."""

GRANTS = {
    "fingerprints_source": {"staff": "SELECT, INSERT, UPDATE", "partner": "SELECT", "worker": "SELECT, INSERT"},
    "fingerprints_importrun": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE"},
    "fingerprints_importpiece": {"staff": "SELECT, INSERT, DELETE", "worker": "SELECT, DELETE"},
    "fingerprints_entry": {
        "staff": "SELECT, INSERT, UPDATE",
        "partner": "SELECT, INSERT",
        "worker": "SELECT, INSERT, UPDATE",
    },
    "fingerprints_entryevent": {"staff": "SELECT, INSERT", "partner": "INSERT, SELECT", "worker": "SELECT, INSERT"},
    "fingerprints_fingerprint": {"staff": "SELECT, INSERT", "partner": "SELECT, INSERT", "worker": "SELECT, INSERT"},
    "fingerprints_vote": {"staff": "SELECT, INSERT", "partner": "SELECT, INSERT", "worker": "SELECT"},
    "fingerprints_harmless": {
        "staff": "SELECT, INSERT, UPDATE",
        "partner": "SELECT",
        "worker": "SELECT, UPDATE",
    },
    "fingerprints_disagreement": {
        "staff": "SELECT, INSERT, UPDATE",
        "partner": "SELECT, INSERT",
        "worker": "SELECT, INSERT, UPDATE",
    },
    "fingerprints_change": {"staff": "SELECT, INSERT", "partner": "SELECT", "worker": "SELECT, INSERT"},
    "fingerprints_matchday": {"staff": "SELECT", "partner": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
    "fingerprints_entryhits": {"staff": "SELECT", "partner": "SELECT, INSERT, UPDATE", "worker": "SELECT, DELETE"},
}
