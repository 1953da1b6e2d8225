GRANTS = {
    "checks_watch": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT, UPDATE"},
    # Append-only: nobody who serves requests may change or take away what was found.
    "checks_check": {"staff": "SELECT, INSERT", "worker": "SELECT, INSERT"},
}
