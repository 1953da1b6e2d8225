GRANTS = {
    "letters_letter": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT, UPDATE"},
}
