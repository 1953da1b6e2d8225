"""The look of every page: one stylesheet, tables, charts, words and colours of states. No models."""
