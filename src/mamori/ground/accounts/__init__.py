"""Accounts: people, organisations, roles, invitations, partner tokens. Nobody is a superuser."""
