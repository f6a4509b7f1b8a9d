"""What support means: pure functions and data. No I/O, no clock, no time-zone data, no Temporal, no database.

Read in this order: `words`, `terms`, `clocks`, `ticket`, `events`, `commands`, `package`, `decide`,
`evolve`, `settle`, `effects`.
"""
