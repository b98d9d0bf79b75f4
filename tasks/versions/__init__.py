"""Versions of what a shop edits on the desk: propose, approve, send back and use again."""
