"""The SIP endpoint of our own: messages, transactions, dialogs, legs and the telephone that joins them."""
