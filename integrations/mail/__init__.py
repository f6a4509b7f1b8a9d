"""Notices by e-mail: a client of SMTP (`client`)."""
