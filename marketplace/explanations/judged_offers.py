"""A lender's offers judged again for one plan, as the walk would have judged those it did not come to."""

from collections.abc import Sequence

from marketplace.allocation.eligibility import Candidate, Eligibility
from marketplace.allocation.lender_rooms import least_ticket_cents
from marketplace.allocation.orders import LenderOffer, LenderStanding
from marketplace.explanations.lender_outcomes import JudgedOffer


def judged_offers(
    eligibility: Eligibility, offers: Sequence[LenderOffer], standing: LenderStanding
) -> tuple[JudgedOffer, ...]:
    """Each of a lender's offers with what stood in its way; of several that could lend, all but the one that speaks are
    kept out by it. `standing` is the lender's as the plan found it."""
    speaker_id = eligibility.speaker(offers, standing)
    return tuple(_judged(eligibility, offer, standing, speaker_id) for offer in offers)


def _judged(
    eligibility: Eligibility, offer: LenderOffer, standing: LenderStanding, speaker_id: str | None
) -> JudgedOffer:
    verdict = eligibility.judge(offer, standing)
    if not isinstance(verdict, Candidate):
        return JudgedOffer(offer, least_ticket_cents(offer, eligibility.ticket_cents), verdict)
    return JudgedOffer(offer, verdict.minimum_cents, None if offer.offer_id == speaker_id else "other-strategy")
