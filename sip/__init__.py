"""Telephone lines: the embedded SIP endpoint, pyVoIP, Asterisk."""
