"""How e-mail and web addresses are written, in every language."""

from __future__ import annotations

from services.tts.normalise.grammar import any_of

# fmt: off
_TOP_LEVEL_DOMAINS = (
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "io", "ai", "co", "me", "tv",
    "app", "dev", "xyz", "online", "site", "tech", "store", "blog", "cloud", "us", "uk", "ca", "au",
    "de", "fr", "es", "it", "nl", "se", "ch", "jp", "kr", "cn", "hk", "tw", "in", "br", "ru", "eu",
)
# fmt: on
_LABEL = r"[A-Za-z0-9-]{1,63}"

HOST = rf"(?:{_LABEL}\.){{1,6}}(?:{any_of(_TOP_LEVEL_DOMAINS)})(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
"""A host name that is recognised by its end."""

_PATH = (
    r"(?::\d{2,5}(?!\d))?"
    r"(?:[/?#](?:[A-Za-z0-9_/.?=&#%~+:@-]{0,300}[A-Za-z0-9_/=])?)?"
)  # fmt: skip

EMAIL = (
    r"(?:mailto:)?(?P<user>[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63})"
    rf"@(?P<host>(?:{_LABEL}\.){{1,6}}[A-Za-z]{{2,10}})"
)
"""jane.doe@example.com."""

URL = rf"(?:https?://|ftp://)(?P<host>{HOST}|[A-Za-z0-9][A-Za-z0-9.-]{{0,252}})(?P<path>{_PATH})"
"""https://example.com/docs."""

SITE = rf"(?P<host>{HOST})(?P<path>{_PATH})"
"""www.example.com, example.com/docs."""
