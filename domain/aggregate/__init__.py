"""Event sourcing, once for every noun: how a state is decided on, recorded, folded and settled.

A noun (a ticket, an incident) is an `Aggregate`: its rules, and what it begins with. Read `rule` first, then
`aggregate`. Nothing here knows what a ticket or an incident is.
"""
