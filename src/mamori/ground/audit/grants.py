GRANTS = {
    "audit_event": {
        "public": "INSERT",
        "partner": "INSERT",
        "staff": "INSERT, SELECT",
        "worker": "INSERT, SELECT",
    },
    "audit_seal": {"staff": "SELECT", "worker": "INSERT, SELECT"},
    "audit_checkpoint": {"staff": "SELECT", "worker": "INSERT, SELECT"},
    "audit_verification": {"staff": "SELECT, INSERT", "worker": "SELECT, UPDATE"},
}
