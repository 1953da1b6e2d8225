"""The hotline: intake, assessment, tracing, referral to the police, checks, takedown (in the order of the way)."""
