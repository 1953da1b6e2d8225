"""`python -m mamori`: the same as the `mamori` command."""

from mamori.site.cli import main

main()
