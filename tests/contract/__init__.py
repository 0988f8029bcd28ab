"""What every library is promised, one test each; see `drivers.base` for what a library has to bring."""
