"""Letters: the outbox for mail. Stored first, sent by a job that is safe to run twice, announced when handed over."""
