GRANTS = {
    "sealed_datakey": {
        "public": "INSERT, SELECT",
        "partner": "INSERT",
        "staff": "INSERT, SELECT",
        "worker": "SELECT, UPDATE",
    },
}
