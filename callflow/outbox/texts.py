"""What the text messages say: short, in the patient's language, without reason, specialty or name."""

from __future__ import annotations

_LINK = {
    "de": "{practice}: Ihr Formular, statt zu warten: {url} (Im Notfall: 112)",
    "en": "{practice}: your form, instead of waiting: {url} (Emergency: 112)",
    "fr": "{practice}: votre formulaire, sans attendre: {url} (Urgence: 112)",
    "it": "{practice}: il suo modulo, senza attesa: {url} (Emergenza: 112)",
    "es": "{practice}: su formulario, sin esperar: {url} (Emergencia: 112)",
    "tr": "{practice}: beklemeden formunuz: {url} (Acil durum: 112)",
    "ar": "{practice}: نموذجكم دون انتظار: {url} (الطوارئ: 112)",
    "uk": "{practice}: ваша форма без очікування: {url} (Екстрена допомога: 112)",
}
_REPLY = {
    "de": "{practice}: Es gibt eine Antwort für Sie: {url}",
    "en": "{practice}: there is an answer for you: {url}",
    "fr": "{practice}: il y a une réponse pour vous: {url}",
    "it": "{practice}: c'è una risposta per lei: {url}",
    "es": "{practice}: hay una respuesta para usted: {url}",
    "tr": "{practice}: size bir yanit var: {url}",
    "ar": "{practice}: لديكم رد: {url}",
    "uk": "{practice}: для вас є відповідь: {url}",
}
LANGUAGES = tuple(_LINK)


def link(language: str, practice: str, url: str) -> str:
    """Return the text that brings the form link; German for a language we do not have."""
    return _LINK.get(language, _LINK["de"]).format(practice=practice, url=url)


def reply(language: str, practice: str, url: str) -> str:
    """Return the text that tells of an answer in the thread."""
    return _REPLY.get(language, _REPLY["de"]).format(practice=practice, url=url)
