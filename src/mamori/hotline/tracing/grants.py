_WRITE = "SELECT, INSERT, UPDATE"
GRANTS = {
    "tracing_contact": {"staff": _WRITE, "worker": _WRITE, "partner": "SELECT"},
    "tracing_trace": {"staff": _WRITE, "worker": _WRITE, "partner": "SELECT"},
    "tracing_vote": {"staff": "SELECT, INSERT", "worker": "SELECT, INSERT"},
    "tracing_rung": {"staff": "SELECT, INSERT, UPDATE, DELETE", "worker": "SELECT, INSERT, UPDATE, DELETE"},
    "tracing_hostaddress": {"staff": _WRITE, "worker": _WRITE},
}
