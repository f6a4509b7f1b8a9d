"""What a week of support comes to: what each ticket's life adds to it, and what is reckoned from all of them."""
