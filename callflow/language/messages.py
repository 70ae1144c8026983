"""The checker's words, German and English: what is wrong, why it matters to the caller, how to mend it."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One problem's words; `{...}` are filled in."""

    what: str
    why: str
    hint: str


_LOAD = Words(
    "",
    "Die bisherige Fassung des Ablaufs bleibt in Kraft; Anrufende merken nichts.",
    "",
)
_LOAD_EN = Words("", "The flow's previous version stays in force; callers notice nothing.", "")


def _file(what: str, hint: str, what_en: str, hint_en: str) -> dict[str, Words]:
    """Make the words of a problem that concerns the file as such and not yet a caller."""
    return {"de": _LOAD._replace(what=what, hint=hint), "en": _LOAD_EN._replace(what=what_en, hint=hint_en)}


def _both(de: tuple[str, str, str], en: tuple[str, str, str]) -> dict[str, Words]:
    return {"de": Words(*de), "en": Words(*en)}


MESSAGES: dict[str, dict[str, Words]] = {
    # --- the file as such
    "file-unreadable": _file(
        "Die Datei lässt sich nicht lesen ({reason}).",
        "Prüfen Sie Name und Rechte der Datei.",
        "The file can't be read ({reason}).",
        "Check the file's name and permissions.",
    ),
    "plan-fault": _file(
        "{german}",
        "Siehe docs/pbx.md; `rufweiche numbers check` nennt alles auf einmal.",
        "{english}",
        "See docs/pbx.md; `rufweiche numbers check` names everything at once.",
    ),
    "file-large": _file(
        "Die Datei ist größer als {most} KiB.",
        "Teilen Sie den Ablauf mit `include` oder `subflow` auf.",
        "The file is larger than {most} KiB.",
        "Split the flow with `include` or `subflow`.",
    ),
    "file-values": _file(
        "Die Datei hat mehr als {most} Einträge.",
        "Teilen Sie den Ablauf mit `include` oder `subflow` auf.",
        "The file has more than {most} entries.",
        "Split the flow with `include` or `subflow`.",
    ),
    "file-deep": _file(
        "Die Einträge sind tiefer als {most} Ebenen verschachtelt.",
        "Ein Ablauf braucht höchstens sechs Ebenen; prüfen Sie die Einrückung.",
        "Entries are nested deeper than {most} levels.",
        "A flow needs six levels at most; check the indentation.",
    ),
    "file-encoding": _file(
        "Die Datei ist nicht in UTF-8 gespeichert.",
        "Speichern Sie sie im Editor mit der Kodierung UTF-8.",
        "The file is not saved as UTF-8.",
        "Save it with the encoding UTF-8 in your editor.",
    ),
    "file-shape": _file(
        "Hier wird eine Liste von Einträgen „name: wert“ erwartet.",
        "Beginnen Sie zum Beispiel mit `flow: praxis`.",
        "Entries of the form `name: value` are expected here.",
        "Begin with `flow: praxis`, for example.",
    ),
    "yaml-syntax": _file(
        "Das ist kein gültiges YAML ({reason}).",
        "Prüfen Sie Einrückung, Doppelpunkte und Anführungszeichen an dieser Stelle und in der Zeile davor.",
        "This is not valid YAML ({reason}).",
        "Check indentation, colons and quotes here and in the line before.",
    ),
    "yaml-tab": _file(
        "Hier steht ein Tabulator.",
        "YAML rückt mit Leerzeichen ein: ersetzen Sie Tabulatoren durch je zwei Leerzeichen.",
        "There is a tab here.",
        "YAML indents with spaces: replace each tab by two spaces.",
    ),
    "yaml-character": _file(
        "Hier steht ein unsichtbares Steuerzeichen ({character}).",
        "Löschen Sie es; vielleicht ist die Stelle aus einem anderen Programm kopiert.",
        "There is an invisible control character here ({character}).",
        "Delete it; perhaps the passage was copied from another program.",
    ),
    "yaml-documents": _file(
        "Die Datei enthält mehrere YAML-Dokumente (`---`).",
        "Legen Sie für jeden Ablauf eine eigene Datei an.",
        "The file holds several YAML documents (`---`).",
        "Make one file for each flow.",
    ),
    "yaml-alias": _file(
        "YAML-Verweise (`&name`, `*name`) sind nicht erlaubt.",
        "Benutzen Sie für Wiederkehrendes `include` oder `subflow`.",
        "YAML anchors and aliases (`&name`, `*name`) are not allowed.",
        "Use `include` or `subflow` for what recurs.",
    ),
    "yaml-tag": _file(
        "YAML-Typangaben (`{tag}`) sind nicht erlaubt.",
        "Lassen Sie die Angabe weg.",
        "YAML tags (`{tag}`) are not allowed.",
        "Leave it out.",
    ),
    "key-odd": _file(
        "Ein Schlüssel muss ein einfaches Wort sein.",
        "Steht vielleicht eine `{{` ohne Anführungszeichen davor?",
        "A key must be a plain word.",
        "Is there perhaps a `{{` without quotes before it?",
    ),
    "key-twice": _both(
        (
            "„{key}“ steht hier zum zweiten Mal (zuerst in Zeile {first}).",
            "Nur einer der beiden Einträge würde gelten; Anrufende kämen vielleicht an die falsche Stelle.",
            "Löschen Sie einen der beiden oder benennen Sie ihn um.",
        ),
        (
            "`{key}` stands here for the second time (first in line {first}).",
            "Only one of the two would count; callers might end up in the wrong place.",
            "Delete or rename one of them.",
        ),
    ),
    "key-unquoted": _both(
        (
            "Der Schlüssel {key} steht ohne Anführungszeichen.",
            "Ohne Anführungszeichen wird daraus eine Zahl; die Taste täte nicht, was Sie meinen.",
            'Schreiben Sie "{key}".',
        ),
        (
            "The key {key} is not quoted.",
            "Unquoted it becomes a number or something else; the key wouldn't do what you mean.",
            'Write "{key}".',
        ),
    ),
    "unquoted": _both(
        (
            "Der Wert {value} steht ohne Anführungszeichen.",
            "YAML macht daraus je nach Programm eine andere Zahl: aus 0171 wird 171, aus 10:30 wird 630.",
            'Schreiben Sie "{value}".',
        ),
        (
            "The value {value} is not quoted.",
            "Depending on the program YAML makes another number of it: 0171 becomes 171, 10:30 becomes 630.",
            'Write "{value}".',
        ),
    ),
    "text-long": _file(
        "Ein einzelner Text ist länger als {most} Zeichen.",
        "Fehlt ein schließendes Anführungszeichen?",
        "A single text is longer than {most} characters.",
        "Is a closing quote missing?",
    ),
    # --- the form of entries
    "field-unknown": _both(
        (
            "„{field}“ gibt es hier nicht.",
            "Der Eintrag bliebe wirkungslos; der Anruf liefe anders, als Sie ihn beschrieben haben.",
            "{suggestion}",
        ),
        (
            "There is no `{field}` here.",
            "The entry would do nothing; the call would go differently from what you wrote.",
            "{suggestion}",
        ),
    ),
    "field-missing": _both(
        (
            "Der Eintrag „{field}“ fehlt.",
            "Ohne ihn ist nicht gesagt, was Anrufende hier erleben.",
            "Ergänzen Sie `{field}: ...`.",
        ),
        (
            "The entry `{field}` is missing.",
            "Without it, it isn't said what callers meet here.",
            "Add `{field}: ...`.",
        ),
    ),
    "menu-unhandled": _both(
        (
            "Das Menü sagt nicht, was bei {case} geschieht (`{field}`).",
            "Wer nichts drückt oder sich vertippt, bliebe in der Leitung hängen.",
            "Ergänzen Sie `{field}: <Knoten>`, am besten einen Rückruf oder den Empfang.",
        ),
        (
            "The menu doesn't say what happens on {case} (`{field}`).",
            "Callers who press nothing or the wrong key would be stuck.",
            "Add `{field}: <node>`, best a callback or the reception.",
        ),
    ),
    "value-wrong": _both(
        (
            "Der Wert von „{field}“ passt nicht: {value}.",
            "Der Ablauf kann so nicht gelten.",
            "Erwartet wird: {expected}.",
        ),
        (
            "The value of `{field}` doesn't fit: {value}.",
            "The flow can't be used like this.",
            "Expected: {expected}.",
        ),
    ),
    "head-missing": _file(
        "Die Datei sagt nicht, was sie ist.",
        "Beginnen Sie mit genau einem von `flow: name`, `subflow: name` oder `fragment: name`.",
        "The file doesn't say what it is.",
        "Begin with exactly one of `flow: name`, `subflow: name` or `fragment: name`.",
    ),
    "head-other": _file(
        "Die Datei ist kein `{wanted}`.",
        "`include` nimmt Dateien mit `fragment:`, ein `subflow`-Knoten solche mit `subflow:`.",
        "The file is no `{wanted}`.",
        "`include` takes files with `fragment:`, a `subflow` node those with `subflow:`.",
    ),
    "version-unknown": _file(
        "Eine Fassung „{version}“ gibt es nicht.",
        "`rufweiche flows NAME` zeigt alle Fassungen.",
        "There is no version `{version}`.",
        "`rufweiche flows NAME` lists all versions.",
    ),
    "flow-name": _file(
        "Der Ablauf heißt „{name}“, seine Datei aber {file}.",
        "Geben Sie beiden denselben Namen.",
        "The flow is named `{name}`, its file {file}.",
        "Give both the same name.",
    ),
    "name-wrong": _file(
        "„{name}“ taugt nicht als Name.",
        "Erlaubt sind kleine Buchstaben, Ziffern, - und _; am Anfang ein Buchstabe; nicht `return`.",
        "`{name}` is no good as a name.",
        "Use lower-case letters, digits, - and _, a letter first; not `return`.",
    ),
    "node-shape": _both(
        (
            "Der Knoten „{node}“ sagt nicht genau eine Art.",
            "Ein Anruf wüsste hier nicht weiter.",
            "Schreiben Sie genau eine von: {kinds}.",
        ),
        (
            "The node `{node}` doesn't give exactly one kind.",
            "A call wouldn't know how to go on here.",
            "Write exactly one of: {kinds}.",
        ),
    ),
    "kind-unknown": _both(
        (
            "Die Art „{kind}“ gibt es nicht.",
            "Ein Anruf wüsste hier nicht weiter.",
            "{suggestion}",
        ),
        ("There is no kind `{kind}`.", "A call wouldn't know how to go on here.", "{suggestion}"),
    ),
    "node-twice": _both(
        (
            "Den Knoten „{node}“ gibt es schon ({file}).",
            "Nur einer der beiden würde gelten.",
            "Benennen Sie einen von beiden um.",
        ),
        (
            "The node `{node}` exists already ({file}).",
            "Only one of them would count.",
            "Rename one of them.",
        ),
    ),
    "words-twice": _both(
        (
            "`prompt` und `text` stehen beide da.",
            "Es bliebe offen, welchen Text Anrufende hören.",
            "Behalten Sie einen von beiden.",
        ),
        (
            "Both `prompt` and `text` are given.",
            "It would be open which text callers hear.",
            "Keep one of them.",
        ),
    ),
    "words-missing": _both(
        (
            "Es fehlt, was hier gesagt wird.",
            "Anrufende hörten nur Stille.",
            'Ergänzen Sie `prompt: <Datei in ivr_prompts>` oder `text: "..."`.',
        ),
        (
            "It isn't given what is said here.",
            "Callers would hear silence only.",
            'Add `prompt: <file in ivr_prompts>` or `text: "..."`.',
        ),
    ),
    "goto-half": _both(
        (
            "`variable` und `cases` gehören zusammen, eins davon fehlt.",
            "Die Verzweigung fände nie statt.",
            "Ergänzen Sie das andere oder lassen Sie beide weg.",
        ),
        (
            "`variable` and `cases` belong together, one is missing.",
            "The call would never branch.",
            "Add the other one or leave both out.",
        ),
    ),
    "goto-case-to": _both(
        (
            "Ein Fall darf nicht „to“ heißen.",
            "Er wäre nicht vom Normalweg zu unterscheiden.",
            "Benennen Sie den Wert um.",
        ),
        ("A case must not be named `to`.", "It couldn't be told from the normal way.", "Rename the value."),
    ),
    # --- references
    "node-unknown": _both(
        (
            "Den Knoten „{name}“ gibt es nicht.",
            "Der Anruf bräche an dieser Stelle ab.",
            "{suggestion}",
        ),
        ("There is no node `{name}`.", "The call would break off here.", "{suggestion}"),
    ),
    "prompt-unknown": _both(
        (
            "Den Text „{name}“ gibt es auf {language} nicht.",
            "Anrufende hörten nur eine Entschuldigung statt des Textes.",
            "Legen Sie ivr_prompts/{language}/{name}.j2 an. {suggestion}",
        ),
        (
            "There is no text `{name}` in language {language}.",
            "Callers would hear an apology instead of the text.",
            "Create ivr_prompts/{language}/{name}.j2. {suggestion}",
        ),
    ),
    "destination-unknown": _both(
        (
            "Das Ziel „{name}“ steht nicht in lines.yaml.",
            "Anrufende würden ins Leere verbunden.",
            "{suggestion}",
        ),
        (
            "The destination `{name}` is not in lines.yaml.",
            "Callers would be connected to nowhere.",
            "{suggestion}",
        ),
    ),
    "calendar-unknown": _both(
        (
            "Den Kalender „{name}“ gibt es in hours.yaml nicht.",
            "Niemand wüsste, ob offen ist.",
            "{suggestion}",
        ),
        (
            "There is no calendar `{name}` in hours.yaml.",
            "Nobody would know whether you are open.",
            "{suggestion}",
        ),
    ),
    "concern-unknown": _both(
        (
            "Das Anliegen „{name}“ gibt es in practice.yaml nicht.",
            "Die Karte im Eingang trüge einen Grund, den niemand kennt, und es fehlte das Formular.",
            "{suggestion}",
        ),
        (
            "There is no concern `{name}` in practice.yaml.",
            "The card in the inbox would carry a reason that nobody knows, and the form would be missing.",
            "{suggestion}",
        ),
    ),
    "variable-unknown": _both(
        (
            "Die Variable „{name}“ ist nicht vereinbart.",
            "Was Anrufende eingeben, ginge verloren.",
            "Ergänzen Sie oben `variables: {{{name}: {{type: text}}}}`. {suggestion}",
        ),
        (
            "The variable `{name}` is not declared.",
            "What callers enter would be lost.",
            "Add `variables: {{{name}: {{type: text}}}}` at the top. {suggestion}",
        ),
    ),
    "variable-value": _both(
        (
            "„{value}“ ist kein Wert der Variable „{name}“ ({expected}).",
            "Die Verzweigung fände nie statt oder der Text klänge falsch.",
            "Nehmen Sie einen erlaubten Wert.",
        ),
        (
            "`{value}` is no value of the variable `{name}` ({expected}).",
            "The call would never branch, or the text would sound wrong.",
            "Use a value that is allowed.",
        ),
    ),
    "language-unknown": _both(
        (
            "Die Sprache „{name}“ spricht die Praxis nicht.",
            "Anrufende hörten Entschuldigungen statt der Texte.",
            "In practice.yaml stehen: {known}.",
        ),
        (
            "The practice doesn't speak the language `{name}`.",
            "Callers would hear apologies instead of texts.",
            "practice.yaml has: {known}.",
        ),
    ),
    "flow-cycle": _both(
        (
            "Der Unterablauf „{name}“ ruft sich selbst auf.",
            "Der Anruf drehte sich im Kreis.",
            "Benutzen Sie `goto` innerhalb des Unterablaufs.",
        ),
        (
            "The subflow `{name}` calls itself.",
            "The call would go round in circles.",
            "Use `goto` inside the subflow.",
        ),
    ),
    "return-outside": _both(
        (
            "`return` gibt es nur in Unterabläufen.",
            "Der Anruf bräche an dieser Stelle ab.",
            "Nennen Sie einen Knoten.",
        ),
        ("`return` exists in subflows only.", "The call would break off here.", "Name a node."),
    ),
    "return-unknown": _both(
        (
            "Der Unterablauf „{flow}“ kehrt mit „{exit}“ zurück; hier ist dafür kein Weg genannt.",
            "Der Anruf bräche nach dem Unterablauf ab.",
            "Ergänzen Sie unter `exits` den Eintrag `{exit}: <Knoten>`.",
        ),
        (
            "The subflow `{flow}` returns by `{exit}`; no way is named for that here.",
            "The call would break off after the subflow.",
            "Add `{exit}: <node>` under `exits`.",
        ),
    ),
    # --- the course of a call
    "node-unreachable": _both(
        (
            "Zum Knoten „{node}“ führt kein Weg.",
            "Anrufende kommen nie dorthin; vielleicht führt eine Taste woandershin, als Sie wollten.",
            "Nennen Sie ihn in einem anderen Knoten oder löschen Sie ihn.",
        ),
        (
            "No way leads to the node `{node}`.",
            "Callers never get there; perhaps a key leads elsewhere than you meant.",
            "Name it in another node or delete it.",
        ),
    ),
    "dead-end": _both(
        (
            "Von „{node}“ führt kein Weg zu einem Ende des Anrufs.",
            "Anrufende kämen nie ans Ziel und müssten auflegen.",
            "Führen Sie einen Ausgang zu `callback`, `transfer` oder `hangup`.",
        ),
        (
            "From `{node}` no way leads to an end of the call.",
            "Callers would never arrive and would have to hang up.",
            "Lead an exit to `callback`, `transfer` or `hangup`.",
        ),
    ),
    "loop-endless": _both(
        (
            "Die Knoten {nodes} verweisen im Kreis aufeinander, ohne je auf Anrufende zu warten.",
            "Es bliebe still in der Leitung.",
            "Unterbrechen Sie den Kreis, etwa mit einem Menü.",
        ),
        (
            "The nodes {nodes} lead to each other in a circle without ever waiting for the caller.",
            "The line would stay silent.",
            "Break the circle, with a menu for example.",
        ),
    ),
    "no-human": _both(
        (
            "Von „{node}“ ist während der Sprechzeit kein Mensch erreichbar.",
            "Wer mit dem Automaten nicht zurechtkommt, bliebe ohne Hilfe.",
            'Ergänzen Sie oben `everywhere: {{"0": <Knoten>}}`, der zu einem `transfer` führt.',
        ),
        (
            "From `{node}` no human can be reached within opening hours.",
            "Whoever can't cope with the machine would be left without help.",
            'Add `everywhere: {{"0": <node>}}` at the top, leading to a `transfer`.',
        ),
    ),
    "zero-not-human": _both(
        (
            "Die Taste 0 führt hier nicht zu einem Menschen.",
            "Viele drücken 0, wenn sie nicht weiterwissen.",
            'Führen Sie "0" während der Sprechzeit zu einem `transfer` oder `wait`.',
        ),
        (
            "Key 0 doesn't lead to a human here.",
            "Many press 0 when they are at a loss.",
            'Lead "0" to a `transfer` or `wait` within opening hours.',
        ),
    ),
    "first-112": _both(
        (
            "Der erste Satz nennt die 112 nicht.",
            "Wer in Lebensgefahr anruft, verlöre Zeit in der Ansage.",
            "Beginnen Sie mit „Bei einem Notfall wählen Sie bitte 112.“",
        ),
        (
            "The first sentence doesn't name 112.",
            "Someone whose life is in danger would lose time in the announcement.",
            'Begin with "In an emergency, please dial 112."',
        ),
    ),
    "first-silent": _both(
        (
            "Der Anruf beginnt nicht mit einer Ansage.",
            "Anrufende hörten die 112 nicht als Erstes.",
            "Stellen Sie an den Anfang ein `say` oder `menu`, dessen erster Satz die 112 nennt.",
        ),
        (
            "The call doesn't begin with an announcement.",
            "Callers wouldn't hear of 112 first.",
            "Put a `say` or `menu` first whose first sentence names 112.",
        ),
    ),
    "menu-long": _both(
        (
            "Das Menü hat {count} Wahlmöglichkeiten.",
            "Am Telefon merken sich die meisten höchstens {most}.",
            "Fassen Sie Seltenes in einem zweiten Menü zusammen.",
        ),
        (
            "The menu has {count} choices.",
            "On the phone most people remember {most} at most.",
            "Put what is rare into a second menu.",
        ),
    ),
    "prompt-long": _both(
        (
            "Die Ansage dauert etwa {seconds} Sekunden (empfohlen höchstens {most}).",
            "Lange Ansagen werden nicht zu Ende gehört.",
            "Kürzen Sie den Text oder teilen Sie ihn auf.",
        ),
        (
            "The announcement takes about {seconds} seconds (recommended: {most} at most).",
            "Long announcements aren't listened to.",
            "Shorten or split the text.",
        ),
    ),
    "prompt-overlong": _both(
        (
            "Die Ansage dauert etwa {seconds} Sekunden; erlaubt sind {most}.",
            "Niemand hört das zu Ende; die Leitung ist so lange belegt.",
            "Kürzen Sie den Text.",
        ),
        (
            "The announcement takes about {seconds} seconds; {most} are allowed.",
            "Nobody listens to that; the line is engaged all the while.",
            "Shorten the text.",
        ),
    ),
    "placeholder-unknown": _both(
        (
            "Der Text verlangt „{name}“, das es an dieser Stelle nicht gibt.",
            "Anrufende hörten eine Entschuldigung statt des Textes.",
            "{suggestion}",
        ),
        (
            "The text asks for `{name}`, which doesn't exist at this point.",
            "Callers would hear an apology instead of the text.",
            "{suggestion}",
        ),
    ),
    "template-broken": _both(
        (
            "Die Textvorlage „{name}“ ({language}) ist fehlerhaft.",
            "Anrufende hörten eine Entschuldigung statt des Textes.",
            "Prüfen Sie die Klammern {{{{ }}}} in ivr_prompts/{language}/{name}.j2.",
        ),
        (
            "The prompt template `{name}` ({language}) is broken.",
            "Callers would hear an apology instead of the text.",
            "Check the braces {{{{ }}}} in ivr_prompts/{language}/{name}.j2.",
        ),
    ),
    "text-template": _both(
        (
            "Im Text stehen Befehle der Vorlagensprache.",
            "Texte in Abläufen kennen nur Platzhalter; Anrufende hörten die Zeichen.",
            "Erlaubt ist zum Beispiel {{{{ practice.name }}}}.",
        ),
        (
            "The text holds commands of the template language.",
            "Texts in flows know placeholders only; callers would hear the signs.",
            "Allowed is {{{{ practice.name }}}}, for example.",
        ),
    ),
    "unconfirmed": _both(
        (
            "Die eingegebene Nummer wird nicht vorgelesen und bestätigt.",
            "Ein Zahlendreher schickt Gesundheitsdaten an Fremde.",
            "Lassen Sie `confirm: false` weg.",
        ),
        (
            "The number entered is not read back and confirmed.",
            "Two digits swapped send health data to strangers.",
            "Leave out `confirm: false`.",
        ),
    ),
    "key-hidden": _both(
        (
            "Die Taste {key} gilt hier im Menü anders als überall sonst.",
            "Wer sich die Taste gemerkt hat, landet unerwartet woanders.",
            "Nehmen Sie für diese Wahl eine andere Taste.",
        ),
        (
            "Key {key} means something else in this menu than everywhere else.",
            "Callers who have learnt the key end up elsewhere.",
            "Use another key for this choice.",
        ),
    ),
    "limits-odd": _both(
        (
            "„{low}“ ist größer als „{high}“.",
            "Keine Eingabe würde angenommen.",
            "Tauschen Sie die beiden Werte.",
        ),
        ("`{low}` is greater than `{high}`.", "No input would be accepted.", "Swap the two values."),
    ),
}
