"""What holds for the allocation rule in every book, and that its slow, obvious twin agrees with it."""

from random import Random
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from marketplace.company_terms import WHOLE_BP
from marketplace.matching import CoverPlan, Uncovered, plan_cover
from marketplace.orders import LenderOffer
from marketplace.receipts import DustPath, Treatment, decode_receipt, encode_receipt
from tests.marketplace.naive_matching import NaiveCover, NaiveRest, naive_plan
from tests.marketplace.random_books import PlanInput, random_plan_input

plan_inputs = st.builds(random_plan_input, st.randoms(use_true_random=False))

random_books = settings(max_examples=300, deadline=None)
more_random_books = settings(max_examples=1_000, deadline=None)
many_random_books = settings(max_examples=20_000, deadline=None)


def plan(given_book: PlanInput, **changes: Any) -> CoverPlan | Uncovered:
    book = msgspec.structs.replace(given_book, **changes)
    return plan_cover(
        book.request,
        book.offers,
        book.standings,
        book.terms,
        book.guaranteed_cents,
        book.budget_left_cents,
        book.promised,
        exposures=book.exposures,
    )


def as_the_twin_says_it(outcome: CoverPlan | Uncovered) -> NaiveCover | NaiveRest:
    if isinstance(outcome, Uncovered):
        return NaiveRest(outcome.reason, outcome.coverable_cents)
    return NaiveCover(
        rate_bp=outcome.rate_bp,
        loan_rate_cbp=outcome.loan_rate_cbp,
        amount_cents=outcome.amount_cents,
        company_cents=outcome.company_cents,
        fills=[(leg.lender_id, leg.offer_id, leg.cents) for leg in outcome.legs],
        dust=outcome.dust,
        rotated=list(outcome.rotated_lender_ids),
    )


def check_against_the_twin(book: PlanInput) -> None:
    outcome = plan(book)
    event(outcome.reason if isinstance(outcome, Uncovered) else f"covered, dust {outcome.dust}")
    if outcome.receipt.gate is not None:
        event(f"gate {outcome.receipt.gate.answer}")
    for bucket in outcome.receipt.buckets:
        event(f"bucket {bucket.treatment}")

    assert as_the_twin_says_it(outcome) == naive_plan(
        book.request,
        book.offers,
        book.standings,
        book.terms,
        book.guaranteed_cents,
        book.budget_left_cents,
        book.promised,
        book.exposures,
    )


@more_random_books
@given(book=plan_inputs)
def test_the_rule_agrees_with_its_slow_obvious_twin(book: PlanInput) -> None:
    check_against_the_twin(book)


def test_random_books_reach_every_path_of_the_rule() -> None:
    reached: set[str] = set()
    for seed in range(3_000):
        outcome = plan(random_plan_input(Random(seed)))
        reached.add(outcome.reason if isinstance(outcome, Uncovered) else outcome.dust)
        reached.update(f"bucket: {bucket.treatment}" for bucket in outcome.receipt.buckets)
        if outcome.receipt.gate is not None:
            reached.add(f"gate: {outcome.receipt.gate.answer}")

    assert reached == {
        *("uncovered", "guarantee"),
        *get_args(DustPath),
        *(f"bucket: {treatment}" for treatment in get_args(Treatment)),
        *("gate: passed", "gate: cut", "gate: waits"),
    }


@pytest.mark.long
@pytest.mark.timeout(900)
@many_random_books
@given(book=plan_inputs)
def test_the_rule_agrees_with_its_slow_obvious_twin_on_many_books(book: PlanInput) -> None:
    check_against_the_twin(book)


@random_books
@given(book=plan_inputs)
def test_no_cap_minimum_rate_or_sum_is_violated(book: PlanInput) -> None:
    outcome = plan(book)

    offers = {offer.offer_id: offer for offer in book.offers}
    ticket_cents = book.terms.ticket_cents
    assert len({leg.lender_id for leg in outcome.legs}) == len(outcome.legs) <= book.terms.max_lenders
    assert 0 <= outcome.company_cents <= book.budget_left_cents
    for leg in outcome.legs:
        offer = offers[leg.offer_id]
        assert leg.lender_id == offer.lender_id != book.request.borrower_id
        assert leg.min_cents == max(ticket_cents, offer.min_ticket_cents) <= leg.cents <= room_of(book, offer)
        assert offer.ask_bp <= book.request.max_rate_bp
        assert offer.is_active
        assert book.request.months in offer.months
    if isinstance(outcome, CoverPlan):
        check_cover(book, outcome, offers)


def room_of(book: PlanInput, offer: LenderOffer) -> int:
    promised_cents = book.promised.get(offer.lender_id, 0)
    rooms = [book.standings[offer.lender_id].free_cents + promised_cents]
    if offer.strategy_room_cents is not None:
        rooms.append(offer.strategy_room_cents)
    if offer.per_request_cents is not None:
        rooms.append(offer.per_request_cents)
    if offer.per_borrower_cents is not None:
        rooms.append(offer.per_borrower_cents - book.exposures.get(offer.lender_id, 0))
    if offer.per_company_room_cents is not None:
        rooms.append(offer.per_company_room_cents + promised_cents)
    if book.terms.max_share_bp is not None:
        rooms.append(book.request.amount_cents * book.terms.max_share_bp // WHOLE_BP)
    return min(rooms)


def check_cover(book: PlanInput, cover: CoverPlan, offers: dict[str, LenderOffer]) -> None:
    request, terms, ticket_cents = book.request, book.terms, book.terms.ticket_cents
    lender_cents = sum(leg.cents for leg in cover.legs)
    assert lender_cents + cover.company_cents == cover.amount_cents <= request.amount_cents
    if cover.dust == "shrunk":
        assert request.accepts_shrink
    is_cut = cover.receipt.gate is not None and cover.receipt.gate.answer == "cut"
    if is_cut:
        assert cover.amount_cents >= request.min_amount_cents
    else:
        missing_cents = request.amount_cents - cover.amount_cents
        assert missing_cents < ticket_cents if cover.dust == "shrunk" else missing_cents == 0
    assert lender_cents == 0 or lender_cents >= ticket_cents

    band = terms.band(request.months)
    assert band is not None
    assert band.floor_bp <= cover.rate_bp <= min(request.max_rate_bp, band.cap_bp)
    assert all(offers[leg.offer_id].ask_bp <= cover.rate_bp for leg in cover.legs)
    assert cover.loan_rate_cbp <= cover.rate_bp * 100

    guarantee = terms.guarantee
    if guarantee is not None and lender_cents > 0:
        guaranteed_cents = -(-guarantee.rate_bp * (book.guaranteed_cents + lender_cents) // WHOLE_BP)
        assert guaranteed_cents * guarantee.coverage_bp <= guarantee.limit_cents * WHOLE_BP


@random_books
@given(book=plan_inputs, order=st.randoms(use_true_random=False))
def test_the_order_in_which_offers_are_handed_over_changes_nothing(book: PlanInput, order: Any) -> None:
    shuffled = list(book.offers)
    order.shuffle(shuffled)

    assert encode_receipt(plan(book, offers=tuple(shuffled)).receipt) == encode_receipt(plan(book).receipt)


@random_books
@given(book=plan_inputs)
def test_a_receipt_survives_storage_byte_for_byte(book: PlanInput) -> None:
    encoded = encode_receipt(plan(book).receipt)

    assert encode_receipt(decode_receipt(encoded)) == encoded


@random_books
@given(book=plan_inputs)
def test_a_receipt_holds_enough_to_compute_the_plan_again(book: PlanInput) -> None:
    outcome = plan(book)

    again = plan(book_of_a_receipt(book, outcome))

    if outcome.receipt.gate is None or outcome.receipt.gate.answer == "passed":
        assert as_the_twin_says_it(again) == as_the_twin_says_it(outcome)


def book_of_a_receipt(book: PlanInput, outcome: CoverPlan | Uncovered) -> PlanInput:
    """A book holding nothing but what the receipt tells of the offers the walk looked at."""
    candidates = [candidate for bucket in outcome.receipt.buckets for candidate in bucket.candidates]
    tiers = {candidate.offer_id: bucket.tier for bucket in outcome.receipt.buckets for candidate in bucket.candidates}
    return msgspec.structs.replace(
        book,
        request=outcome.receipt.request,
        offers=tuple(
            LenderOffer(
                offer_id=candidate.offer_id,
                lender_id=candidate.lender_id,
                strategy_id=candidate.strategy_id,
                sequence=candidate.place[2],
                ask_bp=candidate.ask_bp,
                tier=tiers[candidate.offer_id],
                months=(outcome.receipt.request.months,),
                min_ticket_cents=candidate.minimum_cents,
            )
            for candidate in candidates
        ),
        standings={
            candidate.lender_id: msgspec.structs.replace(
                book.standings[candidate.lender_id],
                free_cents=candidate.capacity_cents,
                last_rationed=candidate.place[0],
                cash_since_at=candidate.place[1],
            )
            for candidate in candidates
        },
        promised={},
        exposures={},
    )


def lent_by(outcome: CoverPlan | Uncovered, lender_id: str) -> int:
    is_covered = isinstance(outcome, CoverPlan)
    return sum(leg.cents for leg in outcome.legs if leg.lender_id == lender_id) if is_covered else 0


@random_books
@given(book=plan_inputs, data=st.data())
def test_a_second_strategy_with_the_same_offer_gains_nothing(book: PlanInput, data: st.DataObject) -> None:
    original = data.draw(st.sampled_from(book.offers))
    copy = msgspec.structs.replace(original, offer_id="copy", strategy_id="copy", sequence=original.sequence + 10)

    doubled = plan(book, offers=(*book.offers, copy))

    assert as_the_twin_says_it(doubled) == as_the_twin_says_it(plan(book))


def plan_with_parts(book: PlanInput, original: LenderOffer, *caps_cents: int) -> CoverPlan | Uncovered:
    """The plan when the lender of `original` has a strategy for each of `caps_cents` instead, ranked in this order."""
    others = tuple(offer for offer in book.offers if offer.lender_id != original.lender_id)
    parts = tuple(
        msgspec.structs.replace(
            original,
            offer_id=f"part {cap_cents}",
            strategy_id=f"part {cap_cents}",
            strategy_rank=rank,
            per_request_cents=cap_cents,
        )
        for rank, cap_cents in enumerate(caps_cents)
    )
    return plan(book, offers=(*others, *parts))


@random_books
@given(book=plan_inputs, data=st.data())
def test_an_offer_split_in_two_lends_as_one_of_its_parts_alone(book: PlanInput, data: st.DataObject) -> None:
    original = data.draw(st.sampled_from(book.offers))
    first_cents, second_cents = data.draw(st.tuples(st.integers(0, 70), st.integers(71, 150)))

    split = plan_with_parts(book, original, first_cents, second_cents)

    assert as_the_twin_says_it(split) in (
        as_the_twin_says_it(plan_with_parts(book, original, first_cents)),
        as_the_twin_says_it(plan_with_parts(book, original, second_cents)),
    )


@random_books
@given(book=plan_inputs, data=st.data())
def test_splitting_an_offer_in_two_never_lends_more(book: PlanInput, data: st.DataObject) -> None:
    """Two cases are left out, where offering less (which needs no splitting) can change the gap that dust has to close:
    a cover made by shaving, and a request that would stay uncovered."""
    original = data.draw(st.sampled_from(book.offers))
    first_cents, second_cents = data.draw(st.tuples(st.integers(0, 70), st.integers(71, 150)))
    whole = plan_with_parts(book, original, first_cents + second_cents)

    if isinstance(whole, CoverPlan) and whole.dust != "shaved":
        split = plan_with_parts(book, original, first_cents, second_cents)
        assert lent_by(split, original.lender_id) <= lent_by(whole, original.lender_id)
