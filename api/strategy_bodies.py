"""What a caller may say of a strategy: the whole of it, or what changes.

Figures are plain integers here, so that everything out of range is told at once rather than the first of it.
"""

from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from api.body_fields import Name
from marketplace.strategies.cap_presets import CAP_PRESETS, CapPreset, StrategyCaps
from marketplace.strategies.strategy_settings import (
    SMALLEST_TICKET_CENTS,
    Reinvest,
    StrategyAsk,
    StrategyFilters,
    StrategySettings,
)


class AskBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lowest rate for a company and a term; null is every one. See `StrategyAsk` of the strategy's settings."""

    company_id: UUID | None = None
    term_months: int | None = None
    mode: Literal["fixed", "book_minus", "median"] = "fixed"
    value_bp: int
    floor_bp: int = 0


class CapsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Caps, starting from a preset when one is named; null is no cap."""

    preset: CapPreset | None = None
    borrower_bp: int | UnsetType | None = UNSET
    request_bp: int | UnsetType | None = UNSET
    company_bp: int | UnsetType | None = UNSET
    term_bp: int | UnsetType | None = UNSET
    company_cents: int | UnsetType | None = UNSET

    def changed(self, caps: StrategyCaps) -> StrategyCaps:
        """`caps`, or those of the preset, with what is given here."""
        base = caps if self.preset is None else CAP_PRESETS[self.preset]
        return msgspec.structs.replace(base, **_given(self, but=("preset",)))


class FiltersPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The filters that change; null asks for nothing."""

    guarantee_min_bp: int | UnsetType | None = UNSET
    modes: tuple[str, ...] | UnsetType = UNSET
    gauge_min_bp: int | UnsetType | None = UNSET
    arrears_max_bp: int | UnsetType | None = UNSET
    purposes: tuple[int, ...] | UnsetType = UNSET


class StrategyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy. See `marketplace.strategies.strategy_settings.StrategySettings` for what each field means."""

    name: Name
    priority: int = 1
    budget_cents: int | None = None
    reserve_cents: int = 0
    pace_cents: int | None = None
    rate_floor_bp: int | None = None
    asks: tuple[AskBody, ...] = ()
    terms: tuple[int, ...] = ()
    average_life_max_months: int | None = None
    caps: CapsBody = CapsBody()
    ticket_min_cents: int = SMALLEST_TICKET_CENTS
    is_all_or_none: bool = False
    filters: StrategyFilters = StrategyFilters()
    reinvest: Reinvest = "all"

    def settings(self) -> StrategySettings:
        """The strategy that this describes, whatever is wrong with it."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return StrategySettings(**{**given, "asks": _asks(self.asks), "caps": self.caps.changed(StrategyCaps())})


class StrategyPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes of a strategy; what is left out stays. Lists are replaced as a whole."""

    name: Name | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    budget_cents: int | UnsetType | None = UNSET
    reserve_cents: int | UnsetType = UNSET
    pace_cents: int | UnsetType | None = UNSET
    rate_floor_bp: int | UnsetType | None = UNSET
    asks: tuple[AskBody, ...] | UnsetType = UNSET
    terms: tuple[int, ...] | UnsetType = UNSET
    average_life_max_months: int | UnsetType | None = UNSET
    caps: CapsBody | UnsetType = UNSET
    ticket_min_cents: int | UnsetType = UNSET
    is_all_or_none: bool | UnsetType = UNSET
    filters: FiltersPatch | UnsetType = UNSET
    reinvest: Reinvest | UnsetType = UNSET

    def changed(self, settings: StrategySettings) -> StrategySettings:
        """`settings` with what is given here, whatever is wrong with it."""
        changes = _given(self, but=("asks", "caps", "filters"))
        if self.asks is not UNSET:
            changes["asks"] = _asks(self.asks)
        if self.caps is not UNSET:
            changes["caps"] = self.caps.changed(settings.caps)
        if self.filters is not UNSET:
            changes["filters"] = msgspec.structs.replace(settings.filters, **_given(self.filters))
        return msgspec.structs.replace(settings, **changes)


def _given(body: msgspec.Struct, *, but: tuple[str, ...] = ()) -> dict[str, Any]:
    fields = {name: getattr(body, name) for name in body.__struct_fields__ if name not in but}
    return {name: value for name, value in fields.items() if value is not UNSET}


def _asks(bodies: tuple[AskBody, ...]) -> tuple[StrategyAsk, ...]:
    return tuple(
        StrategyAsk(
            company_id=None if body.company_id is None else str(body.company_id),
            term_months=body.term_months,
            mode=body.mode,
            value_bp=body.value_bp,
            floor_bp=body.floor_bp,
        )
        for body in bodies
    )
