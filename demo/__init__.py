"""The demo world: real programs on loopback around Mamori. Not part of the product; the product never imports it."""
