"""When PDQ fingerprints say that two pictures are similar: https://github.com/facebook/ThreatExchange, pdq/README.md."""

RADIUS = 31  # bits of 256 in which similar pictures' fingerprints differ at most
LEAST_QUALITY = 50  # of a fingerprint (0 to 100); below it the picture is too plain to be compared
