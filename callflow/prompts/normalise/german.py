"""German: weekdays and their ranges, times, dates with case endings, money, ordinals, short forms."""

from __future__ import annotations

import re
from collections.abc import Mapping

from callflow import moments
from callflow.prompts.normalise.tables import Speech, short_forms
from callflow.prompts.normalise.words import cardinal, german_ordinal, year

DAYS: Mapping[str, str] = {
    "Mo": "Montag",
    "Di": "Dienstag",
    "Mi": "Mittwoch",
    "Do": "Donnerstag",
    "Fr": "Freitag",
    "Sa": "Samstag",
    "So": "Sonntag",
}
MONTHS = moments.MONTHS["de"]
_SHORT_FORMS: Mapping[str, str] = {
    "Dr. med.": "Doktor",
    "Dr. med. dent.": "Doktor",
    "Dres.": "Doktoren",
    "Dr.": "Doktor",
    "Prof.": "Professor",
    "PD": "Privatdozent",
    "Dipl.": "Diplom",
    "z. B.": "zum Beispiel",
    "d. h.": "das heißt",
    "u. a.": "unter anderem",
    "z. T.": "zum Teil",
    "i. d. R.": "in der Regel",
    "bzw.": "beziehungsweise",
    "usw.": "und so weiter",
    "etc.": "et cetera",
    "ca.": "circa",
    "ggf.": "gegebenenfalls",
    "evtl.": "eventuell",
    "inkl.": "inklusive",
    "zzgl.": "zuzüglich",
    "Nr.": "Nummer",
    "Tel.": "Telefon",
    "Str.": "Straße",
    "St.": "Sankt",
    "Std.": "Stunden",
    "Min.": "Minuten",
    "Min": "Minuten",
    "max.": "maximal",
    "min.": "mindestens",
    "vorm.": "vormittags",
    "nachm.": "nachmittags",
    "tägl.": "täglich",
    "Fr.": "Frau",
    "Hr.": "Herr",
    "Hrn.": "Herrn",
    "AU": "A U",
    "MVZ": "M V Z",
    "MFA": "M F A",
    "MFAs": "M F As",
    "EKG": "E K G",
    "BG": "B G",
    "HNO": "H N O",
    "KV": "K V",
    "SMS": "S M S",
    "PC": "P C",
    "Hausarztpraxis": "Hausarzt-Praxis",
}
_DAY = "|".join(DAYS)
_DAY_RUN = re.compile(
    rf"(?<!\w)(?:{_DAY})\.?(?:\s?[-–—]\s?(?:{_DAY})\b\.?|(?:,\s?|\s(?:und|oder|bis|sowie|u\.)\s)(?:{_DAY})\b\.?)+"
)
_DAY_ALONE = re.compile(rf"(?<![\w.])({_DAY})(?:\.(?=,|\s\d)|(?=\s\d|:|,\s\d))")
_DAY_WORD = re.compile(rf"\b({_DAY})\b\.?")
_CLOCK = r"(?:[01]?\d|2[0-4])[:.][0-5]\d"
_HOUR = r"(?:[01]?\d|2[0-4])"
_TIME_RANGE = re.compile(
    rf"(?<![\d.,:])({_CLOCK}|{_HOUR})\s?(?:Uhr\s?)?(?:[-–—]|\bbis\b)\s?({_CLOCK}|{_HOUR})\s?(?:Uhr|h)\b|"
    rf"(?<![\d.,:])((?:[01]?\d|2[0-4]):[0-5]\d)\s?(?:[-–—]|\bbis\b)\s?((?:[01]?\d|2[0-4]):[0-5]\d)(?![\d:])"
)
_TIME = re.compile(rf"(?<![\d.,:])(?:({_CLOCK}|{_HOUR})\s?Uhr\b|((?:[01]?\d|2[0-4]):[0-5]\d)(?![\d:]))")
_MONTH = "|".join(MONTHS)
_DATE = re.compile(
    r"(?P<article>\b(?:[Dd]er|[Dd]ie|[Dd]as|[Ii]st)\s+)?(?<![\d.,])"
    r"(?P<day>0?[1-9]|[12]\d|3[01])\.\s?"
    rf"(?:(?P<month>0?[1-9]|1[0-2])\.(?:\s?(?P<year>(?:19|20)\d\d|\d\d(?!\d|\s?Uhr|[:.])))?|(?P<name>{_MONTH})"
    r"(?:\s(?P<named_year>(?:19|20)\d\d))?)(?!\d|[.,]\d)"
)
_ISO_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?!\d)")
_DATE_RANGE = re.compile(r"(?<=\d\.)\s?[-–—]\s?(?=\d{1,2}\.)")
_MONEY = re.compile(
    r"(?:(?:€|EUR)\s?(\d{1,6})(?:[,.](\d\d|--?|–))?(?!\d)|"
    r"(?<![\d.,])(\d{1,6})(?:,(\d\d|--?|–))?\s?(?:€|EUR\b|Euro\b))"
)
# "Drücken Sie die 1. Dann ..." ends a sentence: after "die" only these nouns make it an ordinal
_AFTER_DIE = "Etage|Klasse|Hilfe|Stunde|Woche|Frage|Tür|Straße|Impfung|Praxis|Hälfte"
_AFTER_AN = "Stelle|Reihe|Position|Linie"  # without an article: "an zweiter Stelle"
_ORDINAL = re.compile(
    rf"\b(?:(?P<bare>[Dd]er|[Dd]as|[Dd]ie(?=\s\d+\.\s(?:{_AFTER_DIE})))|"
    rf"(?P<strong>[Aa]n|[Ii]n)(?=\s\d+\.\s(?:{_AFTER_AN}))|"
    r"(?P<bent>[Dd]en|[Dd]em|[Ii]m|[Aa]m|[Zz]um|[Zz]ur|[Vv]om|[Aa]b|[Bb]is|[Jj]eden|[Jj]edem|[Ii]ns))"
    r"\s(?P<number>\d{1,3})\.(?=\s+[a-zäöüßA-ZÄÖÜ])"
)
_RANGE = re.compile(r"(?<=\d)\s?[-–—]\s?(?=\d)")
_ONE = re.compile(
    r"(?<![\d.,])1(?=\s(?:Uhr|Euro|Minute\b|Stunde\b|Anrufer|Person\b|Tag\b|Woche\b|Monat\b|Jahr\b))"
)
_FEMALE = re.compile(r"(?:Minute|Stunde|Person|Woche)\b")
_CENTURY = 2000


def _day_runs(text: str) -> str:
    def spoken(found: re.Match[str]) -> str:
        run = re.sub(r"\s?[-–—]\s?", " bis ", found[0]).replace("u.", "und")
        return _DAY_WORD.sub(lambda day: DAYS[day[1]], run)

    return _DAY_ALONE.sub(lambda found: DAYS[found[1]], _DAY_RUN.sub(spoken, text))


def clock(written: str) -> str:
    """Return "8:30" as "acht Uhr dreißig", "8" as "acht Uhr"."""
    hour, _, minute = re.sub(r"[.]", ":", written).partition(":")
    hour_word = "ein" if int(hour) == 1 else cardinal(int(hour), "de")
    rest = f" {cardinal(int(minute), 'de')}" if minute and int(minute) else ""
    return f"{hour_word} Uhr{rest}"


def _times(text: str) -> str:
    def ranged(found: re.Match[str]) -> str:
        first, last = found[1] or found[3], found[2] or found[4]
        begin = clock(first)
        if begin.endswith("Uhr"):  # "von acht bis zwölf Uhr"
            begin = cardinal(int(re.split("[:.]", first)[0]), "de")
        return f"{begin} bis {clock(last)}"

    return _TIME.sub(lambda found: clock(found[1] or found[2]), _TIME_RANGE.sub(ranged, text))


def date(day: int, month: int, of_year: int | None, ending: str) -> str:
    """Return "24.12.2026" with ending "n" as "vierundzwanzigsten Dezember zweitausendsechsundzwanzig"."""
    words = f"{german_ordinal(day, ending)} {MONTHS[month - 1]}"
    return f"{words} {year(of_year, 'de')}" if of_year else words


def _dates(text: str) -> str:
    def spoken(found: re.Match[str]) -> str:
        month = int(found["month"]) if found["month"] else MONTHS.index(found["name"]) + 1
        written = found["year"] or found["named_year"]
        of_year = int(written) + (_CENTURY if len(written) == 2 else 0) if written else None  # noqa: PLR2004
        article = found["article"] or ""
        return article + date(int(found["day"]), month, of_year, "" if article else "n")

    def iso(found: re.Match[str]) -> str:
        return f"{int(found[3])}.{int(found[2])}.{found[1]}"

    return _DATE.sub(spoken, _DATE_RANGE.sub(" bis zum ", _ISO_DATE.sub(iso, text)))


def _money(text: str) -> str:
    def spoken(found: re.Match[str]) -> str:
        euros, cents = int(found[1] or found[3]), found[2] or found[4] or ""
        words = "ein Euro" if euros == 1 else f"{cardinal(euros, 'de')} Euro"
        return f"{words} {cardinal(int(cents), 'de')}" if cents.isdecimal() and int(cents) else words

    return _MONEY.sub(spoken, text)


def _ordinals(text: str) -> str:
    def spoken(found: re.Match[str]) -> str:
        for group, ending in (("bare", ""), ("strong", "r"), ("bent", "n")):
            if found[group]:
                return f"{found[group]} {german_ordinal(int(found['number']), ending)}"
        return found[0]

    return _ORDINAL.sub(spoken, text)


def _ones(text: str) -> str:
    return _ONE.sub(lambda found: "eine" if _FEMALE.match(text, found.end() + 1) else "ein", text)


def _ranges(text: str) -> str:
    return _RANGE.sub(" bis ", text)


SPEECH = Speech(
    language="de",
    rules=(
        _day_runs,
        _times,
        _dates,
        _money,
        short_forms(_SHORT_FORMS),
        _ones,
        _ordinals,
        _ranges,
    ),
    decimal=",",
    decimal_word="Komma",
    symbols={
        "&": "und",
        "%": "Prozent",
        "€": "Euro",
        "@": "ät",
        "§": "Paragraf",
        "°C": "Grad",
        "°": "Grad",
        "+": "plus",
        "*": "Stern",
        "#": "Raute",
        "=": "gleich",
        "–": ", ",
        "—": ", ",
        "/": " ",
        "_": " ",
        "|": " ",
        "\\": " ",
        "„": "",
        "“": "",
        "”": "",
        '"': "",
        "»": "",
        "«": "",
        "(": ", ",
        ")": ", ",
        "[": " ",
        "]": " ",
        "{": " ",
        "}": " ",
        "~": " ",
        "^": " ",
        "`": " ",
    },
)
