"""Templates as plain sentences, written back byte for byte where nothing was changed."""
