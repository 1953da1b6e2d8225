"""Every performance figure the papers quote, one command each. Loopback only; never part of the test-suite."""
