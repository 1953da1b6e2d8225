from django.core.exceptions import ValidationError
from django.core.validators import validate_email


def mail_or_nothing(text: object) -> str:
    """A mail address in lower case without `mailto:`; "" for anything else."""
    if not isinstance(text, str):
        return ""
    mail = text.strip().removeprefix("mailto:").lower()
    try:
        validate_email(mail)
    except ValidationError:
        return ""
    return mail if len(mail) <= 254 else ""
