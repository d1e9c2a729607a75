"""What a borrower is told of a plan for its request, sentence by sentence, in both languages. No lender is named."""

from marketplace.explanations.sentences import Catalogue, CountedText, Text

BORROWER_TEXTS: Catalogue = {
    # the answer
    "covered": Text("La tua richiesta è coperta per intero: {amount}.", "Your request is covered in full: {amount}."),
    "covered-less": Text(
        "La tua richiesta è coperta in parte: {amount} su {asked}.",
        "Your request is covered in part: {amount} of {asked}.",
    ),
    "gathering": Text(
        "La tua richiesta è in raccolta: trovati {reached} su {asked}, mancano {missing}.",
        "Your request is gathering: {reached} of {asked} found, {missing} missing.",
    ),
    "awaiting-guarantee": Text(
        "La tua richiesta attende la garanzia della tua azienda. Riparte da sola appena c'è spazio.",
        "Your request is awaiting your company's guarantee. It resumes by itself as soon as there is room.",
    ),
    "term-not-offered": Text(
        "La tua azienda non offre questa durata. Mesi chiesti: {months}.",
        "Your company does not offer this term. Months asked for: {months}.",
    ),
    "below-floor": Text(
        "Nessun tasso va bene a entrambi: tu accetti fino a {max}, la tua azienda parte da {floor}.",
        "No rate suits both sides: you accept up to {max}, your company starts at {floor}.",
    ),
    "holding": Text(
        "La tua richiesta è in raccolta: {held} già tenuti da parte su {asked}, mancano {missing}.",
        "Your request is gathering: {held} of {asked} already held for it, {missing} missing.",
    ),
    # without a plan
    "state-draft": Text(
        "La tua richiesta è una bozza: falla valutare e aprila, e la raccolta parte.",
        "Your request is a draft: have it assessed and open it, and the gathering starts.",
    ),
    "state-assessed": Text(
        "La tua richiesta è valutata: aprila, e la raccolta parte.",
        "Your request is assessed: open it, and the gathering starts.",
    ),
    "state-declined": Text(
        "La tua richiesta non è stata accolta. I motivi stanno nella valutazione.",
        "Your request was declined. The reasons stand in its assessment.",
    ),
    "state-open": Text(
        "La tua richiesta è in raccolta: le offerte adatte non bastano ancora per tutta. Ogni nuova offerta e ogni"
        " nuovo denaro fanno ripartire il calcolo.",
        "Your request is gathering: the suitable offers do not suffice for all of it yet. Every new offer and all new"
        " money start the computation again.",
    ),
    "state-paused": Text(
        "Le nuove coperture di questa azienda sono ferme. La tua richiesta conserva il suo posto e riparte da sola.",
        "New covers at this company are stopped. Your request keeps its place and resumes by itself.",
    ),
    "state-cancelled": Text("Hai ritirato la richiesta. Non devi nulla.", "You withdrew the request. You owe nothing."),
    "state-expired": Text(
        "Il tempo della raccolta è finito senza coprire la richiesta. Puoi farne un'altra.",
        "The time for gathering ended without covering the request. You can make another.",
    ),
    "state-lapsed": Text(
        "Il tempo per firmare è finito. Puoi fare un'altra richiesta.",
        "The time to sign is over. You can make another request.",
    ),
    # what was found
    "company": Text("La tua azienda mette {cents}.", "Your company puts in {cents}."),
    "level": CountedText(
        one=Text("Un finanziatore con tasso {rate}: {cents}.", "One lender at a rate of {rate}: {cents}."),
        many=Text(
            "{count} finanziatori con tasso {rate}: {cents} insieme.",
            "{count} lenders at a rate of {rate}: {cents} together.",
        ),
    ),
    "lenders": CountedText(
        one=Text("Un finanziatore mette {cents}.", "One lender puts in {cents}."),
        many=Text("{count} finanziatori mettono insieme {cents}.", "{count} lenders put in {cents} together."),
    ),
    "nobody": Text(
        "Nessun finanziatore ha un'offerta adatta in questo momento.",
        "No lender has a suitable offer at the moment.",
    ),
    # the rate
    "rate": Text("Tasso del prestito: {rate}.", "Rate of the loan: {rate}."),
    "why-floor": Text(
        "È il tasso minimo della tua azienda per questa durata: le offerte servite non chiedevano di più.",
        "It is your company's lowest rate for this term: the offers served did not ask for more.",
    ),
    "why-company": Text(
        "È il tasso minimo della tua azienda per questa durata: il denaro è tutto suo.",
        "It is your company's lowest rate for this term: all the money is its own.",
    ),
    "why-highest": Text(
        "Il tasso è uno solo per tutto il prestito: il più alto tra le offerte che servivano per arrivare all'importo.",
        "There is one rate for the whole loan: the highest among the offers that the amount took.",
    ),
    "subsidised": Text(
        "La parte dell'azienda ha un tasso ridotto, {subsidised}; quella dei finanziatori {clearing}. Il tasso del"
        " prestito è la media, secondo gli importi.",
        "The company's part has a reduced rate, {subsidised}; the lenders' {clearing}. The rate of the loan is the"
        " average, by amounts.",
    ),
    "accepted-up-to": Text("Il massimo che accettavi: {max}.", "The most you accepted: {max}."),
    # the last gap
    "dust-backstop": Text(
        "Alla fine mancavano {missing}: li ha messi la tua azienda.",
        "At the end {missing} were missing: your company put them in.",
    ),
    "dust-shrunk": Text(
        "Alla fine mancavano {missing} e le altre offerte erano più care. Come hai scelto, prendi {missing} in meno e"
        " tieni il tasso più basso.",
        "At the end {missing} were missing and the other offers were dearer. As you chose, you take {missing} less and"
        " keep the lower rate.",
    ),
    "dust-shaved": Text(
        "Alla fine mancavano {missing}, meno della quota minima di un'altra offerta: gli altri finanziatori le hanno"
        " fatto posto.",
        "At the end {missing} were missing, less than another offer's smallest part: the other lenders made room for"
        " it.",
    ),
    # the guarantee
    "guarantee-cut": Text(
        "La garanzia della tua azienda copre ancora {head_room} di denaro dei finanziatori. Per questo il prestito è"
        " più piccolo di quanto hai chiesto, come hai permesso.",
        "Your company's guarantee still covers {head_room} of lenders' money. That is why the loan is smaller than you"
        " asked for, as you allowed.",
    ),
    "guarantee-short": Text(
        "I finanziatori ci sono, per {lenders}. La garanzia copre ancora {head_room} di denaro dei finanziatori:"
        " mancano {short}.",
        "The lenders are there, with {lenders}. The guarantee still covers {head_room} of lenders' money: {short} are"
        " missing.",
    ),
    # what would help
    "help-repayments": Text(
        "Lo spazio torna con i rimborsi dei prestiti in corso, o se l'azienda alza la garanzia.",
        "Room comes back as running loans are repaid, or when the company raises its guarantee.",
    ),
    "help-smaller": Text(
        "Un importo più piccolo può passare prima.",
        "A smaller amount can pass sooner.",
    ),
    "help-rate": Text(
        "Accetti fino a {max}: le offerte che chiedono di più non sono state chiamate. Se le condizioni dell'azienda"
        " lo permettono, accettare un tasso più alto può aggiungerne.",
        "You accept up to {max}: offers that ask for more were not called. Where the company's terms allow it,"
        " accepting a higher rate may add some.",
    ),
    "help-company-cap": Text(
        "Il tasso massimo della tua azienda è {ceiling}: le offerte che chiedono di più non possono prestare.",
        "Your company's highest rate is {ceiling}: offers that ask for more cannot lend.",
    ),
    "help-accept-less": Text(
        "Accettando anche solo {reached}, alla scadenza il prestito può partire con quanto è stato trovato.",
        "Accepting as little as {reached}, the loan can start with what was found when the time is over.",
    ),
    "help-hold": Text(
        "Se alla scadenza manca ancora denaro, ti proponiamo un prestito con quello che c'è, se arriva al tuo minimo.",
        "If money is still missing when the time is over, you are offered a loan of what is there, if that is at least"
        " your minimum.",
    ),
    "help-accept-floor": Text(
        "Accettare un tasso da {floor} in su fa partire la raccolta.",
        "Accepting a rate of {floor} or more starts the gathering.",
    ),
    "help-other-term": Text(
        "Scegli una delle durate che l'azienda offre.", "Choose one of the terms the company offers."
    ),
    "lenders-complete": Text(
        "Finanziatori per prestito, al massimo: {max}. Sono già tutti occupati da offerte piccole.",
        "Lenders of one loan, at most: {max}. All places are taken by small offers.",
    ),
    "help-wait": Text(
        "Non devi fare nulla: ogni nuova offerta e ogni nuovo denaro fanno ripartire il calcolo.",
        "You need not do anything: every new offer and all new money start the computation again.",
    ),
}
