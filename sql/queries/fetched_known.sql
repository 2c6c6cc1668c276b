select path, bytes, modified from fetched where server = $1
