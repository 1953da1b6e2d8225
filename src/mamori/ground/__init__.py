"""What every wing stands on: clock, errors, states, facts, audit, accounts, sealed fields, letters, ui."""
