"""DirectKit's paths, each handed to the operation that carries it out."""

from litestar import get, post, put
from litestar.params import FromPath

from lemonway.simulator import direct_debits, mandates, payouts, transactions, transfers, wallets, wires
from lemonway.simulator.desk import Answer, AnyRequest, DeskDependency, NumberFromPath, json_answer


@get("/accounts/kycstatus")
async def changed_accounts(request: AnyRequest, desk: DeskDependency) -> Answer:
    return desk.read(request, wallets.changed_accounts)


@get("/accounts/balances")
async def changed_balances(request: AnyRequest, desk: DeskDependency) -> Answer:
    return desk.read(request, wallets.changed_balances)


@get("/accounts/{wallet_id:str}")
async def get_account(request: AnyRequest, desk: DeskDependency, wallet_id: FromPath[str]) -> Answer:
    return desk.read(request, lambda store, _: wallets.get_account(store, wallet_id))


@get("/accounts/{wallet_id:str}/documents")
async def list_documents(request: AnyRequest, desk: DeskDependency, wallet_id: FromPath[str]) -> Answer:
    return desk.read(request, lambda store, _: wallets.list_documents(store, wallet_id))


@get("/accounts/{wallet_id:str}/balances/history")
async def balance_at(request: AnyRequest, desk: DeskDependency, wallet_id: FromPath[str]) -> Answer:
    return desk.read(request, lambda store, query: wallets.balance_at(store, wallet_id, query))


@get("/accounts/{wallet_id:str}/transactions")
async def history(request: AnyRequest, desk: DeskDependency, wallet_id: FromPath[str]) -> Answer:
    return desk.read(request, lambda store, query: transactions.history(store, wallet_id, query))


@put("/accounts/{wallet_id:str}/blocked")
async def set_blocked(request: AnyRequest, desk: DeskDependency, wallet_id: FromPath[str]) -> Answer:
    return await desk.change(request, lambda store, body: wallets.set_blocked(store, wallet_id, body))


@post("/accounts/{wallet_id:str}/documents/{mandate_id:int}/signinit", status_code=200)
async def start_signature(
    request: AnyRequest, desk: DeskDependency, wallet_id: FromPath[str], mandate_id: NumberFromPath
) -> Answer:
    return await desk.change(request, lambda store, body: mandates.start_signature(store, wallet_id, mandate_id, body))


@post(["/accounts/individual", "/accounts/legal"], status_code=410)
async def retired_account_creation() -> Answer:
    """Switched off for Italian partners since July 2025: accounts are opened by Online Onboarding."""
    return json_answer({"message": "Gone"}, 410)


@post("/moneyins/bankwire/iban/create", status_code=200)
async def create_virtual_iban(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.change(request, wires.create_virtual_iban)


@get("/moneyins/bankwire")
async def find_wires(request: AnyRequest, desk: DeskDependency) -> Answer:
    return desk.read(request, transactions.find_wires)


@get("/moneyins")
async def find_money_ins(request: AnyRequest, desk: DeskDependency) -> Answer:
    return desk.read(request, transactions.find_money_ins)


@post("/moneyouts/iban", status_code=200)
async def register_iban(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.change(request, payouts.register_iban)


@get("/moneyouts/{wallet_id:str}/iban")
async def list_ibans(request: AnyRequest, desk: DeskDependency, wallet_id: FromPath[str]) -> Answer:
    return desk.read(request, lambda store, _: payouts.list_ibans(store, wallet_id))


@put("/moneyouts/iban/{iban_id:int}/unregister")
async def unregister_iban(request: AnyRequest, desk: DeskDependency, iban_id: NumberFromPath) -> Answer:
    return await desk.change(request, lambda store, body: payouts.unregister_iban(store, iban_id, body))


@post("/moneyouts", status_code=200)
async def pay_out(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.change(request, payouts.pay_out)


@get("/moneyouts")
async def find_payouts(request: AnyRequest, desk: DeskDependency) -> Answer:
    return desk.read(request, transactions.find_payouts)


@put("/moneyouts/{transaction_id:int}/cancel")
async def cancel_payout(request: AnyRequest, desk: DeskDependency, transaction_id: NumberFromPath) -> Answer:
    return await desk.change(request, lambda store, body: payouts.cancel_payout(store, transaction_id, body))


@post("/p2p", status_code=200)
async def transfer(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.change(request, transfers.transfer)


@get("/p2p")
async def find_transfers(request: AnyRequest, desk: DeskDependency) -> Answer:
    return desk.read(request, transactions.find_transfers)


@post("/moneyins/sdd/mandate", status_code=200)
async def create_mandate(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.change(request, mandates.create_mandate)


@get("/moneyins/{wallet_id:str}/mandate")
async def list_mandates(request: AnyRequest, desk: DeskDependency, wallet_id: FromPath[str]) -> Answer:
    return desk.read(request, lambda store, _: mandates.list_mandates(store, wallet_id))


@put("/moneyins/sdd/mandate/{mandate_id:int}/unregister")
async def unregister_mandate(request: AnyRequest, desk: DeskDependency, mandate_id: NumberFromPath) -> Answer:
    return await desk.change(request, lambda store, body: mandates.unregister_mandate(store, mandate_id, body))


@post("/moneyins/sdd/init", status_code=200)
async def collect(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.change(request, direct_debits.collect)


@get("/moneyins/sdd")
async def find_direct_debits(request: AnyRequest, desk: DeskDependency) -> Answer:
    return desk.read(request, transactions.find_direct_debits)


@put("/moneyins/{transaction_id:int}/cancel")
async def cancel_direct_debit(request: AnyRequest, desk: DeskDependency, transaction_id: NumberFromPath) -> Answer:
    return await desk.change(request, lambda store, body: direct_debits.cancel(store, transaction_id, body))


@get("/disputes")
async def find_disputes(request: AnyRequest, desk: DeskDependency) -> Answer:
    return desk.read(request, transactions.find_disputes)


DIRECTKIT_ROUTES = [
    changed_accounts,
    changed_balances,
    get_account,
    list_documents,
    balance_at,
    history,
    set_blocked,
    start_signature,
    retired_account_creation,
    create_virtual_iban,
    find_wires,
    find_money_ins,
    register_iban,
    list_ibans,
    unregister_iban,
    pay_out,
    find_payouts,
    cancel_payout,
    transfer,
    find_transfers,
    create_mandate,
    list_mandates,
    unregister_mandate,
    collect,
    find_direct_debits,
    cancel_direct_debit,
    find_disputes,
]
