GRANTS = {"desks_figures": {"staff": "SELECT", "worker": "SELECT, INSERT, UPDATE"}}
