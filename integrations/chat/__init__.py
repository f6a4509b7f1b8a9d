"""Notices to people and programs: the port (`port`), a signed webhook (`client`) and its signature
(`signing`), and a room for incidents (`room`).
"""
