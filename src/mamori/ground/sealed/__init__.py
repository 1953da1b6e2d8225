"""Sealed fields: what a reporter wrote and who they are, readable only with the hotline's private key.

Each record has its own data key, wrapped to the hotline's public key. The faces that take reports hold only the
public key. Destroying the wrapped key destroys the record (crypto-erasure).
"""
