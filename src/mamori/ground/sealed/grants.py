GRANTS = {
    "sealed_datakey": {
        "public": "INSERT",
        "partner": "INSERT",
        "staff": "INSERT, SELECT",
        "worker": "SELECT, UPDATE",
    },
}
