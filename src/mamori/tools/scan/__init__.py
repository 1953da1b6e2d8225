"""`mamori scan`: examine a provider's own files for known images, resumable, on one machine or a Ray cluster.

Fingerprints are made in child processes with limits and looked up in a bank; pictures are kept and shown nowhere.
"""
