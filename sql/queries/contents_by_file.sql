select file_id, sha256 from file
