"""DirectKit: one method per endpoint we use, typed in and out.

Amounts are integer cents, instants UTC. Every method raises a LemonwayError (the tree is in errors.py). Methods that
move money take our `reference` and send once: after LemonwayUnreachable, ask the matching `find_…` before sending
again. Lemonway promises nothing about repeated references, so a search answers a list, which should hold at most one.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

from lemonway import messages
from lemonway.answers import Answer, Folded, decode, read_answer, unreadable
from lemonway.errors import NotFound
from lemonway.messages import (
    Account,
    AccountBalance,
    AccountDocument,
    BankAccount,
    ChangedAccount,
    HistoryEntry,
    Mandate,
    RegisteredIban,
    TransactionIn,
    TransactionOut,
    TransactionP2P,
    VirtualIban,
)
from lemonway.translation import request_date, unix_seconds
from lemonway.transport import Transport

_PAGE_SIZE = 100
_SEARCH_FOUND_NOTHING = 143
_SDD_MANDATE_DOCUMENT = 21

Message = TypeVar("Message")
Query = Mapping[str, str | int]


class DirectKit:
    """Wallets and the money in them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    # Wallets

    async def get_account(self, wallet_id: str) -> Account:
        """A wallet with its status and balance. NotFound (147) until its owner's account has been accepted."""
        answer = await self._transport.read(f"/v2/accounts/{wallet_id}")
        return _only(answer, "account", Account)

    async def accounts_changed_since(self, since_at: datetime) -> list[ChangedAccount]:
        """Wallets whose status, documents, IBANs or mandates changed since then; a wallet comes once per change.

        The poll for everything that is never notified: IBAN and mandate validation.
        """
        query = {"updateDate": unix_seconds(since_at)}
        return await self._pages("/v2/accounts/kycstatus", query, "accounts", ChangedAccount)

    async def list_documents(self, wallet_id: str) -> list[AccountDocument]:
        answer = await self._transport.read(f"/v2/accounts/{wallet_id}/documents")
        return _items(answer, read_answer(answer).get("documents"), AccountDocument)

    async def balances_changed_since(self, since_at: datetime) -> list[AccountBalance]:
        """Balances of the wallets that moved since then. The SC wallet is never among them."""
        query = {"updateDate": unix_seconds(since_at)}
        return await self._pages("/v2/accounts/balances", query, "accounts", AccountBalance)

    async def wallet_balance_cents(self, wallet_id: str) -> int:
        """What the wallet holds now, the SC wallet included."""
        return (await self.get_account(wallet_id)).balance_cents

    async def wallet_balance_at_cents(self, wallet_id: str, at: datetime) -> int:
        """What the wallet held at an instant. Not available for the SC wallet."""
        query = {"atDate": unix_seconds(at)}
        answer = await self._transport.read(f"/v2/accounts/{wallet_id}/balances/history", query)
        return decode(read_answer(answer).get("balance"), int, answer)

    async def wallet_transactions(self, wallet_id: str, *, start_at: datetime, end_at: datetime) -> list[HistoryEntry]:
        """Everything that touched the wallet and was initiated in the window, both ends included, oldest first.

        For the SC wallet the window may span a week at most.
        """
        query = {"startDate": unix_seconds(start_at), "endDate": unix_seconds(end_at)}
        return await self._transactions(f"/v2/accounts/{wallet_id}/transactions", query, HistoryEntry)

    async def block_account(self, wallet_id: str, *, comment: str | None = None) -> None:
        """Stop every movement of the wallet."""
        await self._set_blocked(wallet_id, messages.BlockBody(is_blocked=True, comment=comment))

    async def unblock_account(self, wallet_id: str, *, comment: str | None = None) -> None:
        await self._set_blocked(wallet_id, messages.BlockBody(is_blocked=False, comment=comment))

    async def _set_blocked(self, wallet_id: str, body: messages.BlockBody) -> None:
        read_answer(await self._transport.write("PUT", f"/v2/accounts/{wallet_id}/blocked", body))

    # Money in by wire

    async def create_virtual_iban(self, wallet_id: str, *, country: str = "IT") -> VirtualIban:
        """A dedicated IBAN for wires into the wallet. Each call makes another: look at `list_ibans` (type 2) first."""
        body = messages.VirtualIbanBody(wallet=wallet_id, country=country, generate_pdf_and_qr_code=False)
        answer = await self._transport.write("POST", "/v2/moneyins/bankwire/iban/create", body)
        return decode(read_answer(answer), VirtualIban, answer)

    async def list_wires_in(self, *, start_at: datetime, end_at: datetime) -> list[TransactionIn]:
        """Wires received in the window, both ends included."""
        return await self._transactions("/v2/moneyins/bankwire", _window(start_at, end_at), TransactionIn)

    # Payouts

    async def register_payout_iban(
        self, wallet_id: str, *, holder: str, iban: str, bic: str | None = None
    ) -> RegisteredIban:
        """Link the bank account of the wallet's owner. Payable once its status is 5 (`list_ibans`)."""
        body = messages.PayoutIbanBody(account_id=wallet_id, holder=holder, iban=iban, bic=bic)
        answer = await self._transport.write("POST", "/v2/moneyouts/iban", body)
        return decode(read_answer(answer), RegisteredIban, answer)

    async def list_ibans(self, wallet_id: str) -> list[BankAccount]:
        """Payout IBANs (type 1) and virtual IBANs (type 2) of the wallet."""
        answer = await self._transport.read(f"/v2/moneyouts/{wallet_id}/iban")
        return _items(answer, read_answer(answer).get("ibans"), BankAccount)

    async def unregister_payout_iban(self, wallet_id: str, iban_id: int) -> None:
        body = messages.WalletBody(wallet=wallet_id)
        read_answer(await self._transport.write("PUT", f"/v2/moneyouts/iban/{iban_id}/unregister", body))

    async def send_money_out(
        self,
        *,
        wallet_id: str,
        iban_id: int,
        total_amount_cents: int,
        reference: str,
        comment: str | None = None,
        commission_amount_cents: int | None = None,
    ) -> TransactionOut:
        """Pay out to the owner's bank. The wallet is debited at once; the bank is told at the next 10:30 in Paris."""
        body = messages.MoneyOutBody(
            account_id=wallet_id,
            iban_id=iban_id,
            total_amount_cents=_positive(total_amount_cents),
            auto_commission=False,
            reference=_reference(reference, max_length=50),
            commission_amount_cents=commission_amount_cents,
            comment=comment,
        )
        answer = await self._transport.write("POST", "/v2/moneyouts", body, reference=reference)
        return _only(answer, "transaction", TransactionOut, reference=reference)

    async def find_money_outs(self, *, reference: str) -> list[TransactionOut]:
        return await self._search("/v2/moneyouts", {"reference": reference}, TransactionOut)

    async def get_money_out(self, transaction_id: int) -> TransactionOut | None:
        # The lower-case i is the specification's own spelling, on this endpoint only.
        return _first(await self._search("/v2/moneyouts", {"transactionid": transaction_id}, TransactionOut))

    async def cancel_money_out(self, *, wallet_id: str, transaction_id: int) -> None:
        """Only before the file leaves for the bank; NotFound (143) afterwards."""
        body = messages.AccountIdBody(account_id=wallet_id)
        read_answer(await self._transport.write("PUT", f"/v2/moneyouts/{transaction_id}/cancel", body))

    # Wallet to wallet

    async def send_p2p(
        self,
        *,
        debit_wallet_id: str,
        credit_wallet_id: str,
        amount_cents: int,
        reference: str,
        comment: str | None = None,
        private_data: Sequence[str] = (),
    ) -> TransactionP2P:
        """Move money between two wallets, at once and wholly or not at all. `reference` has at most 36 characters."""
        body = messages.P2PBody(
            debit_account_id=debit_wallet_id,
            credit_account_id=credit_wallet_id,
            amount_cents=_positive(amount_cents),
            reference=_reference(reference, max_length=36),
            comment=comment,
            private_data={"value": list(private_data)} if private_data else None,
        )
        answer = await self._transport.write("POST", "/v2/p2p", body, reference=reference)
        return _only(answer, "transaction", TransactionP2P, reference=reference)

    async def find_p2ps(self, *, reference: str) -> list[TransactionP2P]:
        return await self._search("/v2/p2p", {"reference": reference}, TransactionP2P)

    # Direct debit

    async def create_mandate(
        self,
        *,
        wallet_id: str,
        holder: str,
        iban: str,
        bic: str,
        street: str,
        post_code: str,
        city: str,
        country: str = "ITALY",
        language: str = "it",
        unique_mandate_reference: str | None = None,
    ) -> Mandate:
        """A recurring Core mandate on a consumer's account, to be signed before it can be debited.

        `unique_mandate_reference` makes it findable after a lost answer; Lemonway makes one when it is absent.
        """
        body = messages.MandateBody(
            wallet=wallet_id,
            holder=holder,
            bic=bic,
            iban=iban,
            is_recurring=True,
            is_b2b=False,
            street=street,
            post_code=post_code,
            city=city,
            country=country,
            mandate_language=language,
            rum=unique_mandate_reference,
        )
        answer = await self._transport.write("POST", "/v2/moneyins/sdd/mandate", body)
        folded = read_answer(answer)
        # Creation answers `SSDMandate`, a slip of the specification that may be put right any day.
        return decode(folded.get("ssdmandate") or folded.get("sddmandate"), Mandate, answer)

    async def list_mandates(self, wallet_id: str) -> list[Mandate]:
        answer = await self._transport.read(f"/v2/moneyins/{wallet_id}/mandate")
        return _items(answer, read_answer(answer).get("mandates"), Mandate)

    async def unregister_mandate(self, wallet_id: str, mandate_id: int) -> None:
        body = messages.AccountBody(account=wallet_id)
        read_answer(await self._transport.write("PUT", f"/v2/moneyins/sdd/mandate/{mandate_id}/unregister", body))

    async def start_mandate_signature(
        self,
        *,
        wallet_id: str,
        mandate_id: int,
        return_url: str,
        error_url: str,
        mobile_number: str | None = None,
    ) -> str:
        """The signing token: send the browser to `WEBKIT_URL?signingtoken=<token>`."""
        body = messages.SignatureBody(
            type=_SDD_MANDATE_DOCUMENT, return_url=return_url, error_url=error_url, mobile_number=mobile_number
        )
        path = f"/v2/accounts/{wallet_id}/documents/{mandate_id}/signinit"
        answer = await self._transport.write("POST", path, body)
        signing = read_answer(answer).get("signdocument")
        # The specification calls the whole answer "the token"; it is read as a string or as an object that holds one.
        token = signing.get("token") if isinstance(signing, dict) else signing
        return decode(token, str, answer)

    async def collect_direct_debit(
        self,
        *,
        wallet_id: str,
        mandate_id: int,
        total_amount_cents: int,
        reference: str,
        collection_date: date | None = None,
        comment: str | None = None,
        commission_amount_cents: int | None = None,
    ) -> TransactionIn:
        """Collect from the debtor's bank into the wallet. The answer is pending (4); success comes on the date.

        Without a `collection_date` the debit happens as soon as the files allow: the next business day when asked
        before 10:30 in Paris, else the one after. An earlier date is refused (254).
        """
        body = messages.DirectDebitBody(
            account_id=wallet_id,
            sdd_mandate_id=mandate_id,
            total_amount_cents=_positive(total_amount_cents),
            auto_commission=False,
            reference=_reference(reference, max_length=50),
            commission_amount_cents=commission_amount_cents,
            collection_date=request_date(collection_date) if collection_date else None,
            comment=comment,
        )
        answer = await self._transport.write("POST", "/v2/moneyins/sdd/init", body, reference=reference)
        return _only(answer, "transaction", TransactionIn, reference=reference)

    async def find_direct_debits(self, *, reference: str) -> list[TransactionIn]:
        return await self._search("/v2/moneyins/sdd", {"reference": reference}, TransactionIn)

    async def direct_debits_changed(self, *, start_at: datetime, end_at: datetime) -> list[TransactionIn]:
        """Collections whose status changed in the window, both ends included."""
        return await self._transactions("/v2/moneyins/sdd", _window(start_at, end_at), TransactionIn)

    async def cancel_direct_debit(self, *, wallet_id: str, transaction_id: int) -> None:
        """Only before the file leaves for the bank; NotFound (143) afterwards."""
        body = messages.AccountBody(account=wallet_id)
        read_answer(await self._transport.write("PUT", f"/v2/moneyins/{transaction_id}/cancel", body))

    async def get_money_in(self, transaction_id: int) -> TransactionIn | None:
        """Any money-in by Lemonway's id, which is all that a notification tells."""
        return _first(await self._search("/v2/moneyins", {"transactionId": transaction_id}, TransactionIn))

    async def list_disputes(self, *, start_at: datetime, end_at: datetime) -> list[TransactionOut]:
        """Chargebacks changed in the window, both ends included; `origin_id` is the money-in each takes back."""
        query = _window(start_at, end_at)
        return await self._transactions("/v2/disputes", query, TransactionOut)

    # Lists

    async def _search(self, path: str, query: Query, message: type[Message]) -> list[Message]:
        """A search that found nothing is an empty list or code 143: both are documented."""
        try:
            return await self._transactions(path, query, message)
        except NotFound as absent:
            if absent.code == _SEARCH_FOUND_NOTHING:
                return []
            raise

    async def _transactions(self, path: str, query: Query, message: type[Message]) -> list[Message]:
        return await self._pages(path, query, "transactions", message)

    async def _pages(self, path: str, query: Query, key: str, message: type[Message]) -> list[Message]:
        """All pages of a list, whether its items stand under `key` or under `key.value`."""
        found: list[Message] = []
        page = 1
        while True:
            answer = await self._transport.read(path, {**query, "page": page, "limit": _PAGE_SIZE})
            folded = read_answer(answer)
            listed = folded.get(key)
            if key not in folded:
                raise unreadable(f"no {key} in the answer", answer, None)
            items = _items(answer, listed.get("value") if isinstance(listed, dict) else listed, message)
            found.extend(items)
            if not items or (len(items) < _PAGE_SIZE and not _has_next(folded)):
                return found
            page += 1


def _only(answer: Answer, key: str, message: type[Message], *, reference: str | None = None) -> Message:
    folded = read_answer(answer, reference=reference)
    return decode(folded.get(key), message, answer, reference=reference)


def _items(answer: Answer, items: object, message: type[Message]) -> list[Message]:
    return [] if items is None else [decode(item, message, answer) for item in decode(items, list, answer)]


def _first(found: list[Message]) -> Message | None:
    return found[0] if found else None


def _has_next(folded: Folded) -> bool:
    links = folded.get("_links")
    following = links.get("next") if isinstance(links, dict) else None
    return bool(following.get("href") if isinstance(following, dict) else following)


def _window(start_at: datetime, end_at: datetime) -> Query:
    return {"updateDate": unix_seconds(start_at), "updateEndDate": unix_seconds(end_at)}


def _positive(cents: int) -> int:
    assert cents > 0, cents
    return cents


def _reference(reference: str, *, max_length: int) -> str:
    assert 0 < len(reference) <= max_length, reference
    return reference
