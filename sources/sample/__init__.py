"""Lantern & Loom, a shop that does not exist: what `make demo` runs on, and as large as a trial wants it."""

from sources.sample.folder import sample_day, write_sample

__all__ = ["sample_day", "write_sample"]
