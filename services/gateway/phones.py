"""Phone numbers, as people write them and as they are kept."""

from __future__ import annotations

import phonenumbers

_SHOWN_AT_THE_END = 4
_SHOWN_AT_THE_START = 3


def e164(text: str, region: str) -> str:
    """A number in E.164, such as `+8613800138000`.

    One without a country code is of the region (ISO 3166-1 alpha-2; empty: it must have one).
    Raises ValueError for what is no number.
    """
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException as error:
        raise ValueError("not a phone number with its country code") from error
    if not phonenumbers.is_valid_number(number):
        raise ValueError("not a phone number that there can be")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked(phone: str) -> str:
    """A number in E.164 so that its owner knows it and others learn little: `+86 138****8000`."""
    number = phonenumbers.parse(phone)
    own = phonenumbers.national_significant_number(number)
    start, end = own[:_SHOWN_AT_THE_START], own[-_SHOWN_AT_THE_END:]
    return f"+{number.country_code} {start}****{end}"
