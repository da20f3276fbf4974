"""Built mixes in stores: addresses, ranges of files, and a cache of them on this machine."""
