"""Local stand-ins for the outside systems: real HTTP servers that keep state, used by `tierline demo` and the
tests.

Each speaks the vendor's interface as far as our clients use it, refuses what the vendor would refuse, can be
told to fail (`common.Fault`), and shows a page where a person sees what engineering, the one on call or the
room would see.
"""
