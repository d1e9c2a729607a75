"""Every key in the Redis of books and purses: its type, its owner, its lifetime.

Book shard, tag `{bk07.n}`. Written by the host that holds the lease, except the mailbox, which anybody may fill.

- `lease`, hash, for ever: owner, epoch (only grows), until_ms (the server's time), draining.
- `st`, hash, for ever: seq and hash of the journal's head; mbpos, the mailbox entry taken last; lw, up to which every
  fill named is decided; rest, up to which the owner has nothing left to do; wm_pg, up to which PostgreSQL has it.
- `mb`, stream: commands waiting (company, command id, envelope), each until the turn that decides it.
- `mbn`, hash: waiting commands per company, while above zero.
- `dd:0`, `dd:1`, hash, two days: command id → `queued`, `ok:<seq>`, `refused:<seq>`; the days since 1970 take turns.
- `j`, stream, for ever: the journal, ids `<seq>-0`.

Purse shard, tag `{pu07.n}`. Written by whoever asks, through the functions alone.

- `st`, hash, for ever: seq and hash of the journal's head, wm_pg.
- `p:<lender>`, hash, for ever: free, taken, sent, held, in, out, ver, reserve, kept (receipts never to be lent again),
  cash_since; per strategy `l:` its budget and `u:` what it uses of it.
- `f`, hash, for ever: fill id → terms, decision, end.
- `r`, hash, for ever: `deposit:`, `limits:`, `payout:` and a reference → what was done.
- `lw`, hash, for ever: book shard → its low-water seq; an unknown fill named up to there is refused.
- `j`, stream, for ever: the journal, ids `<seq>-0`.
"""

import msgspec

from actors.shards import ShardMap


class BookShardKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one shard of books."""

    lease: str
    state: str
    mailbox: str
    queued: str
    outcomes_of_even_days: str
    outcomes_of_odd_days: str
    journal: str


class PurseShardKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one shard of purses."""

    tag: str
    state: str
    fills: str
    references: str
    low_water: str
    journal: str

    def purse(self, lender_id: str) -> str:
        """The key of a lender's purse; the lender must live on this shard."""
        return f"{{{self.tag}}}:p:{lender_id}"


def book_shard_keys(shards: ShardMap, shard: str) -> BookShardKeys:
    """The keys of book shard `shard`."""
    tag = f"{{{shards.hash_tag(shard)}}}"
    return BookShardKeys(
        lease=f"{tag}:lease",
        state=f"{tag}:st",
        mailbox=f"{tag}:mb",
        queued=f"{tag}:mbn",
        outcomes_of_even_days=f"{tag}:dd:0",
        outcomes_of_odd_days=f"{tag}:dd:1",
        journal=f"{tag}:j",
    )


def purse_shard_keys(shards: ShardMap, shard: str) -> PurseShardKeys:
    """The keys of purse shard `shard`."""
    tag = shards.hash_tag(shard)
    return PurseShardKeys(
        tag=tag,
        state=f"{{{tag}}}:st",
        fills=f"{{{tag}}}:f",
        references=f"{{{tag}}}:r",
        low_water=f"{{{tag}}}:lw",
        journal=f"{{{tag}}}:j",
    )


def journal_key(shards: ShardMap, shard: str) -> str:
    """The journal stream of any shard."""
    return f"{{{shards.hash_tag(shard)}}}:j"


def state_key(shards: ShardMap, shard: str) -> str:
    """The state hash of any shard."""
    return f"{{{shards.hash_tag(shard)}}}:st"
