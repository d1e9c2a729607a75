"""How the settings of the environment reach Lemonway's client."""

from lemonway.settings import LemonwaySettings
from lemonway.transport import LemonwayConnection


def connection_to(settings: LemonwaySettings) -> LemonwayConnection:
    """The Lemonway of these settings: sandbox, production or the simulator."""
    return LemonwayConnection(
        directkit_url=settings.base_url,
        onboarding_url=settings.onboarding_url,
        token_url=settings.token_url,
        api_key=settings.api_key,
        write_timeout_ms=settings.timeout_s * 1_000,
    )
