"""What operations are shown of a plan: every step of the rule with its figures, in both languages."""

from collections.abc import Mapping

from marketplace.allocation.eligibility import Bound, Obstacle
from marketplace.company_terms import CompanyMode
from marketplace.explanations.figures import Word
from marketplace.explanations.sentences import Catalogue, CountedText, Text

BOUND_WORDS: Mapping[Bound, Word] = {
    "cash": Word("denaro libero", "free money"),
    "staged-cash": Word("denaro libero già visibile qui", "free money visible here"),
    "budget": Word("budget della strategia", "budget of the strategy"),
    "term-limit": Word("limite della durata", "limit of the term"),
    "pace": Word("limite mensile", "monthly limit"),
    "per-request": Word("massimo per richiesta", "most per request"),
    "per-borrower": Word("massimo per persona", "most per person"),
    "per-company": Word("massimo per azienda", "most per company"),
    "share": Word("parte massima del prestito", "largest part of the loan"),
}

OBSTACLE_WORDS: Mapping[Obstacle, Word] = {
    "is-borrower": Word("è chi chiede il prestito", "is the borrower"),
    "lifted": Word("ha ritirato la prenotazione", "lifted its hold"),
    "offer-paused": Word("offerta sospesa", "offer paused"),
    "lender-paused": Word("finanziatore sospeso in questo libro", "lender paused in this book"),
    "identity": Word("identità non verificata", "identity not verified"),
    "conflict": Word("lavora per l'azienda o ne approva i prestiti", "works for the company or approves its loans"),
    "term": Word("durata non accettata", "term not accepted"),
    "rate": Word("chiede più del tasso massimo", "asks above the highest rate"),
    "guarantee-rate": Word("chiede una garanzia più alta", "asks for a higher guarantee"),
    "guarantee-mode": Word("chiede un altro tipo di garanzia", "asks for another kind of guarantee"),
    "guarantee-gauge": Word("chiede più garanzia libera", "asks for more of the guarantee unused"),
    "arrears": Word("accetta meno ritardi in azienda", "accepts fewer arrears at the company"),
    "purpose": Word("finalità non accettata", "purpose not accepted"),
    "other-strategy": Word("parla un'altra strategia", "another strategy speaks"),
    "cash": Word("denaro libero sotto la quota minima", "free money below the ticket"),
    "staged-cash": Word("denaro visibile qui sotto la quota minima", "money visible here below the ticket"),
    "budget": Word("budget rimasto sotto la quota minima", "budget left below the ticket"),
    "term-limit": Word("limite della durata sotto la quota minima", "limit of the term below the ticket"),
    "pace": Word("limite mensile sotto la quota minima", "monthly limit below the ticket"),
    "per-request": Word("massimo per richiesta sotto la quota minima", "most per request below the ticket"),
    "per-borrower": Word("massimo per persona sotto la quota minima", "most per person below the ticket"),
    "per-company": Word("massimo per azienda sotto la quota minima", "most per company below the ticket"),
    "share": Word("parte massima sotto la quota minima", "largest part below the ticket"),
}

MODE_WORDS: Mapping[CompanyMode, Word] = {
    "none": Word("nessuno", "none"),
    "first": Word("per primo", "first"),
    "share": Word("una parte di ogni prestito", "a share of each loan"),
    "backstop": Word("per ultimo", "backstop"),
}

OPERATIONS_TEXTS: Catalogue = {
    "request": Text(
        "Decisione {sequence}: richiesta {request}, importo {amount}, minimo {min}, mesi {months}, tasso fino a"
        " {max_rate}, condizioni versione {version}.",
        "Decision {sequence}: request {request}, amount {amount}, at least {min}, months {months}, rate up to"
        " {max_rate}, terms version {version}.",
    ),
    "limits": Text(
        "Tasso da {floor} a {ceiling}. Quota minima {ticket}. Finanziatori al massimo {max}.",
        "Rate from {floor} to {ceiling}. Ticket {ticket}. Lenders at most {max}.",
    ),
    "no-band": Text("Le condizioni non hanno tassi per questa durata.", "The terms have no rates for this term."),
    "share-cap": Text("Parte massima per finanziatore: {share}.", "Largest part per lender: {share}."),
    "planned": Text("Prestito pianificato: {planned}.", "Loan planned for: {planned}."),
    "company-money": Text(
        "Denaro dell'azienda ({mode}): restano {budget}, ne entrano {tranche} prima dei finanziatori e {backstop} alla"
        " fine.",
        "Company money ({mode}): {budget} left, {tranche} go in before the lenders and {backstop} at the end.",
    ),
    "subsidised-rate": Text("Tasso della parte dell'azienda: {rate}.", "Rate of the company's part: {rate}."),
    "bucket-full": Text(
        "Gruppo {price}, livello {tier}: mancano {need}, serviti tutti per intero.",
        "Bucket {price}, tier {tier}: {need} missing, all filled in full.",
    ),
    "bucket-rationed": Text(
        "Gruppo {price}, livello {tier}: mancano {need}, meno di quanto offre. Si divide.",
        "Bucket {price}, tier {tier}: {need} missing, less than it offers. It is rationed.",
    ),
    "bucket-rationed-by-places": Text(
        "Gruppo {price}, livello {tier}: mancano {need}, ma i finanziatori sono più dei posti. Si divide.",
        "Bucket {price}, tier {tier}: {need} missing, but there are more lenders than places. It is rationed.",
    ),
    "bucket-ticket-made": Text(
        "Gruppo {price}, livello {tier}: mancano {need}, meno di una quota minima. La prima offerta riceve la sua"
        " quota, gli altri cedono.",
        "Bucket {price}, tier {tier}: {need} missing, less than a ticket. The first offer gets its ticket, the others"
        " give back.",
    ),
    "bucket-last-gap": Text(
        "Gruppo {price}, livello {tier}: mancano {need}, chiusi senza di esso.",
        "Bucket {price}, tier {tier}: {need} missing, closed without it.",
    ),
    "bucket-no-ticket-fits": Text(
        "Gruppo {price}, livello {tier}: mancano {need}, nessuna quota minima ci sta. Si va avanti.",
        "Bucket {price}, tier {tier}: {need} missing, no ticket fits. The walk goes on.",
    ),
    "bucket-nobody-eligible": Text(
        "Gruppo {price}, livello {tier}: mancano {need}, nessuna offerta ammessa.",
        "Bucket {price}, tier {tier}: {need} missing, no offer eligible.",
    ),
    "rationing": Text(
        "Da dividere {quantity}: in quote minime {tickets}, resto {rest} su spazi per {rooms}, riportati {carried}.",
        "To share {quantity}: in tickets {tickets}, rest {rest} over rooms of {rooms}, carried on {carried}.",
    ),
    "candidate": Text(
        "{number}. Finanziatore {lender}, offerta {offer}: chiede {ask}, può dare {capacity} ({bound}), quota minima"
        " {ticket}. Dà {filled}.",
        "{number}. Lender {lender}, offer {offer}: asks {ask}, can give {capacity} ({bound}), ticket {ticket}. Gives"
        " {filled}.",
    ),
    "candidate-place": Text(
        "   Posto: ultimo razionamento {last_rationed}, attende da {since}, arrivo {sequence}.",
        "   Place: last rationed {last_rationed}, waiting since {since}, arrival {sequence}.",
    ),
    "candidate-share": Text(
        "   Secondo giro: {rest} × ({room} ÷ {rooms}) = {exact}, arrotondato a {share}.",
        "   Second round: {rest} × ({room} ÷ {rooms}) = {exact}, rounded to {share}.",
    ),
    "candidate-skipped": Text(
        "   Senza quota: al suo turno restavano {left} e {places} posti.",
        "   No ticket: at its turn {left} and {places} places were left.",
    ),
    "rest-untouched": Text(
        "   Le offerte dietro non sono state guardate: il loro turno non è arrivato.",
        "   Offers behind were not looked at: their turn did not come.",
    ),
    "obstacle": CountedText(
        one=Text("   Un'offerta non ammessa: {why}.", "   One offer not eligible: {why}."),
        many=Text("   {count} offerte non ammesse: {why}.", "   {count} offers not eligible: {why}."),
    ),
    "behind": Text(
        "Le offerte oltre l'ultimo gruppo e quelle sopra {ceiling} non sono state guardate.",
        "Offers beyond the last bucket and those above {ceiling} were not looked at.",
    ),
    "dust-backstop": Text(
        "Ultimo divario di {missing}: chiuso con denaro dell'azienda.",
        "Last gap of {missing}: closed with company money.",
    ),
    "dust-shrunk": Text(
        "Ultimo divario di {missing}: tolto dal prestito.", "Last gap of {missing}: taken off the loan."
    ),
    "dust-shaved": Text(
        "Ultimo divario di {missing}: serve una quota minima, tolta a chi era già servito.",
        "Last gap of {missing}: a ticket is needed, shaved off those already filled.",
    ),
    "cut": Text(
        "   Al numero {number} in ordine di servizio: {cut}.", "   From number {number} in order of filling: {cut}."
    ),
    "gate": Text(
        "Garanzia {rate}, copertura {coverage}: già garantiti {guaranteed}, con questo prestito {lenders} in più."
        " Usata {used}, limite {limit}.",
        "Guarantee {rate}, coverage {coverage}: {guaranteed} guaranteed already, {lenders} more with this loan. Used"
        " {used}, limit {limit}.",
    ),
    "head-room": Text("Spazio per denaro dei finanziatori: {head_room}.", "Room for lenders' money: {head_room}."),
    "gate-passed": Text("La garanzia basta.", "The guarantee suffices."),
    "gate-cut": Text(
        "La garanzia non basta per tutto: il prestito è ridotto al suo spazio.",
        "The guarantee does not suffice for all: the loan is cut to its room.",
    ),
    "gate-waits": Text(
        "La garanzia non basta: la richiesta aspetta.", "The guarantee does not suffice: the request waits."
    ),
    "covered": Text(
        "Coperta con {reached}: tasso delle offerte {rate}, tasso del prestito {loan_rate}.",
        "Covered with {reached}: clearing rate {rate}, rate of the loan {loan_rate}.",
    ),
    "uncovered": Text(
        "Non coperta: raggiunti {reached}, mancano {missing}.", "Uncovered: {reached} reached, {missing} missing."
    ),
    "guarantee": Text("In attesa della garanzia: raggiunti {reached}.", "Awaiting the guarantee: {reached} reached."),
    "hold": Text(
        "Tenuti per la richiesta {held}, mancano {missing}.", "Held for the request {held}, {missing} missing."
    ),
    "hold-new": Text(
        "   Finanziatore {lender}, offerta {offer}: {cents}.", "   Lender {lender}, offer {offer}: {cents}."
    ),
    "hold-kept": Text(
        "   Finanziatore {lender}, offerta {offer}: {cents}, già promessi prima.",
        "   Lender {lender}, offer {offer}: {cents}, promised before.",
    ),
}
