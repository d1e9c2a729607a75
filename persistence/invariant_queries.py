"""Invariants that one query can check. Each returns, as `what`, every row that breaks it; none when it holds.

They hold at every committed state: the queries count steps that are recorded here and still on their way to a purse.
"""

import msgspec


class InvariantQuery(msgspec.Struct, frozen=True):
    """`number` is that of docs/invariants.md: 1 ledger, 2 purses, 3 limits, 4 fills, 7 loans, 8 movements."""

    number: int
    name: str
    query: str


INVARIANT_QUERIES = (
    InvariantQuery(
        1,
        "every journal entry is whole and sums to zero",
        """
        SELECT entry.id || ' sums to ' || coalesce(sum(posting.cents), 0) || ' in ' || count(posting.line) || ' lines'
            AS what
        FROM journal_entry entry LEFT JOIN posting ON posting.entry_id = entry.id
        GROUP BY entry.id, entry.posting_count
        HAVING coalesce(sum(posting.cents), 0) <> 0 OR count(posting.line) <> entry.posting_count
        """,
    ),
    InvariantQuery(
        1,
        "every account's balance is the sum of its postings",
        """
        SELECT account.id || ' shows ' || balance_cents || ', its postings ' || coalesce(sum(posting.cents), 0) AS what
        FROM account LEFT JOIN posting ON posting.account_id = account.id
        GROUP BY account.id HAVING balance_cents <> coalesce(sum(posting.cents), 0)
        """,
    ),
    InvariantQuery(
        1,
        "all accounts sum to zero",
        "SELECT 'they sum to ' || sum(balance_cents) AS what FROM account HAVING sum(balance_cents) <> 0",
    ),
    InvariantQuery(
        1,
        "no account is overdrawn",
        "SELECT id || ' stands at ' || balance_cents AS what FROM account WHERE balance_cents * normal_side < 0",
    ),
    InvariantQuery(
        2,
        "what a lender has is what came in less what went out",
        """
        WITH moved AS (
            SELECT party_id AS lender_id, cents FROM wire WHERE state = 'matched'
            UNION ALL
            SELECT participant_id, cents FROM payment_instruction WHERE kind = 'distribute' AND state = 'done'
            UNION ALL
            SELECT participant_id, -principal_cents FROM loan_share
            UNION ALL
            SELECT participant_id, -cents FROM payment_instruction WHERE kind = 'pay_out' AND state = 'done'
        ), has AS (
            SELECT owner_id::uuid AS lender_id, -sum(balance_cents) AS cents FROM account
            WHERE owner_kind = 'lender' AND bucket IN ('free', 'taken', 'sent', 'held') GROUP BY owner_id
        )
        SELECT has.lender_id || ' has ' || has.cents || ', moved ' || coalesce(sum(moved.cents), 0) AS what
        FROM has LEFT JOIN moved ON moved.lender_id = has.lender_id
        GROUP BY has.lender_id, has.cents HAVING has.cents <> coalesce(sum(moved.cents), 0)
        """,
    ),
    InvariantQuery(
        2,
        "every purse has in each bucket what the ledger says",
        """
        WITH event AS (
            SELECT lender_id, kind, convert_from(payload, 'UTF8')::jsonb AS body FROM journal_event
            WHERE lender_id IS NOT NULL
        ), step AS (
            SELECT lender_id, kind, (body ->> 'cents')::bigint AS cents,
                coalesce((body ->> 'replaced_cents')::bigint, 0) AS replaced_cents
            FROM event WHERE body ? 'cents' AND kind <> 'withdrawal_refused'
        ), purse AS (
            SELECT lender_id,
                sum(CASE WHEN kind IN ('deposited', 'fill_released', 'fill_refunded', 'withdrawal_voided') THEN cents
                         WHEN kind IN ('fill_taken', 'withdrawal_held') THEN replaced_cents - cents ELSE 0 END) AS free,
                sum(CASE WHEN kind = 'fill_taken' THEN cents - replaced_cents
                         WHEN kind IN ('fill_released', 'fill_refunded', 'fill_lent') THEN -cents ELSE 0 END)
                    AS promised,
                sum(CASE WHEN kind = 'withdrawal_held' THEN cents
                         WHEN kind IN ('withdrawal_sent', 'withdrawal_voided') THEN -cents ELSE 0 END) AS held
            FROM step GROUP BY lender_id
        ), on_its_way AS (
            SELECT lender_id, coalesce(sum(cents) FILTER (WHERE operation = 'deposit'), 0) AS deposits,
                coalesce(sum(cents) FILTER (WHERE operation = 'lend'), 0) AS lent,
                coalesce(sum(cents) FILTER (WHERE operation = 'pay_out'), 0) AS paid_out
            FROM purse_instruction WHERE state <> 'done' GROUP BY lender_id
        ), ledger AS (
            SELECT owner_id::uuid AS lender_id,
                -coalesce(sum(balance_cents) FILTER (WHERE bucket = 'free'), 0) AS free,
                -coalesce(sum(balance_cents) FILTER (WHERE bucket IN ('taken', 'sent')), 0) AS promised,
                -coalesce(sum(balance_cents) FILTER (WHERE bucket = 'held'), 0) AS held
            FROM account WHERE owner_kind = 'lender' GROUP BY owner_id
        ), expected AS (
            SELECT ledger.lender_id, ledger.free - coalesce(deposits, 0) AS free,
                ledger.promised + coalesce(lent, 0) AS promised, ledger.held + coalesce(paid_out, 0) AS held
            FROM ledger LEFT JOIN on_its_way ON on_its_way.lender_id = ledger.lender_id
        )
        SELECT expected.lender_id || ' free ' || coalesce(purse.free, 0) || '/' || expected.free || ' promised '
            || coalesce(purse.promised, 0) || '/' || expected.promised || ' held ' || coalesce(purse.held, 0) || '/'
            || expected.held || ' (purse/ledger)' AS what
        FROM expected LEFT JOIN purse ON purse.lender_id = expected.lender_id
        WHERE (coalesce(purse.free, 0), coalesce(purse.promised, 0), coalesce(purse.held, 0))
            IS DISTINCT FROM (expected.free, expected.promised, expected.held)
        """,
    ),
    InvariantQuery(
        3,
        "a cover is its fills and the company's tranche, within what was asked for",
        """
        SELECT r.id || ' covered ' || r.covered_cents || ' at ' || r.rate_bp || ' bp by ' ||
            coalesce(sum(f.amount_book_cents), 0) || ' and ' || r.company_cents AS what
        FROM credit_request r
        LEFT JOIN fill f ON f.cover_id = r.cover_id AND f.book_state IN ('taken', 'signed')
        WHERE r.state IN ('covered', 'signed', 'funding', 'disbursed')
        GROUP BY r.id
        HAVING coalesce(sum(f.amount_book_cents), 0) + r.company_cents <> r.covered_cents
            OR r.covered_cents NOT BETWEEN r.min_amount_cents AND r.amount_cents OR r.rate_bp > r.max_rate_bp
        """,
    ),
    InvariantQuery(
        3,
        "principal that came back no longer counts against the limits it was lent under",
        """
        WITH back AS (
            SELECT share.participant_id AS lender_id, limit_key.name, sum(share.principal_cents) AS cents
            FROM receipt_share share
            JOIN loan ON loan.id = share.loan_id
            JOIN loan_share lent ON lent.loan_id = share.loan_id AND lent.participant_kind = share.participant_kind
                AND lent.participant_id = share.participant_id
            LEFT JOIN fill ON fill.fill_id = lent.fill_id
            CROSS JOIN LATERAL (VALUES (fill.strategy_id::text), (fill.strategy_id || '/' || loan.months || 'm'))
                limit_key (name)
            WHERE share.participant_kind = 'lender' AND share.distributed_at IS NOT NULL AND share.principal_cents > 0
            GROUP BY share.participant_id, limit_key.name
        ), freed AS (
            SELECT lender_id, part.key AS name, sum(part.value::bigint) AS cents
            FROM (SELECT lender_id, convert_from(payload, 'UTF8')::jsonb -> 'freed_cents' AS parts FROM journal_event
                  WHERE kind = 'use_freed'
                  UNION ALL
                  SELECT lender_id, freed_cents FROM purse_instruction
                  WHERE operation = 'free_use' AND state <> 'done') step
            CROSS JOIN LATERAL jsonb_each_text(step.parts) part
            GROUP BY lender_id, part.key
        )
        SELECT lender_id || ' limit ' || coalesce(name, 'of no strategy') || ': ' || coalesce(back.cents, 0)
            || ' came back, ' || coalesce(freed.cents, 0) || ' freed' AS what
        FROM back FULL JOIN freed USING (lender_id, name)
        WHERE back.cents IS DISTINCT FROM freed.cents
        """,
    ),
    InvariantQuery(
        4,
        "a fill is promised by its purse for exactly what its book recorded",
        """
        SELECT fill_id || ': book ' || coalesce(book_state, '-') || ' ' || coalesce(amount_book_cents, 0) || ', purse '
            || coalesce(purse_state, '-') || ' ' || coalesce(amount_purse_cents, 0) AS what
        FROM fill
        WHERE cover_id IS NULL
            OR (book_state IN ('taken', 'signed')
                AND (amount_purse_cents IS DISTINCT FROM amount_book_cents
                     OR purse_state NOT IN ('taken', 'sent', 'refunded', 'lent')
                        AND NOT EXISTS (SELECT FROM fill newer WHERE newer.replaces_fill_id = fill.fill_id)))
            OR (book_state = 'denied' AND purse_state <> 'denied')
        """,
    ),
    InvariantQuery(
        4,
        "a fill is decided once and takes each later step once",
        """
        SELECT cause_id || ': ' || string_agg(kind, ', ' ORDER BY shard, seq) AS what
        FROM (SELECT cause_id, kind, shard, seq, CASE WHEN kind IN ('fill_taken', 'fill_denied') THEN 'decision'
                    ELSE kind END AS step
              FROM journal_event WHERE kind LIKE 'fill%') purse_step
        GROUP BY cause_id, step HAVING count(*) > 1
        """,
    ),
    InvariantQuery(
        4,
        "a signed fill has one payment of its amount, and no other fill has any",
        """
        SELECT coalesce(f.fill_id, p.fill_id) || ': fill ' || coalesce(f.amount_book_cents, 0) || ', '
            || coalesce(p.payments, 0) || ' payments of ' || coalesce(p.cents, 0) AS what
        FROM (SELECT fill_id, amount_book_cents FROM fill WHERE book_state = 'signed') f
        FULL JOIN (SELECT fill_id, count(*) AS payments, sum(cents) AS cents FROM payment_instruction
                   WHERE kind = 'fund' AND participant_kind = 'lender' GROUP BY fill_id) p ON p.fill_id = f.fill_id
        WHERE p.payments IS DISTINCT FROM 1 OR p.cents IS DISTINCT FROM f.amount_book_cents
        """,
    ),
    InvariantQuery(
        7,
        "a loan's shares sum to its principal, paid and owed",
        """
        SELECT loan.id || ': principal ' || loan.principal_cents || '/' || sum(share.principal_cents)
            || ', outstanding ' || loan.outstanding_cents || '/'
            || sum(share.principal_cents - share.principal_paid_cents) || ', ledger '
            || coalesce(account.balance_cents, 0) AS what
        FROM loan LEFT JOIN loan_share share ON share.loan_id = loan.id
        LEFT JOIN account ON account.id = 'loan:' || loan.id || ':principal'
        GROUP BY loan.id, account.balance_cents
        HAVING loan.principal_cents IS DISTINCT FROM sum(share.principal_cents)
            OR loan.outstanding_cents IS DISTINCT FROM sum(share.principal_cents - share.principal_paid_cents)
            OR loan.outstanding_cents <> coalesce(account.balance_cents, 0)
        """,
    ),
    InvariantQuery(
        7,
        "what was collected is what participants got and what is not applied yet",
        """
        SELECT loan.id || ' collected ' || loan.collected_cents || ', shared out ' || coalesce(shared.cents, 0)
            || ', shares say ' || coalesce(paid.cents, 0) || ', unapplied ' || loan.unapplied_cents || ', debits '
            || coalesce(debits.cents, 0) AS what
        FROM loan
        LEFT JOIN (SELECT loan_id, sum(principal_cents + interest_cents) AS cents FROM receipt_share GROUP BY loan_id)
            shared ON shared.loan_id = loan.id
        LEFT JOIN (SELECT loan_id, sum(principal_paid_cents + interest_paid_cents) AS cents FROM loan_share
                   GROUP BY loan_id) paid ON paid.loan_id = loan.id
        LEFT JOIN (SELECT loan_id, sum(cents) AS cents FROM collection WHERE state = 'collected' GROUP BY loan_id)
            debits ON debits.loan_id = loan.id
        WHERE loan.collected_cents <> coalesce(shared.cents, 0) + loan.unapplied_cents
            OR loan.collected_cents <> coalesce(paid.cents, 0) + loan.unapplied_cents
            OR loan.collected_cents <> coalesce(debits.cents, 0)
        """,
    ),
    InvariantQuery(
        7,
        "what participants lent and await is what the ledger says",
        """
        WITH owed AS (
            SELECT participant_kind, participant_id, sum(lent) AS lent, sum(incoming) AS incoming FROM (
                SELECT participant_kind, participant_id, principal_cents - principal_paid_cents AS lent, 0 AS incoming
                FROM loan_share
                UNION ALL
                SELECT participant_kind, participant_id, 0, principal_cents + interest_cents
                FROM receipt_share WHERE distributed_at IS NULL) part
            GROUP BY participant_kind, participant_id
        ), ledger AS (
            SELECT owner_kind, owner_id, -coalesce(sum(balance_cents) FILTER (WHERE bucket = 'lent'), 0) AS lent,
                -coalesce(sum(balance_cents) FILTER (WHERE bucket = 'incoming'), 0) AS incoming
            FROM account WHERE owner_kind IN ('lender', 'company') GROUP BY owner_kind, owner_id
        )
        SELECT ledger.owner_kind || ' ' || ledger.owner_id || ' lent ' || ledger.lent || '/' || coalesce(owed.lent, 0)
            || ' incoming ' || ledger.incoming || '/' || coalesce(owed.incoming, 0) || ' (ledger/shares)' AS what
        FROM ledger LEFT JOIN owed
            ON owed.participant_kind = ledger.owner_kind AND owed.participant_id::text = ledger.owner_id
        WHERE (ledger.lent, ledger.incoming) IS DISTINCT FROM (coalesce(owed.lent, 0), coalesce(owed.incoming, 0))
        """,
    ),
    InvariantQuery(
        8,
        "every executed payment is in the ledger once, for its amount",
        """
        WITH entry AS (
            SELECT posting.entry_id, sum(abs(cents)) FILTER (WHERE account_id LIKE 'wallet:%') AS wallet_cents,
                count(*) FILTER (WHERE account_id LIKE 'wallet:%') AS wallets
            FROM posting GROUP BY posting.entry_id
        ), payment AS (
            SELECT 'pay:' || id AS entry_id, cents,
                CASE WHEN kind IN ('disburse', 'pay_out') THEN 1 ELSE 2 END AS wallets
            FROM payment_instruction WHERE state = 'done' AND kind <> 'collect'
            UNION ALL
            SELECT 'collection:' || id, cents, 1 FROM collection WHERE state = 'collected'
            UNION ALL
            SELECT 'wire:' || id, cents, 1 FROM wire WHERE state = 'matched'
        )
        SELECT coalesce(payment.entry_id, entry.entry_id) || ': movement ' || coalesce(payment.cents, 0) || ', ledger '
            || coalesce(entry.wallet_cents, 0) AS what
        FROM payment
        FULL JOIN (SELECT * FROM entry WHERE wallets > 0) entry ON entry.entry_id = payment.entry_id
        WHERE entry.wallet_cents IS DISTINCT FROM payment.cents * payment.wallets
            OR entry.wallets IS DISTINCT FROM payment.wallets
        """,
    ),
)
