"""Reports: of a week, and of two times compared (F3)."""
