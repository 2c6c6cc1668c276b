copy {made} to stdout
