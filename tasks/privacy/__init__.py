"""What is held about one person: export it, and erase it."""
