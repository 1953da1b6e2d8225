"""Columns of the tables a report is written to, for those who write them without Mamori."""

KEYS = "id, wrapped"
SUBMISSIONS = (
    "id, source, channel, organisation_id, received_hour, locale, receipt_digest, reply_key, data_key, sealed_text,"
    " sealed_contact, details, legal_hold, police_hold"
)
REPORTS = (
    "id, submission_id, source, organisation_id, external_id, received_hour, url, digest, sealed_typed, seen_on,"
    " child_at_risk, state, screening, outcome"
)
