select file_id, path as file from reads.file_path
