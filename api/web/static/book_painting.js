// Paints a book into its panel: only text and bar lengths of rows that stand there already, so that nothing moves.

import { formatBp, formatCbp, formatCents, formatCount } from './number_format.js';

const FEWER_THAN_FIVE = 4;
const FLASH_MS = 800;
const FLASH_REST_MS = 1_000;
const SHRINK_AFTER_MS = 10_000;
const ROME_CLOCK = new Intl.DateTimeFormat('it', {
  day: '2-digit', month: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: 'Europe/Rome',
});

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

export class BookPainter {
  constructor(language, texts) {
    this.language = language;
    this.texts = texts;
    this.flashedAt = new WeakMap();
    this.scales = new Map();
    this.held = new WeakSet();
  }

  // While the pointer is on a ladder its rows keep their places.
  holdUnderPointer(card, release) {
    for (const table of card.querySelectorAll('.ladder')) {
      table.addEventListener('pointerenter', () => this.held.add(table));
      table.addEventListener('pointerleave', () => {
        this.held.delete(table);
        release();
      });
    }
  }

  paint(card, book, { flash }) {
    const phase = card.querySelector('[data-f="phase"]');
    phase.dataset.phase = book.phase;
    this.write(card.querySelector('[data-f="phase-word"]'), this.texts[`phase_${book.phase}`] ?? book.phase, false);
    for (const table of card.querySelectorAll('.ladder')) this.paintLadder(card, table, book, flash);
    this.paintCovers(card.querySelector('.covers'), book, flash);
  }

  paintLadder(card, table, book, flash) {
    const term = Number(table.dataset.term);
    const rows = [...table.tBodies[0].rows];
    const levels = this.levelsInPlace(table, rows, book.ladder(term));
    const scale = this.scale(`${card.dataset.company}/${term}`, Math.max(0, ...levels.map((level) => level?.[3] ?? 0)));
    rows.forEach((row, at) => this.paintLevel(row, levels[at], scale, flash));
    const hidden = book.ladder(term).length - levels.filter(Boolean).length;
    const ofTerm = (name) => card.querySelector(`[data-f="${name}"][data-term="${term}"]`);
    const [short, long] = this.waitingWords(book.requests.get(term));
    this.write(ofTerm('more'), hidden > 0 ? fill(this.texts.more_levels, { count: hidden }) : '', false);
    this.write(ofTerm('waiting-short'), short, flash);
    this.write(ofTerm('waiting'), long, false);
  }

  // The levels row by row; under the pointer each level stays where it is painted, and new ones wait.
  levelsInPlace(table, rows, levels) {
    if (!this.held.has(table)) return levels.slice(0, rows.length);
    const byKey = new Map(levels.map((level) => [level.slice(0, 3).join(), level]));
    return rows.map((row) => byKey.get(row.dataset.key));
  }

  paintLevel(row, level, scale, flash) {
    const [rate, tier, lenders, cents, depth] = row.cells;
    const bar = depth.querySelector('.bar');
    const chip = tier.firstElementChild;
    const isSame = row.dataset.key === (level ? level.slice(0, 3).join() : '');
    row.classList.toggle('empty', !level);
    row.dataset.key = level ? level.slice(0, 3).join() : '';
    this.write(rate, level ? formatBp(level[1], this.language) : '', false);
    this.write(chip, level ? level[2] : '', false);
    chip.dataset.tier = bar.dataset.tier = level ? level[2] : '';
    this.write(lenders, level ? this.lenderCount(level[4]) : '', false);
    this.write(cents, level ? formatCents(level[3], this.language) : '', flash && isSame);
    bar.setAttribute('width', level ? Math.floor((1_000 * level[3]) / scale) : 0);
  }

  lenderCount(count) {
    return count <= FEWER_THAN_FIVE ? this.texts.few : formatCount(count, this.language);
  }

  waitingWords(row) {
    if (!row) return [this.texts.waiting_short_none, this.texts.waiting_none];
    const [, cents, count] = row;
    if (cents < 0) return [this.texts.waiting_short_few, this.texts.waiting_few];
    const values = { count: formatCount(count, this.language), cents: formatCents(cents, this.language) };
    return [fill(this.texts.waiting_short, values), fill(this.texts.waiting, values)];
  }

  paintCovers(list, book, flash) {
    [...list.children].forEach((row, at) => {
      const cover = book.last.at(-1 - at);
      row.classList.toggle('empty', !cover);
      const words = cover ? this.coverWords(cover) : ['', '', ''];
      const isNew = [...row.children].map((cell, place) => this.write(cell, words[place], false)).includes(true);
      if (isNew && flash && at === 0) this.flash(row);
    });
  }

  // Day and minute in Rome, term, rate.
  coverWords([months, rateCbp, minuteAt]) {
    const parts = Object.fromEntries(ROME_CLOCK.formatToParts(new Date(minuteAt)).map(({ type, value }) => [type, value]));
    return [
      `${parts.day}/${parts.month} ${parts.hour}:${parts.minute}`,
      fill(this.texts.months, { months }),
      formatCbp(rateCbp, this.language),
    ];
  }

  // Bars share one scale of steps 1-2-5; it grows at once and shrinks only after ten calm seconds.
  scale(key, largest) {
    const wanted = scaleCents(largest);
    const known = this.scales.get(key);
    const now = Date.now();
    if (!known || wanted >= known.cents) {
      this.scales.set(key, { cents: wanted, calmSince: now });
      return wanted;
    }
    if (now - known.calmSince < SHRINK_AFTER_MS) return known.cents;
    this.scales.set(key, { cents: wanted, calmSince: now });
    return wanted;
  }

  // True when the text differs from what stood there.
  write(element, text, flash) {
    if (element.textContent === text) return false;
    element.textContent = text;
    if (flash) this.flash(element);
    return true;
  }

  flash(element) {
    const now = Date.now();
    if (now - (this.flashedAt.get(element) ?? 0) < FLASH_REST_MS) return;
    this.flashedAt.set(element, now);
    element.classList.add('flash');
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    setTimeout(() => element.classList.remove('flash'), isStill ? 3_000 : FLASH_MS);
  }
}

export function scaleCents(largest) {
  for (let step = 10_000; ; step *= 10) {
    for (const factor of [1, 2, 5]) if (largest <= step * factor) return step * factor;
  }
}
