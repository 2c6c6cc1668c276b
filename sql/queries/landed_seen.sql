select path, bytes, modified from landed
