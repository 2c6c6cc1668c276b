select finding from notice
