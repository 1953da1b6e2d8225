"""The public face reads published figures and nothing else of the list. Seeds open commitments: no face reads them."""

GRANTS = {
    "openness_committedbase": {"worker": "SELECT, INSERT"},
    "openness_commitment": {
        "partner": "SELECT (version, proof)",
        "staff": "SELECT (version, proof)",
        "worker": "SELECT, INSERT, UPDATE",
    },
    "openness_publishedperiod": {"public": "SELECT", "worker": "SELECT, INSERT"},
}
