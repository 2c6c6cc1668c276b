"""Running an installation: Airflow's environment and processes, its API, checks and upkeep.

Nothing here imports Airflow; it is started as processes and spoken to over its API, as an operator would.
"""
