"""Whoever wakes people: the port (`port`), the client of PagerDuty's Events API v2 (`client`), a signed webhook for
every other pager (`signed`), the incident room as one (`in_room`), and what pagers tell us (`webhook`).
"""
