"""E-mail and web addresses, phone numbers and other things that are spelled out, in English."""

from __future__ import annotations

import re

from services.tts.normalise.addresses import EMAIL, SITE, URL
from services.tts.normalise.english.numbers import cardinal, digits, label
from services.tts.normalise.grammar import Rule, preceding, reads

# fmt: off
_MARKS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "~": "tilde", "+": "plus", "@": "at",
}
_SPOKEN = {
    "www": "W.W.W", "gmail": "G mail", "github": "git hub", "http": "H.T.T.P",
    "https": "H.T.T.P.S", "html": "H.T.M.L", "php": "P.H.P", "linkedin": "linked in", "a": "ay",
}
# fmt: on
_WORDS_OF_TWO_LETTERS = ("co", "me", "to", "go", "my", "us", "in", "on", "is", "it", "hi", "we")


def _spelled(address: str) -> str:
    """An address word by word, its marks by name."""
    words = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^\w]|_", address):
        if part.isdigit():
            words.append(label(part))
        elif part in _MARKS:
            words.append(_MARKS[part])
        else:
            words.append(_SPOKEN.get(part.lower(), part))
    return " ".join(words)


def _host(host: str) -> str:
    """A host name; a country or the like of two letters is spelled."""
    name, dot, last = host.rpartition(".")
    if not dot or last.isdigit():
        return _spelled(host)
    if len(last) == 2 and last not in _WORDS_OF_TWO_LETTERS:
        last = f"{last[0]}.{last[1]}".upper()
    return f"{_spelled(name)} dot {last}"


@reads(EMAIL)
def _email(match: re.Match[str]) -> str:
    """jane.doe@example.com."""
    return f"{_spelled(match['user'])} at {_host(match['host'])}"


@reads(URL)
def _url(match: re.Match[str]) -> str:
    """https://example.com/docs, whose scheme nobody says."""
    return _site_and_path(match)


@reads(SITE)
def _site(match: re.Match[str]) -> str:
    """www.example.com, example.com/docs."""
    return _site_and_path(match)


def _site_and_path(match: re.Match[str]) -> str:
    return f"{_host(match['host'])} {_spelled(match['path'].rstrip('/'))}".strip()


@reads(r"\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)(?::(\d{1,5})(?!\d))?")
def _ip_address(match: re.Match[str]) -> str:
    """192.168.1.1:8080."""
    host = match[0].partition(":")[0]
    spoken = " dot ".join(digits(p) if p[0] == "0" else label(p) for p in host.split("."))
    return f"{spoken} colon {digits(match[1])}" if match[1] else spoken


def _groups(number: str) -> str:
    return ", ".join(digits(group) for group in re.findall(r"\d+", number))


_EXTENSION = r"(?:,?\ ?(?:x|ext\.?|extension)\ ?(?P<extension>\d{1,6})(?!\d))?"


@reads(r"\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,5}(?!\d)" + _EXTENSION)
def _international_phone(match: re.Match[str]) -> str:
    """+1 415-555-0132, +442079460958."""
    return f"plus {_phone(match)}"


@reads(r"(?:1[ .-])?(?:\(\d{3}\)\ ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\d-])" + _EXTENSION)
def _area_phone(match: re.Match[str]) -> str:
    """(415) 555-0132, 1-800-555-0199 x12."""
    return _phone(match)


@reads(r"1-(8\d\d)-(?=[A-Z])")
def _toll_free_word(match: re.Match[str]) -> str:
    """1-800-FLOWERS."""
    return f"one, {label(match[1])}, "


@reads(r"\d{3}-\d{4}(?![\d-])" + _EXTENSION)
def _local_phone(match: re.Match[str]) -> str | None:
    """555-0132, but not a range such as 100-2000."""
    number = match[0][4:8]
    return None if number.endswith("00") or 1900 <= int(number) < 2100 else _phone(match)


def _phone(match: re.Match[str]) -> str:
    extension = match["extension"]
    number = match[0] if not extension else match[0][: match.start("extension") - match.start()]
    spoken = _groups(number)
    return f"{spoken}, extension {digits(extension)}" if extension else spoken


@reads(r"\d{1,7}(?:-\d{1,7}){2,6}-?[Xx]?(?![\w-])|\d{3,4}(?:\ \d{3,4}){2,5}(?<!\ 000)(?![.,]?\d)")
def _number_in_groups(match: re.Match[str]) -> str:
    """978-3-16-148410-0, 4111 1111 1111 1111."""
    return _groups(match[0]) + (" X" if match[0][-1] in "Xx" else "")


@reads(r"[vV](?:er(?:sion|\.)?)?\ ?(\d{1,6}(?:\.\d{1,6}){0,6})(?!\w|\.\d)")
def _version(match: re.Match[str]) -> str | None:
    """v2.0.1."""
    if match[0].lower().startswith("v") and preceding(match, 1).isalnum():
        return None
    return f"version {' point '.join(cardinal(int(part)) for part in match[1].split('.'))}"


@reads(r"@(?=[A-Za-z_])")
def _handle(match: re.Match[str]) -> str:
    """@vultus."""
    return "at" if preceding(match, 1).isspace() or not preceding(match, 1) else " at "


@reads(r"#(?=\d)")
def _numbered(match: re.Match[str]) -> str:
    """#1."""
    return "number "


@reads(r"#(?=[^\W\d_])")
def _hashtag(match: re.Match[str]) -> str:
    """#OpenSource."""
    return "hashtag "


RULES: tuple[Rule, ...] = (
    _email, _url, _site, _ip_address, _international_phone, _area_phone, _toll_free_word,
    _local_phone, _number_in_groups, _version, _handle, _numbered, _hashtag,
)  # fmt: skip
"""After dates, which also have dashes and dots; before all else."""
