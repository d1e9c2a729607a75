"""Why a credit is refused at assessment: one reason per rule, in figures and in plain words of both languages.

Every text says what was found, what the rule asks, and what would pass.
"""

import calendar
from collections.abc import Sequence
from datetime import date
from enum import StrEnum

import msgspec


class ContractType(StrEnum):
    PERMANENT = "permanent"
    FIXED_TERM = "fixed-term"
    APPRENTICESHIP = "apprenticeship"


CONTRACT_TYPE_IT = {
    ContractType.PERMANENT: "a tempo indeterminato",
    ContractType.FIXED_TERM: "a tempo determinato",
    ContractType.APPRENTICESHIP: "di apprendistato",
}
CONTRACT_TYPE_EN = {
    ContractType.PERMANENT: "permanent",
    ContractType.FIXED_TERM: "fixed-term",
    ContractType.APPRENTICESHIP: "apprenticeship",
}


class ReasonCode(StrEnum):
    """The rule that was not met. Beside it: the unit of `actual`, `threshold` and `would_pass`."""

    NOT_ON_EMPLOYEE_LIST = "not-on-employee-list"
    """No figures."""
    SENIORITY_BELOW_MINIMUM = "seniority-below-minimum"
    """Whole months, whole months, the ISO date on which the seniority is reached."""
    CONTRACT_TYPE_NOT_ADMITTED = "contract-type-not-admitted"
    """A contract type; the admitted ones, separated by commas; the same."""
    CONTRACT_ENDS_BEFORE_LOAN = "contract-ends-before-loan"
    """ISO date of the contract's end, ISO date of the last instalment, longest offered term in months or none."""
    AMOUNT_BELOW_MINIMUM = "amount-below-minimum"
    """Cents, cents, cents."""
    AMOUNT_ABOVE_MAXIMUM = "amount-above-maximum"
    """Cents, cents, cents."""
    TERM_NOT_OFFERED = "term-not-offered"
    """Months; the offered ones, separated by commas; the nearest offered one."""
    INSTALMENT_ABOVE_SHARE = "instalment-above-share"
    """Cents a month, cents a month, the largest amount in cents at the same term, or none within the limits."""
    OPEN_LOANS_AT_MAXIMUM = "open-loans-at-maximum"
    """Open loans, the most that may be open, how many may be open when another is asked for."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    code: ReasonCode
    text_it: str
    text_en: str
    actual: int | str | None
    threshold: int | str | None
    would_pass: int | str | None


def not_on_employee_list() -> Reason:
    return Reason(
        code=ReasonCode.NOT_ON_EMPLOYEE_LIST,
        text_it="Il tuo codice fiscale non è nell'elenco dei dipendenti dell'azienda. "
        "Chiedi all'ufficio del personale di inserirti nell'elenco.",
        text_en="Your tax code is not on the company's list of employees. Ask the personnel office to add you to it.",
        actual=None,
        threshold=None,
        would_pass=None,
    )


def seniority_below_minimum(*, months: int, minimum_months: int, reached_on: date) -> Reason:
    return Reason(
        code=ReasonCode.SENIORITY_BELOW_MINIMUM,
        text_it=f"Lavori in azienda da {_months_it(months)}; ne servono almeno {minimum_months}. "
        f"Potrai fare richiesta dal {_date_it(reached_on)}.",
        text_en=f"You have worked here for {_months_en(months)}; at least {minimum_months} are needed. "
        f"You can ask from {_date_en(reached_on)}.",
        actual=months,
        threshold=minimum_months,
        would_pass=reached_on.isoformat(),
    )


def contract_type_not_admitted(contract_type: ContractType, admitted: Sequence[ContractType]) -> Reason:
    admitted_codes = ", ".join(admitted)
    return Reason(
        code=ReasonCode.CONTRACT_TYPE_NOT_ADMITTED,
        text_it=f"Il tuo contratto è {CONTRACT_TYPE_IT[contract_type]}. "
        f"L'azienda ammette chi ha un contratto {' o '.join(CONTRACT_TYPE_IT[kind] for kind in admitted)}.",
        text_en=f"Your contract is {CONTRACT_TYPE_EN[contract_type]}. "
        f"The company admits these contracts: {', '.join(CONTRACT_TYPE_EN[kind] for kind in admitted)}.",
        actual=contract_type.value,
        threshold=admitted_codes,
        would_pass=admitted_codes,
    )


def contract_ends_before_loan(*, ends_on: date, last_due_on: date, longest_months: int | None) -> Reason:
    passes_it = "Nessuna durata offerta finisce prima." if longest_months is None else ""
    passes_en = "No offered term ends before it." if longest_months is None else ""
    return Reason(
        code=ReasonCode.CONTRACT_ENDS_BEFORE_LOAN,
        text_it=f"Il tuo contratto finisce il {_date_it(ends_on)}, prima dell'ultima rata del {_date_it(last_due_on)}. "
        + (passes_it or f"Va bene una durata fino a {longest_months} mesi."),
        text_en=f"Your contract ends on {_date_en(ends_on)}, before the last instalment of {_date_en(last_due_on)}. "
        + (passes_en or f"A term of up to {longest_months} months would pass."),
        actual=ends_on.isoformat(),
        threshold=last_due_on.isoformat(),
        would_pass=longest_months,
    )


def amount_below_minimum(*, amount_cents: int, minimum_cents: int) -> Reason:
    return Reason(
        code=ReasonCode.AMOUNT_BELOW_MINIMUM,
        text_it=f"Hai chiesto {euro_it(amount_cents)}; l'importo minimo è {euro_it(minimum_cents)}.",
        text_en=f"You asked for {euro_en(amount_cents)}; the smallest amount is {euro_en(minimum_cents)}.",
        actual=amount_cents,
        threshold=minimum_cents,
        would_pass=minimum_cents,
    )


def amount_above_maximum(*, amount_cents: int, maximum_cents: int) -> Reason:
    return Reason(
        code=ReasonCode.AMOUNT_ABOVE_MAXIMUM,
        text_it=f"Hai chiesto {euro_it(amount_cents)}; l'importo massimo è {euro_it(maximum_cents)}.",
        text_en=f"You asked for {euro_en(amount_cents)}; the largest amount is {euro_en(maximum_cents)}.",
        actual=amount_cents,
        threshold=maximum_cents,
        would_pass=maximum_cents,
    )


def term_not_offered(months: int, offered: Sequence[int]) -> Reason:
    """`offered` is not empty and ascending; of two equally near terms the shorter would pass."""
    listed = ", ".join(map(str, offered))
    return Reason(
        code=ReasonCode.TERM_NOT_OFFERED,
        text_it=f"La durata di {_months_it(months)} non è offerta. Le durate in mesi sono: {listed}.",
        text_en=f"A term of {_months_en(months)} is not offered. The terms in months are: {listed}.",
        actual=months,
        threshold=listed,
        would_pass=min(offered, key=lambda offer: abs(offer - months)),
    )


def instalment_above_share(
    *, instalment_cents: int, room_cents: int, largest_amount_cents: int | None, longer_months: int | None
) -> Reason:
    ways_it, ways_en = [], []
    if largest_amount_cents is not None:
        ways_it.append(f"un importo fino a {euro_it(largest_amount_cents)} con la stessa durata")
        ways_en.append(f"up to {euro_en(largest_amount_cents)} over the same term")
    if longer_months is not None:
        ways_it.append(f"lo stesso importo in {longer_months} mesi")
        ways_en.append(f"the same amount over {longer_months} months")
    passes_it = f"Va bene {' oppure '.join(ways_it)}." if ways_it else "Nessun importo ammesso resta entro questa rata."
    passes_en = f"What would pass: {', or '.join(ways_en)}." if ways_en else "No admitted amount stays within it."
    return Reason(
        code=ReasonCode.INSTALMENT_ABOVE_SHARE,
        text_it=f"La rata sarebbe di {euro_it(instalment_cents)} al mese; tolte le altre rate, il tuo stipendio "
        f"ne consente {euro_it(room_cents)}. {passes_it}",
        text_en=f"The instalment would be {euro_en(instalment_cents)} a month; after your other instalments your pay "
        f"allows {euro_en(room_cents)}. {passes_en}",
        actual=instalment_cents,
        threshold=room_cents,
        would_pass=largest_amount_cents,
    )


def open_loans_at_maximum(*, open_loans: int, maximum: int) -> Reason:
    return Reason(
        code=ReasonCode.OPEN_LOANS_AT_MAXIMUM,
        text_it=f"Prestiti aperti: {open_loans}; l'azienda ne ammette {maximum} insieme. "
        "Potrai fare richiesta quando ne avrai saldato uno.",
        text_en=f"Open loans: {open_loans}; the company admits {maximum} at a time. "
        "You can ask again once you have settled one.",
        actual=open_loans,
        threshold=maximum,
        would_pass=maximum - 1,
    )


def euro_it(cents: int) -> str:
    """An amount as Italians write it: 1.234,56 €."""
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d} €"


def euro_en(cents: int) -> str:
    """An amount as the English write it: €1,234.56."""
    return f"€{cents // 100:,}.{cents % 100:02d}"


def _months_it(months: int) -> str:
    return "1 mese" if months == 1 else f"{months} mesi"


def _months_en(months: int) -> str:
    return "1 month" if months == 1 else f"{months} months"


def _date_it(day: date) -> str:
    return f"{day.day:02d}/{day.month:02d}/{day.year}"


def _date_en(day: date) -> str:
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"
