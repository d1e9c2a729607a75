"""Who is calling: the role and the party behind a request."""

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a key lets its holder be. The values are those the record stores."""

    OPERATOR = "operator"
    COMPANY = "company_admin"
    LENDER = "lender"
    BORROWER = "borrower"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A caller who has shown a valid key. Everybody but an operator acts for one party."""

    role: Role
    party_id: str | None

    @property
    def own_id(self) -> str:
        """The party a lender, borrower or company acts for; guards keep operators away from calls that need one."""
        assert self.party_id is not None, self.role
        return self.party_id

    @property
    def is_operator(self) -> bool:
        return self.role is Role.OPERATOR
