"""Command-line tools that stand on the engine alone (`pip install mamori` without the platform)."""
