"""The engine: typed Python that knows no Django, no clock and no network."""
