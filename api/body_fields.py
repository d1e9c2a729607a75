"""The ranges of what a body may hold, by meaning. Money is integer cents up to 10^13, rates integer basis points."""

from typing import Annotated

from litestar.params import QueryParameter
from msgspec import Meta

CENTS_MAX = 10**13

PositiveCents = Annotated[int, Meta(ge=1, le=CENTS_MAX, description="Euro cents, at least 1.")]
Cents = Annotated[int, Meta(ge=0, le=CENTS_MAX, description="Euro cents.")]
BasisPoints = Annotated[int, Meta(ge=0, le=10_000, description="Hundredths of a per cent a year.")]
Months = Annotated[int, Meta(ge=1, le=120, description="Whole months.")]
PurposeClass = Annotated[int, Meta(ge=1, le=3, description="One of the company's classes of purpose, from 1.")]
DebitDay = Annotated[int, Meta(ge=1, le=31, description="Day of the month on which instalments fall due.")]

Name = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^\S(.*\S)?$")]
Text = Annotated[str, Meta(max_length=2_000)]
CountryCode = Annotated[str, Meta(pattern=r"^[A-Z]{2}$", description="ISO 3166 alpha-2.")]
Email = Annotated[str, Meta(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
TaxCode = Annotated[str, Meta(pattern=r"^[A-Z0-9]{16}$", description="Italian tax code of a person.")]
StaffNumber = Annotated[str, Meta(min_length=1, max_length=40)]
CompanyCode = Annotated[str, Meta(pattern=r"^[A-Z0-9][A-Z0-9-]{4,30}[A-Z0-9]$")]

WaitS = Annotated[int, QueryParameter(ge=0, le=20, description="Seconds to wait for the decision, 0 to 20.")]
