"""The audit log: append-only events, chained by one sealer, checkpoints co-signed by a witness outside.

`record` is the only writer. The log holds ids and codes, never personal data, so erasure never breaks the chain.
"""

from mamori.ground.audit.log import Code, record, record_many

__all__ = ["Code", "record", "record_many"]
