"""Every word the pages say, in both languages side by side, so that neither can lack one."""

from marketplace.explanations.languages import Language
from marketplace.explanations.sentences import Text

TEXTS: dict[str, Text] = {
    "title": Text("Il mercato dal vivo", "The market, live"),
    "tagline": Text(
        "Credito tra persone, alle condizioni che l'azienda offre ai suoi dipendenti.",
        "Credit between people, on the terms a company offers its employees.",
    ),
    "skip": Text("Vai al contenuto", "Skip to content"),
    "other_language": Text("English", "Italiano"),
    "home": Text("BluLend, pagina iniziale", "BluLend, home page"),
    "intro": Text(
        "I libri di tutte le aziende, in diretta. Nessun nome, e nessun gruppo sotto le cinque persone.",
        "The books of all companies, live. No names, and no group of fewer than five people.",
    ),
    # totals
    "totals": Text("Il mercato in cifre", "The market in figures"),
    "total_date": Text("Data del mercato", "Market date"),
    "total_companies": Text("Libri attivi", "Active books"),
    "total_waiting": Text("Richieste in attesa", "Requests waiting"),
    "total_covered": Text("Richieste coperte", "Requests covered"),
    "total_covered_cents": Text("Importo coperto", "Amount covered"),
    # what is being covered
    "stream": Text("Appena coperte", "Just covered"),
    "stream_note": Text(
        "Abbinate nel libro: firma e versamento vengono dopo.",
        "Matched in the book: signature and payment come after.",
    ),
    "stream_empty": Text("Ancora nessuna richiesta coperta.", "No request covered yet."),
    # a book
    "phase_open": Text("Attivo", "Active"),
    "phase_paused": Text("Fermo", "Paused"),
    "phase_run_off": Text("In chiusura", "Run-off"),
    "phase_closed": Text("Chiuso", "Closed"),
    "phase_none": Text("In preparazione", "Being prepared"),
    "rate": Text("Tasso annuo (TAN)", "Annual rate"),
    "terms_version": Text("condizioni, versione {version}", "terms, version {version}"),
    "terms_none": Text("condizioni non ancora pubblicate", "terms not yet published"),
    "offers": Text("Offerte per tasso", "Offers by rate"),
    "offers_of_term": Text("Offerte per {months} mesi, {company}", "Offers for {months} months, {company}"),
    "choose_term": Text("Durata", "Term"),
    "months": Text("{months} mesi", "{months} months"),
    "column_rate": Text("Tasso", "Rate"),
    "column_tier": Text("Livello", "Tier"),
    "column_lenders": Text("Finanziatori", "Lenders"),
    "column_offered": Text("Offerto", "Offered"),
    "column_depth": Text("Profondità", "Depth"),
    "few": Text("<5", "<5"),
    "more_levels": Text("e altri {count} livelli", "and {count} more levels"),
    "waiting": Text("In attesa: {count} richieste, mancano {cents}.", "Waiting: {count} requests, {cents} missing."),
    "waiting_few": Text("In attesa: meno di 5 persone.", "Waiting: fewer than 5 people."),
    "waiting_none": Text("Nessuna richiesta in attesa.", "No request waiting."),
    "waiting_short": Text("{count} in attesa", "{count} waiting"),
    "waiting_short_few": Text("<5 in attesa", "<5 waiting"),
    "waiting_short_none": Text("0 in attesa", "0 waiting"),
    "column_count": Text("N.", "No."),
    "under_five": Text("meno di 5", "fewer than 5"),
    "last": Text("Ultime coperture", "Last covers"),
    "none_yet": Text("Ancora nessuna.", "None yet."),
    "tiers": Text(
        "Livello: quanto il finanziatore preferisce l'azienda. A prima di B, B prima di C.",
        "Tier: how much the lender prefers the company. A before B, B before C.",
    ),
    "market_empty": Text(
        "Non ci sono ancora aziende. Appena la prima pubblica le sue condizioni, il suo libro compare qui da solo.",
        "There are no companies yet. As soon as the first publishes its terms, its book appears here by itself.",
    ),
    "page_of": Text("Pagina {page} di {pages}", "Page {page} of {pages}"),
    "previous": Text("Aziende precedenti", "Previous companies"),
    "next": Text("Altre aziende", "More companies"),
    # the link
    "live": Text("In diretta · {time}", "Live · {time}"),
    "connecting": Text("Dati delle {time}", "Data of {time}"),
    "late": Text("In ritardo di {seconds} s", "{seconds} s late"),
    "lost_short": Text("Collegamento perso", "Connection lost"),
    "lost": Text(
        "Collegamento perso. Dati delle {time}. Riprovo tra {seconds} s.",
        "Connection lost. Data of {time}. Trying again in {seconds} s.",
    ),
    "retrying": Text(
        "Collegamento perso. Dati delle {time}. Riprovo adesso.", "Connection lost. Data of {time}. Trying again now."
    ),
    "retry_now": Text("Riprova ora", "Try now"),
    "refused": Text(
        "Il libro dal vivo non è aperto a chi non è entrato. Dati delle {time}.",
        "The live books are not open to visitors. Data of {time}.",
    ),
    "no_script": Text(
        "Questa è la situazione delle {time}. Per vederla cambiare dal vivo serve JavaScript.",
        "This is the situation at {time}. Seeing it change live needs JavaScript.",
    ),
    "stop": Text("Ferma lo schermo", "Stop the screen"),
    "resume": Text("Riprendi", "Resume"),
    "stop_hint": Text("tasto P", "key P"),
    "stopped": Text(
        "Schermo fermo: {count} aggiornamenti in attesa. Il mercato continua.",
        "Screen stopped: {count} updates waiting. The market goes on.",
    ),
    "said_covered": Text(
        "Nuove coperture: {count}. {company}, {months} mesi al {rate}.",
        "New covers: {count}. {company}, {months} months at {rate}.",
    ),
    "said_lost": Text("Collegamento perso: i numeri non sono aggiornati.", "Connection lost: figures are not current."),
    "said_back": Text("Collegamento tornato: i numeri sono aggiornati.", "Connection is back: figures are current."),
    # receipts
    "receipts_way": Text(
        "Presti denaro? Vedi perché è andato dove è andato", "Do you lend? See why your money went where it went"
    ),
    "receipts_title": Text("Le mie ricevute", "My receipts"),
    "receipts_tagline": Text(
        "Dove è andato il tuo denaro e perché, al centesimo.", "Where your money went and why, to the cent."
    ),
    "receipts_ways": Text("Pagine", "Pages"),
    "receipts_no_script": Text(
        "Questa pagina chiede i tuoi dati con la tua chiave, e per farlo serve JavaScript.",
        "This page asks for your data with your key, which needs JavaScript.",
    ),
    "receipts_key": Text("Chiave di accesso", "Access key"),
    "receipts_key_hint": Text(
        "Comincia con blk_. Resta solo in questa scheda del browser, finché la chiudi.",
        "It begins with blk_. It stays in this browser tab alone, until you close it.",
    ),
    "receipts_show": Text("Mostra le ricevute", "Show the receipts"),
    "receipts_leave": Text("Dimentica la chiave", "Forget the key"),
    "receipts_wrong_key": Text(
        "Chiave non valida. Copiala intera, da blk_ all'ultima lettera.",
        "Key not valid. Copy all of it, from blk_ to the last letter.",
    ),
    "receipts_not_lender": Text(
        "Questa chiave è valida, ma non è di un finanziatore. Usa quella con cui presti.",
        "This key is valid, but not a lender's. Use the one you lend with.",
    ),
    "receipts_not_found": Text(
        "Non c'è una tua ricevuta a questo indirizzo.", "There is no receipt of yours at this address."
    ),
    "receipts_offline": Text(
        "Collegamento perso: non riusciamo a leggere le tue ricevute.",
        "Connection lost: your receipts cannot be read.",
    ),
    "receipts_busy": Text(
        "Il servizio non risponde in questo momento. Riprova tra poco.",
        "The service does not answer at the moment. Try again shortly.",
    ),
    "receipts_loading": Text("Leggo le ricevute…", "Reading the receipts…"),
    "receipts_none": Text(
        "Ancora nulla. La prima ricevuta compare quando una tua offerta viene servita.",
        "Nothing yet. The first receipt appears when an offer of yours is served.",
    ),
    "receipts_more": Text("Mostra le precedenti", "Show earlier ones"),
    "receipts_all": Text("Tutte le mie ricevute", "All my receipts"),
    "receipts_privacy": Text(
        "Di chi chiede il prestito vedi solo l'importo, arrotondato a 100 €, e la durata. Degli altri finanziatori"
        " nulla.",
        "Of the borrower you see only the amount, rounded to €100, and the term. Of other lenders nothing.",
    ),
    "fill_matched": Text("Abbinato", "Matched"),
    "fill_held": Text("Prenotato", "Held"),
    "fill_confirmed": Text("Confermato", "Confirmed"),
    "fill_funded": Text("Versato", "Paid"),
    "fill_released": Text("Liberato", "Released"),
    "fill_terms": Text("mesi {months} · tasso {rate}", "months {months} · rate {rate}"),
    "fill_why": Text("Perché?", "Why?"),
    "fill_why_of": Text("Perché {cents}, {company}?", "Why {cents}, {company}?"),
    "receipt_heading": Text("Perché {cents}", "Why {cents}"),
    "receipt_why": Text("Come si arriva all'importo", "How the amount comes about"),
    "receipt_ticket": Text("Quota minima", "Smallest part"),
    "receipt_share": Text("In proporzione", "In proportion"),
    "receipt_cut": Text("Ceduto ad altri", "Given to others"),
    "receipt_left": Text("Potevi dare ancora", "You could still give"),
    "receipt_bar": Text(
        "{ticket} di quota minima e {share} in proporzione, su {capacity} che potevi dare.",
        "{ticket} as smallest part and {share} in proportion, of {capacity} that you could give.",
    ),
    "receipt_record": Text("Dati della decisione", "Record of the decision"),
    "receipt_decided": Text("Decisa", "Decided"),
    "receipt_entry": Text("Voce del registro", "Journal entry"),
    "receipt_terms": Text("Versione delle condizioni", "Version of the terms"),
    "receipt_group": Text("Gruppo", "Group"),
    "receipt_last_rationed": Text("Ultimo turno nella divisione", "Last turn in the sharing"),
    "receipt_waiting_since": Text("In attesa dal", "Waiting since"),
    "receipt_hash": Text("Impronta", "Hash"),
    "footer_money": Text(
        "Il denaro non passa da BluLend: ogni euro sta in un conto presso l'istituto di pagamento.",
        "Money never touches BluLend: every euro sits in an account at the payment institution.",
    ),
    "warn_lend": Text(
        "Prestare comporta rischi: puoi perdere tutto o parte del denaro.",
        "Lending involves risk: you may lose some or all of your money.",
    ),
    "warn_credit": Text(
        "Attenzione! Prendere in prestito denaro costa denaro.", "Caution! Borrowing money costs money."
    ),
}


def text(key: str, language: Language, **values: object) -> str:
    """The text of `key`, with its values put in."""
    chosen = TEXTS[key].of(language)
    return chosen.format(**values) if values else chosen


def script_texts(language: Language) -> dict[str, str]:
    """The texts that the page's scripts say, their `{name}`s still open."""
    return {key: text(key, language) for key in SCRIPT_KEYS}


def receipt_script_texts(language: Language) -> dict[str, str]:
    """The texts that the script of the receipts says, their `{name}`s still open."""
    return {key: text(key, language) for key in RECEIPT_SCRIPT_KEYS}


RECEIPT_SCRIPT_KEYS = (
    "receipts_wrong_key",
    "receipts_not_lender",
    "receipts_not_found",
    "receipts_offline",
    "receipts_busy",
    "receipts_loading",
    "fill_matched",
    "fill_held",
    "fill_confirmed",
    "fill_funded",
    "fill_released",
    "fill_terms",
    "fill_why",
    "fill_why_of",
    "receipt_heading",
    "receipt_bar",
    "receipt_decided",
    "receipt_entry",
    "receipt_terms",
    "receipt_group",
    "receipt_last_rationed",
    "receipt_waiting_since",
    "receipt_hash",
)

SCRIPT_KEYS = (
    "phase_open",
    "phase_paused",
    "phase_run_off",
    "phase_closed",
    "phase_none",
    "months",
    "few",
    "more_levels",
    "under_five",
    "waiting",
    "waiting_few",
    "waiting_none",
    "waiting_short",
    "waiting_short_few",
    "waiting_short_none",
    "intro",
    "live",
    "connecting",
    "late",
    "lost_short",
    "lost",
    "retrying",
    "refused",
    "stop",
    "resume",
    "stopped",
    "said_covered",
    "said_lost",
    "said_back",
)
