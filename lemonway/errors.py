"""What can go wrong between us and Lemonway. The class of an error says what to do next.

LemonwayError
├── LemonwayUnreachable              no usable answer, outcome unknown: look the reference up before sending again
│   ├── LemonwayNotReached           the request never left: nothing was executed, sending again is safe
│   └── LemonwayAnswerUnreadable     an answer came and does not fit its schema: keep it, let a person look
├── LemonwayThrottled                too many calls, nothing was executed: wait, then send again
├── LemonwayAccessDenied             key, token, allowed IP addresses or contract: nothing was executed, alert
└── LemonwayRefusal                  an answer, and it is no: sending the same thing again changes nothing
    ├── InsufficientFunds            the wallet does not hold the amount
    ├── LimitReached                 an amount or a number of operations is above what the wallet may do
    ├── WalletNotUsable              a wallet involved is blocked, closed or not verified: park the money
    ├── MandateNotUsable             the mandate is unknown, unsigned, disabled or rejected: ask for a new one
    ├── BankAccountNotUsable         no approved IBAN, or the IBAN or BIC given is wrong
    ├── RefusedByCompliance          a black list or an anti-fraud control: never repeat, tell operations
    ├── NotFound                     the object does not exist, or its state no longer allows the action
    ├── Duplicate                    the object exists already: look it up and adopt it
    └── InvalidRequest               we sent something malformed: our own bug or unusable data

Codes: `/reference` "complete Lemonway error list"; the numbers are shared by versions 1 and 2 of the API.
"""


class LemonwayError(Exception):
    """Base of every failure this package raises.

    Its text and its body may hold what Lemonway wrote about people: they go to the record, where a person reads them,
    and never to a log, which gets `for_log`.
    """

    code: int | None = None
    """Lemonway's number, where the answer carries one."""
    body: bytes = b""
    """The answer, whole; empty when none came."""
    trace: str | None = None
    """Cloudflare's ray id of the answer, by which Lemonway's support finds the call."""

    def for_log(self) -> dict[str, str | int | None]:
        """What may be logged: the class of the failure, its code and its trace."""
        return {"cause": type(self).__name__, "code": self.code, "trace": self.trace}

    def for_record(self) -> str:
        """Everything there is to know of the failure, the answer's body included."""
        return f"{self}\n{self.body.decode(errors='replace')}" if self.body else str(self)


class LemonwayUnreachable(LemonwayError):
    """No usable answer: the money may have moved. Look the reference up before sending it again."""

    def __init__(self, cause: str, *, code: int | None = None, reference: str | None = None) -> None:
        super().__init__(f"Lemonway gave no usable answer{_about(reference)}: {cause}")
        self.cause = cause
        self.code = code
        self.reference = reference


class LemonwayNotReached(LemonwayUnreachable):
    """The connection could not even be opened: nothing was sent, so nothing was executed."""


class LemonwayAnswerUnreadable(LemonwayUnreachable):
    """The answer does not fit its schema. `body` keeps what came, for the person who will look at it."""

    def __init__(self, cause: str, *, http_status: int, reference: str | None = None) -> None:
        super().__init__(f"HTTP {http_status}, {cause}", reference=reference)
        self.http_status = http_status


class LemonwayThrottled(LemonwayError):
    """HTTP 429: nothing was executed. `retry_after_s` is what Lemonway asks for, None when it does not say."""

    def __init__(self, *, retry_after_s: int | None) -> None:
        super().__init__(f"Lemonway asks for fewer calls; retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class LemonwayAccessDenied(LemonwayError):
    """Lemonway does not let us in: wrong key, expired access, address not allowed, or not in the contract.

    `code` is Lemonway's own (120, 138, 148…), None when only the HTTP status (401, 403) says it.
    """

    def __init__(self, *, http_status: int, code: int | None, message: str) -> None:
        super().__init__(f"Lemonway denies access (HTTP {http_status}, code {code}): {message}")
        self.http_status = http_status
        self.code = code
        self.message = message


class LemonwayRefusal(LemonwayError):
    """Lemonway said no; sending the same thing again changes nothing.

    `code` is Lemonway's number, or the HTTP status where the answer carries no code of its own.
    """

    def __init__(self, *, code: int, message: str, reference: str | None = None) -> None:
        super().__init__(f"Lemonway refused with code {code}{_about(reference)}: {message}")
        self.code = code
        self.message = message
        self.reference = reference


class InsufficientFunds(LemonwayRefusal):
    """The wallet to debit does not hold the amount (110, 187, 260)."""


class LimitReached(LemonwayRefusal):
    """Over a limit of amount or of number of operations (100 sender, 101 receiver, 109)."""


class WalletNotUsable(LemonwayRefusal):
    """A wallet is blocked, closed, or its KYC does not allow this (111, 137, 146, 167 sender, 168 receiver)."""


class MandateNotUsable(LemonwayRefusal):
    """The mandate cannot be debited or signed (244 unknown, 245 not valid, 246 used, 249 no mobile, 258 signed)."""


class BankAccountNotUsable(LemonwayRefusal):
    """No approved payout IBAN (215), or an IBAN or BIC that is wrong or gone (220, 221, 242)."""


class RefusedByCompliance(LemonwayRefusal):
    """Black-listed address, e-mail or IBAN, or refused by an anti-fraud control (236-238, 302-304)."""


class NotFound(LemonwayRefusal):
    """Nothing by that id or reference, or its state does not allow the action (143, 147, 162, 195, 210, 261, 263)."""


class Duplicate(LemonwayRefusal):
    """It exists already (152 wallet id, 204 e-mail, 241 and 341 document, HTTP 409 onboarding)."""


class InvalidRequest(LemonwayRefusal):
    """Malformed or missing data (234, 373, 188, 247, 254 and the other checks of form)."""


_CLASS_BY_CODE: dict[int, type[LemonwayRefusal]] = {
    **dict.fromkeys((110, 187, 260), InsufficientFunds),
    **dict.fromkeys((100, 101, 109), LimitReached),
    **dict.fromkeys((111, 137, 146, 167, 168), WalletNotUsable),
    **dict.fromkeys((244, 245, 246, 249, 258), MandateNotUsable),
    **dict.fromkeys((215, 220, 221, 242), BankAccountNotUsable),
    **dict.fromkeys((236, 237, 238, 302, 303, 304), RefusedByCompliance),
    **dict.fromkeys((143, 147, 162, 195, 210, 261, 263), NotFound),
    **dict.fromkeys((152, 204, 241, 341), Duplicate),
    **dict.fromkeys((118, 128, 151, 155, 175, 176, 177, 178, 186, 188, 200, 211, 212, 219, 234, 235), InvalidRequest),
    **dict.fromkeys((239, 243, 247, 248, 250, 251, 252, 253, 254, 262, 264, 265, 266, 267, 365, 373), InvalidRequest),
}

OUTCOME_UNKNOWN_CODES = frozenset(
    {1, 179, 180, 181, 182, 183, 184, 185, 189, 190, 191, 230, 232, 233, 240, 288, 296, 297, 305, 310, 375}
)
"""Execution, network and time-out errors inside Lemonway: the operation may have been carried out all the same."""

ACCESS_CODES = frozenset({105, 120, 138, 140, 141, 142, 148, 213, 217, 218, 255, 256, 257, 259})
"""Login, session, environment and contract: the call was turned away at the door."""


def error_for_code(code: int, message: str, *, http_status: int, reference: str | None) -> LemonwayError:
    """The error that Lemonway's own code stands for. A code we do not know is a plain LemonwayRefusal."""
    if code in OUTCOME_UNKNOWN_CODES:
        return LemonwayUnreachable(f"code {code}, {message}", code=code, reference=reference)
    if code in ACCESS_CODES:
        return LemonwayAccessDenied(http_status=http_status, code=code, message=message)
    refusal = _CLASS_BY_CODE.get(code, LemonwayRefusal)
    return refusal(code=code, message=message, reference=reference)


def _about(reference: str | None) -> str:
    return f" for reference {reference}" if reference else ""
