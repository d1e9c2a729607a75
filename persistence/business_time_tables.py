"""The market's clock as a row, and the business days that have been worked through."""

from piccolo.columns import Date, SmallInt, Text, Timestamptz
from piccolo.table import Table


class BusinessClockRow(Table, tablename="business_clock"):
    """The one row that says what time it is in this market; `now_at` only in virtual mode."""

    id = SmallInt(primary_key=True, default=1)
    mode = Text()
    now_at = Timestamptz(null=True, default=None)
    changed_at = Timestamptz()


class BusinessDayStep(Table):
    """A step of a business date, started or done. The key is (business_date, step)."""

    business_date = Date(primary_key=True)
    step = Text()
    state = Text(default="started")
    started_at = Timestamptz()
    finished_at = Timestamptz(null=True, default=None)
