"""What support means: pure functions and data. No I/O, no clock, no time-zone data, no Temporal, no database.

Read in this order: `core.enums`, `clocks.terms`, `clocks.clock`, `ticket.state`, `aggregate.rule`,
`aggregate.aggregate`, `ticket.aggregate` and the rules that it lists, `incident.aggregate` and its rules.
"""
