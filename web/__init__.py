"""The desk: pages for people. Server-rendered, and every act on them is a plain form first."""
