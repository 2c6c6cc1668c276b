set transaction snapshot '{snapshot}'
