"""Numbers: arrays in, arrays and records out; no disk, no network, no pictures."""
