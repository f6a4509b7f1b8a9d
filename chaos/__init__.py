"""Chaos: Tierline is killed, cut off and confused on purpose, and then looked at for anything that was lost or doubled.

`plan` draws from a seed what happens, `run` makes it happen to real processes, `checks` looks at what is left.
"""
