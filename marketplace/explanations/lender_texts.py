"""What a lender is told of a plan, sentence by sentence, in both languages.

Rates are put after a verb or a colon, never after an article, because Italian articles depend on how a number sounds.
"""

from marketplace.explanations.sentences import Catalogue, Text

_NOT_ADMITTED: Catalogue = {
    "obstacle-is-borrower": Text(
        "Hai chiesto tu questo prestito: nessuno presta a sé stesso.",
        "You asked for this loan yourself: nobody lends to themselves.",
    ),
    "obstacle-lifted": Text(
        "Avevi ritirato la tua prenotazione per questa richiesta: non ti viene chiesta di nuovo.",
        "You had lifted your hold on this request: you are not asked for it again.",
    ),
    "obstacle-offer-paused": Text(
        "La tua offerta era sospesa. Riattivala e torna a lavorare, dal posto che aveva.",
        "Your offer was paused. Resume it and it works again, from the place it had.",
    ),
    "obstacle-lender-paused": Text(
        "Le tue offerte in questo libro erano sospese. Conservano il loro posto per quando tornano attive.",
        "Your offers in this book were paused. They keep their place for when they are active again.",
    ),
    "obstacle-identity": Text(
        "La verifica della tua identità non era valida. Completala e la tua offerta torna a lavorare.",
        "Your identity check was not valid. Complete it and your offer works again.",
    ),
    "obstacle-conflict": Text(
        "Lavori per questa azienda o ne approvi i prestiti, perciò qui non puoi prestare.",
        "You work for this company or approve its loans, so you cannot lend here.",
    ),
    "obstacle-term": Text(
        "La tua offerta non accetta questa durata. Mesi chiesti: {months}.",
        "Your offer does not accept this term. Months asked for: {months}.",
    ),
    "obstacle-guarantee-rate": Text(
        "Chiedi all'azienda una garanzia più alta di quella che dà.",
        "You ask of the company a higher guarantee than it gives.",
    ),
    "obstacle-guarantee-mode": Text(
        "La garanzia dell'azienda non è del tipo che accetti.",
        "The company's guarantee is not of a kind that you accept.",
    ),
    "obstacle-guarantee-gauge": Text(
        "Della garanzia dell'azienda resta libera una parte più piccola di quella che chiedi.",
        "Less of the company's guarantee is unused than you ask for.",
    ),
    "obstacle-arrears": Text(
        "I prestiti in ritardo presso questa azienda superano il limite che hai messo.",
        "Loans in arrears at this company are above the limit you set.",
    ),
    "obstacle-purpose": Text(
        "La finalità di questo prestito non è tra quelle che accetti.",
        "The purpose of this loan is not among those you accept.",
    ),
    "obstacle-other-strategy": Text(
        "Per questo prestito parlava un'altra tua strategia, che hai messo prima: di uno stesso prestito si prende una"
        " sola parte.",
        "Another strategy of yours, which you ranked first, spoke for this loan: one takes one part of a loan.",
    ),
    "obstacle-cash": Text(
        "Il denaro che avevi libero era meno della tua quota minima di {ticket}.",
        "The money you had free was less than your smallest part of {ticket}.",
    ),
    "obstacle-staged-cash": Text(
        "Il tuo denaro era appena arrivato: lo vedono per prime le aziende che preferisci di più. Quello già visibile"
        " qui era meno della tua quota minima di {ticket}.",
        "Your money had only just arrived: the companies you prefer more see it first. What was visible here was less"
        " than your smallest part of {ticket}.",
    ),
    "obstacle-budget": Text(
        "Alla tua strategia restava da prestare meno della tua quota minima di {ticket}. Alza il budget o attendi i"
        " rimborsi.",
        "Your strategy had less left to lend than your smallest part of {ticket}. Raise its budget or wait for"
        " repayments.",
    ),
    "obstacle-term-limit": Text(
        "Il limite che hai messo ai prestiti di questa durata lasciava meno della tua quota minima di {ticket}.",
        "The limit you set on loans of this term left less than your smallest part of {ticket}.",
    ),
    "obstacle-pace": Text(
        "Il limite mensile della tua strategia lasciava meno della tua quota minima di {ticket}. Riparte il mese"
        " prossimo.",
        "Your strategy's monthly limit left less than your smallest part of {ticket}. It starts again next month.",
    ),
    "obstacle-per-request": Text(
        "Il massimo che presti a una richiesta è meno della tua quota minima di {ticket}.",
        "The most you lend to one request is less than your smallest part of {ticket}.",
    ),
    "obstacle-per-borrower": Text(
        "Il tuo limite per persona ti lasciava prestare a questa meno della tua quota minima di {ticket}.",
        "Your limit for one person let you lend this one less than your smallest part of {ticket}.",
    ),
    "obstacle-per-company": Text(
        "Il tuo limite per azienda ti lasciava prestare in questa meno della tua quota minima di {ticket}.",
        "Your limit for one company let you lend at this one less than your smallest part of {ticket}.",
    ),
    "obstacle-share": Text(
        "La parte massima di questo prestito per un solo finanziatore è meno della tua quota minima di {ticket}.",
        "The largest part of this loan for one lender is less than your smallest part of {ticket}.",
    ),
}

_BOUNDS: Catalogue = {
    "bound-cash": Text(
        "Potevi dare fino a {capacity}: il denaro che avevi libero.",
        "You could give up to {capacity}: the money you had free.",
    ),
    "bound-staged-cash": Text(
        "Potevi dare fino a {capacity}: il denaro libero già visibile qui. Quello appena arrivato lo vedono per prime"
        " le aziende che preferisci di più.",
        "You could give up to {capacity}: the free money already visible here. What has only just arrived is seen"
        " first by the companies you prefer more.",
    ),
    "bound-budget": Text(
        "Potevi dare fino a {capacity}: quanto resta del budget della tua strategia.",
        "You could give up to {capacity}: what is left of your strategy's budget.",
    ),
    "bound-term-limit": Text(
        "Potevi dare fino a {capacity}: quanto resta del limite che hai messo ai prestiti di questa durata.",
        "You could give up to {capacity}: what is left of the limit you set on loans of this term.",
    ),
    "bound-pace": Text(
        "Potevi dare fino a {capacity}: quanto resta del limite mensile della tua strategia.",
        "You could give up to {capacity}: what is left of your strategy's monthly limit.",
    ),
    "bound-per-request": Text(
        "Potevi dare fino a {capacity}: il massimo che presti a una richiesta.",
        "You could give up to {capacity}: the most you lend to one request.",
    ),
    "bound-per-borrower": Text(
        "Potevi dare fino a {capacity}: quanto manca al massimo che presti a una persona.",
        "You could give up to {capacity}: what is left of the most you lend to one person.",
    ),
    "bound-per-company": Text(
        "Potevi dare fino a {capacity}: quanto manca al massimo che presti in questa azienda.",
        "You could give up to {capacity}: what is left of the most you lend at this company.",
    ),
    "bound-share": Text(
        "Potevi dare fino alla parte massima di questo prestito per un solo finanziatore.",
        "You could give up to the largest part of this loan for one lender.",
    ),
}

_GOT: Catalogue = {
    "got": Text("Hai ottenuto {cents} di questo prestito. Ecco perché.", "You got {cents} of this loan. Here is why."),
    "held": Text(
        "Tieni da parte {cents} per questa richiesta, che non è ancora coperta.",
        "You hold {cents} for this request, which is not covered yet.",
    ),
    "held-until": Text(
        "Se alla scadenza manca ancora denaro, chi chiede può prendere un prestito più piccolo; altrimenti il tuo torna"
        " libero. Puoi liberarlo anche prima.",
        "If money is still missing when the time is over, the borrower may take a smaller loan; otherwise yours is"
        " free again. You can also free it earlier.",
    ),
    "would-have-lent": Text(
        "La tua offerta era pronta con {cents}, ma non ha prestato nulla.",
        "Your offer was ready with {cents}, but lent nothing.",
    ),
    "not-lent-uncovered": Text(
        "Le offerte non bastavano per tutta la richiesta, e prima di allora nessuno presta. Il tuo denaro è libero.",
        "The offers did not suffice for the whole request, and before they do nobody lends. Your money is free.",
    ),
    "not-lent-guarantee": Text(
        "La garanzia dell'azienda non ha spazio per questo prestito: la richiesta aspetta. Il tuo denaro è libero.",
        "The company's guarantee has no room for this loan: the request waits. Your money is free.",
    ),
    "not-lent-lifted": Text(
        "Hai liberato tu questo denaro prima che la richiesta fosse coperta. Non ti viene chiesto di nuovo per la"
        " stessa richiesta.",
        "You freed this money yourself before the request was covered. You are not asked for the same request again.",
    ),
    "not-lent-released": Text(
        "L'impegno non vale più: la richiesta si è chiusa senza prestito, o il piano è cambiato. Il tuo denaro è"
        " libero.",
        "The promise no longer holds: the request ended without a loan, or the plan changed. Your money is free.",
    ),
    "loan": Text(
        "Importo richiesto, arrotondato a 100 €: {amount}. Durata in mesi: {months}.",
        "Amount requested, rounded to €100: {amount}. Term in months: {months}.",
    ),
    "bucket": Text(
        "Il tuo gruppo: tasso {price}, livello {tier}. I gruppi si servono dal tasso più basso; a pari tasso, prima il"
        " livello A, poi B, poi C.",
        "Your group: rate {price}, tier {tier}. Groups are served from the lowest rate; at the same rate tier A comes"
        " first, then B, then C.",
    ),
    "raised-to-floor": Text(
        "Chiedevi almeno {ask}. Il tasso minimo dell'azienda è {floor}: chi chiede meno vale come chi chiede il"
        " minimo, e non passa davanti.",
        "You asked for at least {ask}. The company's lowest rate is {floor}: who asks less counts as asking the lowest"
        " rate, and does not go ahead.",
    ),
    "in-full": Text(
        "Il tuo gruppo è stato servito per intero: ciascuno ha dato tutto quello che poteva.",
        "Your group was served in full: everybody gave all they could.",
    ),
    "rationed": Text(
        "Il tuo gruppo offriva più di quanto serviva, perciò si divide in due giri.",
        "Your group offered more than was needed, so it is shared in two rounds.",
    ),
    "rationed-by-places": Text(
        "Nel tuo gruppo c'erano più finanziatori che posti ancora liberi per questa richiesta, perciò si divide in due"
        " giri.",
        "Your group had more lenders than places left for this request, so it is shared in two rounds.",
    ),
    "ticket": Text(
        "Primo giro, una quota minima ciascuno a partire da chi aspetta da più tempo: a te {ticket}.",
        "First round, a smallest part each, starting with who has waited longest: {ticket} for you.",
    ),
    "no-room": Text(
        "Secondo giro: quello del primo era già tutto quello che potevi dare.",
        "Second round: what you had of the first was already all you could give.",
    ),
    "rooms-filled": Text(
        "Secondo giro: il resto bastava per tutti quelli del primo giro. A te tutto quello che potevi dare.",
        "Second round: the rest sufficed for everybody in the first round. For you all you could give.",
    ),
    "share": Text(
        "Secondo giro: il resto si divide secondo quanto ciascuno poteva ancora dare. Arrotondati a 100 €: restavano"
        " {rest}, tutti insieme potevano dare ancora {rooms}. Tu {room}: a te {share}.",
        "Second round: the rest is shared by what each could still give. Rounded to €100: {rest} were left, all"
        " together could still give {rooms}. You {room}: {share} for you.",
    ),
    "extra-cent": Text(
        "I centesimi che avanzano vanno alle frazioni più grandi. La tua è tra queste.",
        "Cents left over go to the largest fractions. Yours is among them.",
    ),
    "no-extra-cent": Text(
        "I centesimi che avanzano vanno alle frazioni più grandi. La tua non è tra queste.",
        "Cents left over go to the largest fractions. Yours is not among them.",
    ),
    "together": Text("In tutto: {ticket} + {share} = {sum}.", "Together: {ticket} + {share} = {sum}."),
    "kept-from-before": Text(
        "Avevi già promesso questo importo alla richiesta, con un calcolo precedente: resta com'era.",
        "You had promised this amount to the request before, by an earlier computation: it stays as it was.",
    ),
    "ticket-made": Text(
        "Mancava meno della tua quota minima. Chi era già servito ha ceduto qualcosa, perché tu che aspetti da più"
        " tempo avessi la tua quota: {ticket}.",
        "Less than your smallest part was missing. Those already served gave something back, so that you, who have"
        " waited longest, had your part: {ticket}.",
    ),
    "shaved": Text(
        "Per chiudere il prestito serviva la quota minima di un'altra offerta. Ognuno ha ceduto in proporzione a"
        " quanto aveva sopra la propria: tu {cut}. {before} − {cut} = {cents}.",
        "Closing the loan took another offer's smallest part. Everybody gave back in proportion to what they had above"
        " their own: you {cut}. {before} − {cut} = {cents}.",
    ),
    "rate-floor": Text(
        "Tasso del prestito: {rate}, lo stesso per tutti i finanziatori. È il tasso minimo dell'azienda.",
        "Rate of the loan: {rate}, the same for all lenders. It is the company's lowest rate.",
    ),
    "rate-highest": Text(
        "Tasso del prestito: {rate}, lo stesso per tutti i finanziatori. È il più alto tra le offerte servite.",
        "Rate of the loan: {rate}, the same for all lenders. It is the highest among the offers served.",
    ),
    "earned-floor": Text(
        "Ricevi {rate}, come tutti i finanziatori: è il tasso minimo dell'azienda. Il prestito ha un tasso di"
        " {loan_rate}, perché la parte dell'azienda ha un tasso ridotto.",
        "You receive {rate}, as all lenders do: it is the company's lowest rate. The rate of the loan is {loan_rate},"
        " because the company's part has a reduced rate.",
    ),
    "earned-highest": Text(
        "Ricevi {rate}, come tutti i finanziatori: è il più alto tra le offerte servite. Il prestito ha un tasso di"
        " {loan_rate}, perché la parte dell'azienda ha un tasso ridotto.",
        "You receive {rate}, as all lenders do: it is the highest among the offers served. The rate of the loan is"
        " {loan_rate}, because the company's part has a reduced rate.",
    ),
    "rate-above-ask": Text("Chiedevi almeno {ask}: ricevi di più.", "You asked for at least {ask}: you receive more."),
    "others-nothing": Text(
        "Non hanno ottenuto nulla le offerte sopra questo tasso e quelle che, a questo tasso, vengono dopo l'ultimo"
        " gruppo servito.",
        "Nothing went to offers above this rate, nor to those that come after the last group served at this rate.",
    ),
    "rotated": Text(
        "Nel prossimo primo giro di questo libro passi dietro a chi non ha ancora avuto la sua quota.",
        "In the next first round of this book you stand behind those who have not had their part yet.",
    ),
}

_NOTHING: Catalogue = {
    "got-nothing": Text(
        "Non hai ottenuto nulla di questo prestito. Ecco perché.", "You got nothing of this loan. Here is why."
    ),
    "ticket-too-large": Text(
        "Al tuo turno restava meno di {ticket}, il minimo che la tua offerta dà.",
        "At your turn less than {ticket} was left, the least that your offer gives.",
    ),
    "whole-or-nothing": Text(
        "La tua offerta dava tutto o niente: {ticket}.",
        "Your offer gave all or nothing: {ticket}.",
    ),
    "tickets-used-up": Text(
        "Le quote minime sono andate a chi nel tuo gruppo aspetta da più tempo: al tuo turno non ne restava una"
        " intera.",
        "The smallest parts went to those in your group who have waited longer: at your turn no whole one was left.",
    ),
    "lenders-complete": Text(
        "Prima del tuo turno la richiesta aveva già tutti i finanziatori che può avere. Al massimo sono {max}.",
        "Before your turn the request had all the lenders it may have. They are at most {max}.",
    ),
    "ticket-above-gap": Text(
        "Prima del tuo gruppo mancava meno di {ticket}, il minimo che la tua offerta dà.",
        "Before your group less than {ticket} was missing, the least that your offer gives.",
    ),
    "gap-none": Text(
        "È toccato a un gruppo successivo, con quote più piccole.",
        "It fell to a later group, with smaller parts.",
    ),
    "gap-nobody": Text(
        "Nessun gruppo successivo lo ha dato: alla richiesta manca ancora.",
        "No later group gave it: the request still lacks it.",
    ),
    "gap-backstop": Text("Lo ha messo l'azienda.", "The company put it in."),
    "gap-shrunk": Text(
        "Chi chiede il prestito ha preferito prendere meno e tenere il tasso più basso.",
        "The borrower preferred to take less and keep the lower rate.",
    ),
    "gap-shaved": Text(
        "È andato a chi nel tuo gruppo aspetta da più tempo.",
        "It went to the one in your group who has waited longest.",
    ),
    "keeps-place": Text("Conservi il tuo posto per il prossimo prestito.", "You keep your place for the next loan."),
    "price-not-reached": Text(
        "Il tuo tasso non è stato raggiunto: {price}. Il prestito si è chiuso con offerte fino a {reached}.",
        "Your rate was not reached: {price}. The loan was complete with offers up to {reached}.",
    ),
    "ask-less": Text(
        "Chiedendo meno verresti prima: tutti ricevono comunque lo stesso tasso.",
        "Asking less you would come earlier: everybody receives the same rate in any case.",
    ),
    "tier-not-reached": Text(
        "Livello {tier} non raggiunto: con tasso {price} il prestito si è chiuso al livello {reached}.",
        "Tier {tier} was not reached: at a rate of {price} the loan was complete with tier {reached}.",
    ),
    "prefer-more": Text(
        "A pari tasso vengono prima le offerte di chi preferisce di più questa azienda.",
        "At the same rate the offers of those who prefer this company more come first.",
    ),
    "above-ceiling": Text(
        "Chiedi almeno {ask}. Questo prestito può avere un tasso fino a {ceiling}.",
        "You ask for at least {ask}. This loan can have a rate of up to {ceiling}.",
    ),
    "company-funded-all": Text(
        "L'azienda ha messo tutto il denaro di questo prestito.",
        "The company put in all the money of this loan.",
    ),
    "no-common-rate": Text(
        "Nessun tasso va bene sia all'azienda sia a chi chiede il prestito: nessuna offerta è stata chiamata.",
        "No rate suits both the company and the borrower: no offer was called.",
    ),
    "not-listed": Text(
        "La ricevuta non elenca le tue offerte: chiedevano troppo, o non è arrivato il loro turno, o qualcosa le"
        " fermava. Per sapere quale, serve la tua offerta com'era allora.",
        "The receipt does not list your offers: they asked too much, or their turn did not come, or something kept"
        " them out. Which it was takes your offer as it was then.",
    ),
}

LENDER_TEXTS: Catalogue = {**_GOT, **_BOUNDS, **_NOTHING, **_NOT_ADMITTED}
