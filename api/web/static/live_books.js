// The live page: feeds the books into their panels, and always says how current they are.

import { BookPainter, fill } from './book_painting.js';
import { FeedClient } from './feed_client.js';
import { formatCents, formatCount } from './number_format.js';

const PAINT_EVERY_MS = 250;
const TOTALS_EVERY_MS = 5_000;
const COMPANIES_EVERY_MS = 15_000;
const SAY_EVERY_MS = 10_000;
const ALARM_AFTER_MS = 10_000;

const { language, page, taken } = document.body.dataset;
const texts = JSON.parse(document.body.dataset.texts);
const say = (key, values = {}) => fill(texts[key], values);
const element = (id) => document.getElementById(id);
const cards = () => [...document.querySelectorAll('.card')];
const seconds = new Intl.DateTimeFormat(language, {
  hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZone: 'Europe/Rome',
});

const painter = new BookPainter(language, texts);
const changed = new Map();
const covers = new Map();
let isStopped = false;
let waitingUpdates = 0;
let heardCovers = 0;
let coversToSay = [];
let saidAt = 0;
let totalsAt = 0;
let totalsTimer = null;

const feed = new FeedClient({
  companies: cards().map((card) => card.dataset.company),
  onBook(company, change) {
    noteCovers(company, change);
    card(company)?.removeAttribute('data-stale');
    changed.set(company, (changed.get(company) ?? true) && !change.snapshot);
    waitingUpdates += 1;
    if (feed.books.get(company).termsVersion !== Number(card(company)?.dataset.terms ?? 0)) renewCards();
  },
  onRefused(company) {
    card(company)?.setAttribute('data-stale', 'true');
  },
  onLink: showLink,
});

const card = (company) => document.querySelector(`.card[data-company="${company}"]`);

// ---- books ----

function paint() {
  if (isStopped || document.hidden || changed.size === 0) return;
  requestAnimationFrame(() => {
    for (const [company, flash] of changed) {
      const book = feed.books.get(company);
      if (book && card(company)) painter.paint(card(company), book, { flash });
    }
    changed.clear();
    waitingUpdates = 0;
    paintStream();
  });
}

// Every cover that the feed tells of, numbered as heard, so that the newest stand first; a snapshot brings no news.
function noteCovers(company, { snapshot }) {
  const known = covers.get(company) ?? [];
  const unmatched = [...known];
  const now = feed.books.get(company).last.map((cover) => {
    const key = cover.join('|');
    const at = unmatched.findIndex((one) => one.key === key);
    if (at >= 0) return unmatched.splice(at, 1)[0];
    heardCovers += 1;
    return { key, company, cover, heard: heardCovers, isNew: !snapshot };
  });
  covers.set(company, now);
  const news = now.filter((one) => one.isNew && !known.includes(one));
  coversToSay.push(...news);
  if (news.length) renewTotalsSoon();
}

function paintStream() {
  const rows = [...element('stream').children];
  const newest = [...covers.values()].flat().sort((a, b) => b.cover[2].localeCompare(a.cover[2]) || b.heard - a.heard);
  rows.forEach((row, at) => {
    const one = newest[at];
    const [time, company, term, rate] = row.children;
    row.classList.toggle('empty', !one);
    if (!one) return;
    const [minute, months, percent] = painter.coverWords(one.cover);
    painter.write(time, minute, false);
    painter.write(company, card(one.company)?.querySelector('h3').textContent ?? '', false);
    painter.write(term, months, false);
    painter.write(rate, percent, false);
    if (one.isNew) painter.flash(row);
    one.isNew = false;
  });
}

// New terms or a new company change the panels themselves: the server draws them again.
let renewing = false;
async function renewCards() {
  if (renewing) return;
  renewing = true;
  try {
    const answer = await fetch(`/books/cards?lang=${language}&page=${page}`);
    if (!answer.ok) return;
    const drawn = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const fresh = [...drawn.body.children];
    for (const one of fresh) {
      const old = card(one.dataset.company);
      if (old && old.dataset.terms === one.dataset.terms) one.replaceWith(old);
    }
    element('grid').replaceChildren(...drawn.body.children);
    adoptCards();
    feed.follow(cards().map((one) => one.dataset.company));
    for (const one of cards()) if (feed.books.has(one.dataset.company)) changed.set(one.dataset.company, false);
  } finally {
    renewing = false;
  }
}

function adoptCards() {
  for (const one of cards()) {
    if (one.dataset.adopted) continue;
    one.dataset.adopted = 'true';
    painter.holdUnderPointer(one, () => changed.set(one.dataset.company, changed.get(one.dataset.company) ?? false));
  }
}

async function lookForCompanies() {
  if (document.hidden || !['live', 'late'].includes(feed.state)) return;
  const answer = await fetch(`/books/companies?page=${page}`);
  if (!answer.ok) return;
  const known = cards().map((one) => `${one.dataset.company}/${one.dataset.terms}`);
  const now = (await answer.json()).map((one) => `${one.company_id}/${one.terms_version ?? 0}`);
  if (known.join() !== now.join()) await renewCards();
}

// ---- totals: from the record, not from the feed ----

function renewTotalsSoon() {
  if (totalsTimer !== null) return;
  totalsTimer = setTimeout(renewTotals, Math.max(1_000, totalsAt + TOTALS_EVERY_MS - Date.now()));
}

const dateWords = (isoDate) => isoDate.split('-').reverse().join('/');

async function renewTotals() {
  totalsTimer = null;
  totalsAt = Date.now();
  const answer = await fetch('/api/v1/statistics');
  if (!answer.ok || isStopped) return;
  const totals = { ...(await answer.json()), market_date: dateWords(answer.headers.get('Business-Date')) };
  for (const place of document.querySelectorAll('[data-total]')) {
    const value = totals[place.dataset.total];
    const words = typeof value === 'string' ? value : place.dataset.total.endsWith('_cents') ? formatCents(value, language) : value === null ? texts.under_five : formatCount(value, language);
    painter.write(place, words, true);
  }
}

// ---- the link ----

function showLink() {
  const { state } = feed;
  const heard = feed.heardAt === null ? taken : seconds.format(new Date(feed.heardAt));
  const word = {
    loading: () => say('connecting', { time: taken }),
    live: () => say('live', { time: heard }),
    late: () => say('late', { seconds: Math.round((Date.now() - feed.heardAt) / 1_000) }),
    lost: () => say('lost_short'),
    stale: () => say('lost_short'),
    refused: () => say('connecting', { time: taken }),
  }[state]();
  const wasLost = ['lost', 'stale'].includes(element('link').dataset.state);
  element('link').dataset.state = state;
  painter.write(element('link-word'), word, false);
  document.body.dataset.stale = state === 'stale';
  showStrip(state, heard);
  const isLost = state === 'lost' || state === 'stale';
  if (isLost && Date.now() - feed.lostAt > ALARM_AFTER_MS) painter.write(element('alarm'), say('said_lost'), false);
  if (!isLost && wasLost && element('alarm').textContent) {
    element('alarm').textContent = '';
    element('said').textContent = say('said_back');
  }
}

function showStrip(state, time) {
  const isLost = state === 'lost' || state === 'stale';
  let [kind, word] = ['quiet', texts.intro];
  if (isLost && feed.retryAt !== null) {
    [kind, word] = ['lost', say('lost', { time, seconds: Math.max(0, Math.ceil((feed.retryAt - Date.now()) / 1_000)) })];
  } else if (isLost) [kind, word] = ['lost', say('retrying', { time })];
  else if (state === 'refused') [kind, word] = ['note', say('refused', { time: taken })];
  else if (isStopped) [kind, word] = ['stopped', say('stopped', { count: formatCount(waitingUpdates, language) })];
  element('strip-inner').dataset.state = kind;
  painter.write(element('strip-word'), word, false);
  element('retry').hidden = !(isLost && feed.retryAt !== null);
}

// ---- stop the screen ----

function stopOrResume() {
  isStopped = !isStopped;
  if (isStopped) waitingUpdates = 0;
  element('stop').setAttribute('aria-pressed', isStopped);
  element('stop-word').textContent = isStopped ? texts.resume : texts.stop;
  showLink();
  if (!isStopped) {
    for (const company of changed.keys()) changed.set(company, false);
    paint();
    renewTotalsSoon();
  }
}

function sayCovers() {
  if (coversToSay.length === 0 || isStopped || Date.now() - saidAt < SAY_EVERY_MS) return;
  const { company, cover } = coversToSay.at(-1);
  const [, , rate] = painter.coverWords(cover);
  const name = card(company)?.querySelector('h3').textContent ?? '';
  element('said').textContent = say('said_covered', { count: coversToSay.length, company: name, months: cover[0], rate });
  coversToSay = [];
  saidAt = Date.now();
}

element('stop').hidden = false;
element('stop').addEventListener('click', stopOrResume);
element('retry').addEventListener('click', () => feed.connect());
document.addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() === 'p' && !event.ctrlKey && !event.metaKey && !event.altKey) stopOrResume();
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  for (const company of changed.keys()) changed.set(company, false);
  paint();
});
window.addEventListener('online', () => feed.state === 'lost' && feed.connect());

adoptCards();
setInterval(paint, PAINT_EVERY_MS);
setInterval(sayCovers, 1_000);
setInterval(lookForCompanies, COMPANIES_EVERY_MS);
feed.connect();
