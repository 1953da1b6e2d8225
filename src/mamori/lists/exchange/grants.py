GRANTS = {
    "exchange_quota": {"partner": "SELECT"},
    "exchange_meter": {"partner": "SELECT, INSERT, UPDATE"},
}
