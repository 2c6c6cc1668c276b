select sha256 from file
