// A lender's receipts: asks the API with the reader's own key, and shows what it answers in words.
//
// The key stays in this tab's session storage. It is never part of an address, and never sent anywhere but to our API.

import { formatBp, formatCbp, formatCents } from './number_format.js';

const KEY_PLACE = 'blulend-access-key';
const KEY_FORM = /^blk_[A-Za-z0-9]+_[A-Za-z0-9_-]+$/;

const { language, fill: fillId } = document.body.dataset;
const texts = JSON.parse(document.body.dataset.texts);
const element = (id) => document.getElementById(id);
const say = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const cents = (value) => formatCents(value, language);
const instant = new Intl.DateTimeFormat(language === 'it' ? 'it-IT' : 'en-GB', {
  day: '2-digit', month: '2-digit', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
  timeZone: 'Europe/Rome',
});
const LABELS = {
  matched: texts.fill_matched, held: texts.fill_held, confirmed: texts.fill_confirmed, funded: texts.fill_funded,
  released: texts.fill_released,
};

let cursor = null;

// ---- what is shown: one of these at a time ----

function show(part) {
  for (const one of ['entry', 'failed', 'list', 'receipt']) element(one).hidden = one !== part;
  element('leave').hidden = part === 'entry' || sessionStorage.getItem(KEY_PLACE) === null;
  element('content').removeAttribute('aria-busy');
}

function askForKey(complaint = '') {
  show('entry');
  element('key').value = '';
  element('key-error').textContent = complaint;
  element('key').setAttribute('aria-invalid', String(complaint !== ''));
  if (complaint) element('key').focus();
}

function fail(words, { again = false, toList = false } = {}) {
  show('failed');
  element('failure').textContent = words;
  element('again').hidden = !again;
  element('to-list').hidden = !toList;
  element('said').textContent = words;
}

// ---- asking ----

// The answer as JSON, or null when there is none and its reason is on the screen.
async function ask(path) {
  element('content').setAttribute('aria-busy', 'true');
  element('said').textContent = say('receipts_loading');
  let answer;
  try {
    const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY_PLACE)}` };
    answer = await fetch(`/api/v1${path}`, { headers, cache: 'no-store' });
    if (answer.ok) return await answer.json();
  } catch {
    fail(say('receipts_offline'), { again: true });
    return null;
  }
  if (answer.status === 401) {
    sessionStorage.removeItem(KEY_PLACE);
    askForKey(say('receipts_wrong_key'));
  } else if (answer.status === 403) {
    sessionStorage.removeItem(KEY_PLACE);
    askForKey(say('receipts_not_lender'));
  } else if (answer.status === 404) fail(say('receipts_not_found'), { toList: true });
  else fail(say('receipts_busy'), { again: true });
  return null;
}

async function open({ moveFocus = false } = {}) {
  if (sessionStorage.getItem(KEY_PLACE) === null) {
    askForKey();
    return;
  }
  if (fillId) {
    const receipt = await ask(`/fills/${encodeURIComponent(fillId)}/receipt?lang=${language}`);
    if (receipt) showReceipt(receipt);
  } else {
    element('fills').replaceChildren();
    cursor = null;
    await showMore();
  }
  if (moveFocus && element('entry').hidden) element('heading').focus();
}

// ---- all fills ----

async function showMore() {
  const page = await ask(`/fills?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
  if (!page) return;
  cursor = page.next_cursor;
  element('fills').append(...page.items.map(fillRow));
  element('no-fills').hidden = element('fills').children.length > 0;
  element('more').hidden = cursor === null;
  element('said').textContent = '';
  show('list');
}

function fillRow(fill) {
  const row = document.createElement('li');
  row.append(
    part('span', 'fill-amount', cents(fill.amount_cents)),
    chip(fill.label),
    part('span', 'fill-company', fill.company_name),
    part('span', 'fill-terms', say('fill_terms', { months: fill.term_months, rate: formatCbp(fill.rate_cbp, language) })),
    part('time', 'fill-time', instant.format(new Date(fill.covered_at ?? fill.proposed_at))),
    whyLink(fill),
  );
  return row;
}

function whyLink(fill) {
  const link = part('a', 'fill-why', say('fill_why'));
  link.href = `/presta/ricevuta/${encodeURIComponent(fill.fill_id)}?lang=${language}`;
  link.setAttribute('aria-label', say('fill_why_of', { cents: cents(fill.amount_cents), company: fill.company_name }));
  return link;
}

function chip(label) {
  const shown = part('span', 'chip', LABELS[label]);
  shown.dataset.label = label;
  return shown;
}

function part(tag, name, words) {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = words;
  return made;
}

// ---- one receipt ----

function showReceipt({ fill, allocation, steps, ...record }) {
  const amount = cents(fill.amount_cents);
  const heading = say('receipt_heading', { cents: amount });
  document.title = `${heading} · BluLend`;
  element('heading').textContent = heading;
  element('tagline').replaceChildren(
    `${fill.company_name} · ${say('fill_terms', { months: fill.term_months, rate: formatCbp(fill.rate_cbp, language) })} `,
    chip(fill.label),
  );
  element('bar-figure').hidden = allocation === null;
  if (allocation) showBar(fill.amount_cents, allocation);
  element('steps').replaceChildren(...steps.map((step) => part('li', '', step.text)));
  element('record').replaceChildren(...recordRows(record, allocation).flatMap(([name, value]) => [
    part('dt', '', name), part('dd', '', value),
  ]));
  element('said').textContent = '';
  show('receipt');
}

// Ticket, then share, then what was cut off the share, then what the offer could still have given.
function showBar(amount, { ticket_cents: ticket, share_cents: share, cut_cents: cut, capacity_cents: capacity }) {
  const values = { ticket, share: share - cut, cut, left: capacity - amount - cut };
  let from = 0;
  for (const name of ['ticket', 'share', 'cut']) {
    const rect = element('bar').querySelector(`.part-${name}`);
    const length = Math.round((1000 * values[name]) / capacity);
    rect.setAttribute('x', from);
    rect.setAttribute('width', length);
    from += length;
  }
  for (const [name, value] of Object.entries(values)) {
    const entry = element('legend').querySelector(`[data-part="${name}"]`);
    entry.hidden = value === 0 && name !== 'ticket';
    entry.querySelector('dd').textContent = cents(value);
  }
  element('bar').setAttribute('aria-label', say('receipt_bar', {
    ticket: cents(ticket), share: cents(share - cut), capacity: cents(capacity),
  }));
}

function recordRows(record, allocation) {
  const place = allocation ? [
    [say('receipt_group'), `${formatBp(allocation.price_bp, language)} · ${allocation.tier}`],
    [say('receipt_last_rationed'), String(allocation.keys.last_rationed)],
    [say('receipt_waiting_since'), instant.format(new Date(allocation.keys.waiting_since_at))],
  ] : [];
  return [
    [say('receipt_decided'), instant.format(new Date(record.decided_at))],
    [say('receipt_entry'), `${record.shard}:${record.book_sequence}`],
    [say('receipt_terms'), String(record.terms_version)],
    ...place,
    [say('receipt_hash'), record.hash],
  ];
}

// ---- the reader ----

element('entry').addEventListener('submit', (event) => {
  event.preventDefault();
  const key = element('key').value.trim();
  if (!KEY_FORM.test(key)) {
    askForKey(say('receipts_wrong_key'));
    return;
  }
  sessionStorage.setItem(KEY_PLACE, key);
  open({ moveFocus: true });
});
element('leave').addEventListener('click', () => {
  sessionStorage.removeItem(KEY_PLACE);
  location.assign(`/presta/ricevute?lang=${language}`);
});
element('again').addEventListener('click', () => open({ moveFocus: true }));
element('more').addEventListener('click', showMore);
window.addEventListener('online', () => {
  if (!element('failed').hidden && !element('again').hidden) open();
});
open();
