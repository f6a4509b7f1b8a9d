"""Whatever is killed, at whatever moment: nothing is lost, and nothing stands twice."""
