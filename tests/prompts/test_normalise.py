"""Text is read as people read it: the voice gets words only."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.prompts.normalise import normalise
from callflow.prompts.normalise.dates import spoken_date
from callflow.prompts.normalise.phone import groups
from callflow.prompts.normalise.words import LANGUAGES

GERMAN = {
    # emergency numbers, digit by digit
    "Bei einem Notfall wählen Sie 112.": "Bei einem Notfall wählen Sie eins eins zwei.",
    "Wählen Sie 116117.": "Wählen Sie eins eins sechs, eins eins sieben.",
    "unter 116 117": "unter eins eins sechs, eins eins sieben",
    "112 Patienten, 1120 Euro": "eins eins zwei Patienten, eintausendeinhundertzwanzig Euro",
    # telephone numbers in German groups
    "Tel. 0351 4567890": "Telefon null drei fünf eins, vier fünf sechs, sieben acht, neun null",
    "mobil 0171/2345678": "mobil null eins sieben eins, zwei drei vier, fünf sechs, sieben acht",
    "+49 (0)351 456789": "null drei fünf eins, vier fünf, sechs sieben, acht neun",
    "+49351456789": "null drei fünf eins, vier fünf, sechs sieben, acht neun",
    "Fax (0351) 12 34-50": "Fax null drei fünf eins, eins zwei, drei vier, fünf null",
    # weekdays and ranges
    "Mo-Fr 8-12 Uhr": "Montag bis Freitag acht bis zwölf Uhr",
    "Mo, Di und Do 15:00–18:30 Uhr": "Montag, Dienstag und Donnerstag fünfzehn bis achtzehn Uhr dreißig",
    "Mi. 8:00-12:00": "Mittwoch acht bis zwölf Uhr",
    "So kommen Sie zu uns.": "So kommen Sie zu uns.",
    "So 10 Uhr": "Sonntag zehn Uhr",
    # times
    "um 8:30 Uhr": "um acht Uhr dreißig",
    "um 13.30 Uhr": "um dreizehn Uhr dreißig",
    "um 1 Uhr": "um ein Uhr",
    "um 08:05": "um acht Uhr fünf",
    "bis 24 Uhr": "bis vierundzwanzig Uhr",
    "8:30-12 Uhr": "acht Uhr dreißig bis zwölf Uhr",
    "von 8 bis 12 Uhr": "von acht bis zwölf Uhr",
    # dates with their endings
    "am 24.12.": "am vierundzwanzigsten Dezember",
    "am 24.12. ist zu": "am vierundzwanzigsten Dezember ist zu",
    "Heute ist der 3. Mai.": "Heute ist der dritte Mai.",
    "ab dem 01.03.2027": "ab dem ersten März zweitausendsiebenundzwanzig",
    "am 25.12.26": "am fünfundzwanzigsten Dezember zweitausendsechsundzwanzig",
    "am 2026-12-24": "am vierundzwanzigsten Dezember zweitausendsechsundzwanzig",
    "vom 24.12.-2.1.": "vom vierundzwanzigsten Dezember bis zum zweiten Januar",
    # ordinals only where a word makes them one
    "im 3. Stock": "im dritten Stock",
    "Sie sind an 2. Stelle.": "Sie sind an zweiter Stelle.",
    "Platz an 3. Dann": "Platz an drei. Dann",
    "die 1. Etage": "die erste Etage",
    "Drücken Sie die 1. Für alles andere die 2.": "Drücken Sie die eins. Für alles andere die zwei.",
    "Sie sind auf Platz 3. Bitte warten Sie.": "Sie sind auf Platz drei. Bitte warten Sie.",
    # money, percent, decimals, thousands
    "12,50 €": "zwölf Euro fünfzig",
    "€ 1,00": "ein Euro",
    "5 Euro": "fünf Euro",
    "10,- €": "zehn Euro",
    "zu 100 %": "zu hundert Prozent",
    "37,5 °C": "siebenunddreißig Komma fünf Grad",
    "1.000 Patienten": "eintausend Patienten",
    "90-95": "neunzig bis fünfundneunzig",
    # gender of one
    "noch 1 Minute": "noch eine Minute",
    "noch 1 Anrufer": "noch ein Anrufer",
    # short forms
    "Dr. med. Müller, z.B. Str. 5": "Doktor Müller, zum Beispiel Straße fünf",
    "Dr. Sommer & Dr. Winter": "Doktor Sommer und Doktor Winter",
    "Praxis Prof. Dr. Dr. Kluge": "Praxis Professor Doktor Doktor Kluge",
    "ca. 5 Min. bzw. d. h. gleich": "circa fünf Minuten beziehungsweise das heißt gleich",
    "eine AU, ein EKG": "eine A U, ein E K G",
    # codes
    "Code 48291375": "Code vier acht, zwei neun, eins drei, sieben fünf",
    "Zimmer 007": "Zimmer null null sieben",
    # markup and invisible signs never reach the voice
    "Heute <b>zu</b>\x00": "Heute zu",
    "Ru\u00adhe\u200b": "Ruhe",
    "a < b": "a b",
}
ENGLISH = {
    "Call 112 or 116117.": "Call one one two or one one six, one one seven.",
    "Mon-Fri 8:00-12:00": "Monday to Friday eight a m to twelve noon",
    "Wed 3pm": "Wednesday three p m",
    "at 13:05": "at one oh five p m",
    "24 December 2026": "the twenty-fourth of December twenty twenty-six",
    "December 24th": "the twenty-fourth of December",
    "2026-12-24": "the twenty-fourth of December twenty twenty-six",
    "the 3rd floor": "the third floor",
    "€12.50": "twelve euros fifty",
    "1,000 people": "one thousand people",
    "Dr Miller": "Doctor Miller",
}
ROMANCE = {
    ("fr", "Appelez le 112."): "Appelez le un un deux.",
    ("fr", "de 8h30 à 12h"): "de huit heures trente à douze heures",
    ("fr", "12,50 €"): "douze euros cinquante",
    ("fr", "le 01/05/2027"): "le premier mai deux mille vingt-sept",
    ("fr", "M. le Dr Noël, 2ème étage"): "Monsieur le Docteur Noël, deuxième étage",
    ("it", "8:30-12:00"): "otto e trenta alle dodici",
    ("it", "24/12/2026"): "ventiquattro dicembre duemilaventisei",
    ("it", "Dott. Rossi"): "Dottor Rossi",
    ("es", "8:30 a 12:00"): "ocho y treinta a doce",
    ("es", "24/12/2026"): "veinticuatro de diciembre de dos mil veintiséis",
    ("es", "Dra. López"): "Doctora López",
}


@pytest.mark.parametrize(("written", "spoken"), GERMAN.items())
def test_german_is_read_as_germans_do(written: str, spoken: str) -> None:
    assert normalise(written, "de") == spoken


@pytest.mark.parametrize(("written", "spoken"), ENGLISH.items())
def test_english_is_read_as_the_british_do(written: str, spoken: str) -> None:
    assert normalise(written, "en") == spoken


@pytest.mark.parametrize(("case", "spoken"), ROMANCE.items())
def test_french_italian_and_spanish_have_their_own_words(case: tuple[str, str], spoken: str) -> None:
    language, written = case
    assert normalise(written, language) == spoken


def test_a_language_without_rules_is_left_to_its_voice() -> None:
    assert normalise("Saat <b>8:30</b>", "tr") == "Saat 8:30"


@given(st.text(max_size=60), st.sampled_from(LANGUAGES))
def test_no_digit_no_tag_and_no_control_sign_ever_reaches_a_voice(text: str, language: str) -> None:
    spoken = normalise(text, language)
    assert re.search(r"[\d<>\x00-\x1f]", spoken) is None


@pytest.mark.parametrize(
    ("language", "text", "phrases"),
    [
        ("de", "der 03.05.1950", ("der dritte Mai", "neunzehnhundertfünfzig")),
        ("de", "am 01.12.2001", ("am ersten Dezember", "zweitausendeins")),
        ("de", "03.05.1950", ("dritte Mai", "neunzehnhundertfünfzig")),
        ("en", "is 24.12.1985", ("is the twenty-fourth of December", "nineteen eighty-five")),
        ("fr", "le 01.05.1950", ("le premier mai", "mille neuf cent cinquante")),
        ("es", "el 02.05.1950", ("el dos de mayo", "de mil novecientos cincuenta")),
    ],
)
def test_a_date_of_birth_is_two_phrases(language: str, text: str, phrases: tuple[str, str]) -> None:
    assert spoken_date(text, language) == phrases


PIECES = st.sampled_from([*GERMAN, "8:30", "24.12.", "0351", "12", ".", "-", "Uhr", "Mo", "€", "1", "Dr."])


@given(st.lists(PIECES, max_size=8).map(" ".join), st.sampled_from(LANGUAGES))
def test_what_is_written_for_the_voice_is_not_changed_again(text: str, language: str) -> None:
    once = normalise(text, language)
    assert normalise(once, language) == once


@given(st.integers(0, 23), st.integers(0, 59))
def test_each_minute_of_the_day_is_read_with_the_word_uhr(hour: int, minute: int) -> None:
    spoken = normalise(f"um {hour:02d}:{minute:02d} Uhr", "de").split()
    assert (spoken[0], spoken[2], len(spoken)) == ("um", "Uhr", 3 if minute == 0 else 4)


@given(st.from_regex(r"\+49[1-9][0-9]{7,10}", fullmatch=True))
def test_no_digit_of_a_number_is_lost_or_moved(number: str) -> None:
    read = "".join(groups(number))
    assert read.removeprefix("00").removeprefix("49").removeprefix("0") == number[3:]


@given(st.from_regex(r"[0-9]{1,20}", fullmatch=True))
def test_groups_are_twos_and_threes(digits: str) -> None:
    cut = groups(digits)
    assert "".join(cut) == digits
    assert {len(group) for group in cut} <= {1, 2, 3} if len(digits) < 4 else {2, 3}
