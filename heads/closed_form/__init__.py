"""Heads that are fitted in closed form, without steps."""
