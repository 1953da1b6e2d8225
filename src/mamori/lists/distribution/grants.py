GRANTS = {
    "distribution_killorder": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT"},
    "distribution_edition": {"staff": "SELECT", "worker": "SELECT, INSERT, UPDATE"},
    "distribution_editionchange": {"staff": "SELECT", "worker": "SELECT, INSERT"},
    "distribution_keptpiece": {"worker": "SELECT, INSERT, DELETE"},
    "distribution_wait": {"staff": "SELECT", "worker": "SELECT, INSERT, UPDATE, DELETE"},
    "distribution_halt": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT"},
    "distribution_probe": {"staff": "SELECT", "worker": "SELECT, INSERT, UPDATE"},
    "distribution_knotstate": {"staff": "SELECT", "worker": "SELECT, INSERT, UPDATE"},
    "distribution_subscriber": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE"},
    "distribution_offer": {"staff": "SELECT", "worker": "SELECT, INSERT"},
    "distribution_taken": {"partner": "INSERT", "staff": "SELECT", "worker": "SELECT, INSERT"},
}
