"""What was given out: the aggregates of approved issues, so that two issues laid side by side give nothing back."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL file of the same name, as it stands."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(script)
