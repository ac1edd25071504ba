"""Abbreviations, acronyms, Roman numerals and foreign spellings in English."""

from __future__ import annotations

import re
import unicodedata

from services.tts.normalise.english.numbers import cardinal, ordinal
from services.tts.normalise.grammar import Rule, any_of, following, preceding, reads

# fmt: off
_TITLES = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Prof": "Professor",
    "Gen": "General", "Col": "Colonel", "Capt": "Captain", "Lt": "Lieutenant", "Sgt": "Sergeant",
    "Maj": "Major", "Rev": "Reverend", "Hon": "Honorable", "Gov": "Governor", "Sen": "Senator",
    "Rep": "Representative", "Pres": "President", "St": "Saint", "Mt": "Mount", "Ft": "Fort",
}
_AFTER_A_NAME = {
    "St": "Street", "Dr": "Drive", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane",
    "Ct": "Court", "Pl": "Place", "Hwy": "Highway", "Jr": "Junior", "Sr": "Senior",
    "Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation", "Co": "Company",
    "Bros": "Brothers",
}
_SHORT = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "vs": "versus",
    "approx.": "approximately", "dept.": "department", "Dept.": "Department", "est.": "estimated",
    "a.k.a.": "also known as", "aka": "also known as", "w/o": "without", "w/": "with",
    "b/c": "because", "cf.": "compare", "et al.": "et al", "ca.": "circa", "c.": "circa",
    "avg.": "average", "max.": "maximum", "min.": "minimum", "incl.": "including",
    "N/A": "not applicable", "n/a": "not applicable", "Q&A": "Q and ay", "R&D": "R and D",
    "AT&T": "ay T and T", "Ph.D.": "P.H.D", "PhD": "P.H.D", "A/C": "ay C", "A/B": "ay B",
    "govt.": "government", "misc.": "miscellaneous", "p.s.": "P.S", "temp.": "temperature",
}
_BEFORE_A_NUMBER = {
    "No.": "number", "no.": "number", "Nos.": "numbers", "nos.": "numbers", "№": "number",
    "p.": "page", "pp.": "pages", "vol.": "volume", "Vol.": "Volume",
    "ch.": "chapter", "Ch.": "Chapter", "fig.": "figure", "Fig.": "Figure",
    "figs.": "figures", "sec.": "section", "Sec.": "Section",
    "ext.": "extension", "c.": "circa", "ca.": "circa", "art.": "article", "Art.": "Article",
    "eq.": "equation", "Eq.": "Equation", "§": "section", "§§": "sections", "pt.": "part",
    "apt.": "apartment", "Apt.": "Apartment",
}
_SAID_OTHERWISE = {
    "US": "U.S", "IT": "I.T", "WHO": "W.H.O", "AWS": "A.W.S", "UPS": "U.P.S", "AM": "A.M",
    "JSON": "Jason", "LaTeX": "Lay tech", "iOS": "I.O.S", "GIF": "gif", "NGINX": "engine X",
    "MySQL": "my sequel", "PostgreSQL": "post gress Q.L", "GUI": "gooey", "IEEE": "I triple E",
}
_LETTERS = {
    "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "Þ": "Th", "ı": "i", "ə": "e",
}
# fmt: on
_KINGS = (
    r"Henry|Louis|Elizabeth|George|Edward|Charles|William|Richard|James|Philip|Pius|Benedict|Paul"
    r"|Napoleon|Catherine|Alexander|Nicholas|Frederick|Leo|Francis|Gregory|Innocent|Clement|Urban"
    r"|Ivan|Mary|Emmanuel|Gustav|Haakon|Ramesses|Ptolemy|Peter|Otto|Ferdinand|Joseph|Leopold"
)
_PARTS = (
    r"[Cc]hapter|[Pp]art|[Bb]ook|[Vv]olume|[Aa]ct|[Ss]cene|[Ss]ection|[Aa]ppendix|[Aa]rticle|War"
    r"|[Pp]hase|[Ll]evel|[Ss]tage|[Tt]ype|[Cc]lass|Title|Bowl|[Ee]pisode|[Tt]able|[Uu]nit|Mark"
    r"|Fantasy|Vatican|[Tt]ier|Rocky|Apollo|[Vv]ersion"
)
_ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})\b(?!\.\w|'(?!s\b)\w)"
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_SENTENCE_ENDS = r"(?=\s*$|\s+[A-Z\"'(]|\s*\n)"


@reads(rf"({any_of(_TITLES)})\.?(?=\ [A-Z])(?<!St)|({any_of(_TITLES)})\.(?=\ [A-Z])")
def _title(match: re.Match[str]) -> str | None:
    """Dr. Smith, St. Paul."""
    short = match[0].rstrip(".")
    if not match[0].endswith(".") and short not in ("Dr", "Mr", "Mrs", "Ms", "Prof"):
        return None
    after_a_name = re.search(r"[a-z]\ $", preceding(match)) and short in _AFTER_A_NAME
    return None if after_a_name and _is_road(match) else _TITLES[short]


def _is_road(match: re.Match[str]) -> bool:
    """Whether a name and a number of a house stand before: 12 Main St. Springfield."""
    return (
        re.search(r"(?:\d|th|st|nd|rd)\ (?:[NSEW]\.?\ )?[A-Z][a-z]{1,15}\ $", preceding(match, 32))
        is not None
    )


@reads(rf"({any_of(_AFTER_A_NAME)})\b(?:\.{_SENTENCE_ENDS}|(\.))?")
def _after_a_name(match: re.Match[str]) -> str | None:
    """Main St., Acme Inc."""
    dotted = match.string[match.end(1) : match.end(1) + 1] == "."
    named = re.search(r"(?:\b[A-Z][\w'&]{0,30}|\dth|\dst|\dnd|\drd),?\ $", preceding(match, 36))
    if not named or not (
        dotted or match[1] in ("Blvd", "Hwy", "Ave", "Rd", "Jr", "Sr", "Inc", "Ltd")
    ):
        return None
    ends = dotted and not match[2]
    return _AFTER_A_NAME[match[1]] + ("." if ends else "")


@reads(rf"(?:{any_of(_BEFORE_A_NUMBER)})(?=\ ?\d)")
def _before_a_number(match: re.Match[str]) -> str:
    """No. 5, p. 12."""
    return _BEFORE_A_NUMBER[match[0]]


@reads(rf"(?:{any_of(_SHORT)})(?!\w)")
def _short(match: re.Match[str]) -> str | None:
    """e.g., etc., vs."""
    if match[0] in ("c.", "ca.", "min.", "max.", "est.") and not re.match(
        r"\ [\da-z]", match.string[match.end() :]
    ):
        return None
    ends = match[0] == "etc." and re.match(_SENTENCE_ENDS, match.string[match.end() :])
    return _SHORT[match[0]] + ("." if ends else "")


@reads(rf"(?:{any_of(_SAID_OTHERWISE)})\b")
def _acronym(match: re.Match[str]) -> str | None:
    """US, IT and the like, which aren't the words that they look like; not where all is shouted."""
    around = preceding(match, 24) + match.string[match.end() : match.end() + 24]
    shouted = match[0].isupper() and any(map(str.isalpha, around)) and around == around.upper()
    return None if shouted else _SAID_OTHERWISE[match[0]]


@reads(r"A(?=[+/&]|-?\d)(?!\w*[A-Za-z])|A\b(?![.'])")
def _letter_a(match: re.Match[str]) -> str | None:
    """A4, plan A, A+: the letter, not the article."""
    if following(match, 1) in tuple("+/&-0123456789"):
        return "ay"
    named = r"(?:[Pp]lan|[Vv]itamin|[Tt]ype|[Gg]rade|[Gg]roup|[Tt]eam|[Oo]ption|[Ss]ection|[Cc]lass"
    named += r"|[Hh]epatitis|[Ll]etter|[Ss]eries|[Pp]oint|[Ll]ine|an)\ $|&$"
    return "ay" if re.search(named, preceding(match)) else None


@reads(_ROMAN)
def _roman(match: re.Match[str]) -> str | None:
    """Chapter IV, Henry VIII."""
    before = preceding(match, 24)
    if not match[0]:
        return None
    if re.search(rf"\b(?:{_PARTS})\ $", before):
        return cardinal(_value(match[0]))
    if not re.search(rf"\b(?:{_KINGS})\ $", before):
        return None
    certain = match[0] != "I" or re.match(r"[,.;:!?)]|$|\ of\ ", match.string[match.end() :])
    return f"the {ordinal(_value(match[0]))}" if certain else None


def _value(numeral: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    following = [*values[1:], 0]
    return sum(-one if one < then else one for one, then in zip(values, following, strict=True))


@reads(
    r"(?=[^\W\d_])(?:[A-Za-z']|[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0259\u1e00-\u1eff]|[\u0300-\u036f]){1,64}"
)
def _accented(match: re.Match[str]) -> str | None:
    """Café, Łódź: without the marks that the dictionary doesn't know."""
    if match[0].isascii():
        return None
    plain = "".join(_LETTERS.get(letter, letter) for letter in match[0])
    decomposed = unicodedata.normalize("NFKD", plain)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


RULES: tuple[Rule, ...] = (
    _short, _before_a_number, _title, _after_a_name, _acronym, _letter_a, _roman, _accented,
)  # fmt: skip
"""Before the rules of single characters."""
