"""The public face adds reports, and reads of a submission only what its receipt page shows."""

GRANTS = {
    "intake_submission": {
        "public": "INSERT, SELECT (id, receipt_digest, reply_key, released_hour)",
        "partner": "INSERT",
        "staff": "SELECT, INSERT, UPDATE",
        "worker": "SELECT, UPDATE",
    },
    "intake_report": {
        "public": "INSERT",
        "partner": "INSERT, SELECT (id, organisation_id, external_id)",
        "staff": "SELECT, INSERT, UPDATE",
        "worker": "SELECT, UPDATE",
    },
    "intake_message": {
        "public": "INSERT, SELECT (submission_id, direction, sent_hour, place, for_reporter)",
        "staff": "SELECT, INSERT, UPDATE",
        "worker": "SELECT, UPDATE",
    },
    "intake_oneuse": {"public": "INSERT", "worker": "SELECT, DELETE"},
    "intake_apibatch": {"partner": "SELECT, INSERT", "worker": "SELECT, DELETE"},
    "intake_daycount": {"staff": "SELECT, INSERT", "worker": "SELECT, INSERT, DELETE"},
}
