"""DISK: the files of one collection, in the order they are built."""
