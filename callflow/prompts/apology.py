"""What a caller hears when a prompt can't be rendered: the emergency number and the way to a human."""

from __future__ import annotations

from collections.abc import Mapping

TONE_KEY = "apology-tone"

TEXTS: Mapping[str, str] = {
    "de": (
        "Diese Ansage ist gerade gestört. Bei einem Notfall wählen Sie 112. "
        "Mit der Taste 0 erreichen Sie die Praxis."
    ),
    "en": (
        "This announcement is not available right now. In an emergency, call 112. "
        "Press 0 to reach the practice."
    ),
    "fr": (
        "Cette annonce n'est pas disponible. En cas d'urgence, appelez le 112. "
        "Appuyez sur la touche 0 pour joindre le cabinet."
    ),
    "it": (
        "Questo annuncio non è disponibile. In caso di emergenza chiamate il 112. "
        "Premete il tasto 0 per parlare con lo studio."
    ),
    "es": (
        "Este mensaje no está disponible. En caso de emergencia, llame al 112. "
        "Pulse la tecla 0 para hablar con la consulta."
    ),
}
