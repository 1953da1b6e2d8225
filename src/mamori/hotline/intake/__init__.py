"""Intake: what people tell us. Reports come by the public form, an operator, the police, a partner's API or a file."""
