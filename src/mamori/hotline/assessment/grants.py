# Decisions, events and withdrawals are append-only: nobody may change or delete one.
_APPEND = {"staff": "SELECT, INSERT", "worker": "SELECT, INSERT"}
_WRITE = {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT, UPDATE"}
GRANTS = {
    "assessment_criteria": {"staff": "SELECT", "worker": "SELECT", "partner": "SELECT"},
    "assessment_contentitem": {**_WRITE, "partner": "SELECT"},
    "assessment_contentreport": {**_WRITE, "partner": "SELECT"},
    "assessment_contentevent": _APPEND,
    "assessment_lease": _WRITE,
    "assessment_decision": {**_APPEND, "partner": "SELECT"},
    "assessment_withdrawal": {"staff": "SELECT, INSERT", "worker": "SELECT"},
    "assessment_exposurelift": {"staff": "SELECT, INSERT", "worker": "SELECT"},
    "assessment_dutypresence": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
}
