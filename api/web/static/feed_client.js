// The websocket `blulend.1`: subscribes books, resumes after a lost connection, and says how far it can be trusted.

import { BookMirror } from './book_mirror.js';

const HEARTBEAT_LATE_MS = 12_000;
const HEARTBEAT_DEAD_MS = 25_000;
const STALE_MS = 30_000;
const ACK_EVERY_MS = 5_000;
const ACK_EVERY_MESSAGES = 200;
const RETRY_LEAST_MS = 500;
const RETRY_MOST_MS = 15_000;
const SUBSCRIPTIONS_A_SECOND = 15;
const NOT_FOR_US = new Set([401, 403]);

export class FeedClient {
  // `onBook(company, change)` after each change of a book, `onRefused(company)` for one that cannot be followed,
  // `onLink()` when the state of the connection may differ.
  constructor({ companies, onBook, onRefused, onLink }) {
    this.channels = new Map(companies.map((company) => [`book:${company}`, company]));
    this.books = new Map();
    this.onBook = onBook;
    this.onRefused = onRefused;
    this.onLink = onLink;
    this.heardAt = null;
    this.lostAt = null;
    this.retryAt = null;
    this.refused = false;
    this.attempts = 0;
    this.nextN = 1;
    this.unacknowledged = 0;
    this.behind = new Map();
    this.socket = null;
    setInterval(() => this.watch(), 1_000);
    setInterval(() => this.acknowledge(), ACK_EVERY_MS);
  }

  // loading, live, late, lost, stale or refused.
  get state() {
    if (this.refused) return 'refused';
    if (this.lostAt !== null) return Date.now() - this.lostAt > STALE_MS ? 'stale' : 'lost';
    if (this.heardAt === null) return 'loading';
    return Date.now() - this.heardAt > HEARTBEAT_LATE_MS ? 'late' : 'live';
  }

  async connect() {
    clearTimeout(this.retryTimer);
    this.retryAt = null;
    this.onLink();
    try {
      const answer = await fetch('/api/v1/ws/ticket', { method: 'POST' });
      if (NOT_FOR_US.has(answer.status)) {
        this.refused = true;
        this.onLink();
        return;
      }
      if (!answer.ok) throw new Error(`ticket: ${answer.status}`);
      this.open((await answer.json()).ticket);
    } catch {
      this.lose();
    }
  }

  open(ticket) {
    const address = new URL('/api/v1/ws', location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address, 'blulend.1');
    this.socket = socket;
    socket.onopen = () => {
      this.behind.clear();
      this.send([{ t: 'auth', ticket }]);
      this.subscribeAll([...this.channels.keys()]);
    };
    socket.onmessage = ({ data }) => socket === this.socket && this.takeFrame(JSON.parse(data));
    socket.onclose = () => socket === this.socket && this.lose();
  }

  // At most twenty messages a second are let through, so many books are subscribed in several goes.
  subscribeAll(channels) {
    this.send(channels.slice(0, SUBSCRIPTIONS_A_SECOND).map((channel) => this.subscription(channel)));
    const rest = channels.slice(SUBSCRIPTIONS_A_SECOND);
    const socket = this.socket;
    if (rest.length) setTimeout(() => socket === this.socket && this.subscribeAll(rest), 1_100);
  }

  follow(companies) {
    const wanted = new Map(companies.map((company) => [`book:${company}`, company]));
    const added = [...wanted.keys()].filter((channel) => !this.channels.has(channel));
    const dropped = [...this.channels.keys()].filter((channel) => !wanted.has(channel));
    this.channels = wanted;
    for (const channel of dropped) this.books.delete(channel.slice('book:'.length));
    if (dropped.length) this.send(dropped.map((ch) => ({ t: 'unsub', n: this.nextN++, ch })));
    if (added.length) this.subscribeAll(added);
  }

  lose() {
    if (this.socket) {
      this.socket.onclose = null;
      this.socket.close();
      this.socket = null;
    }
    if (this.lostAt === null) this.lostAt = this.heardAt ?? Date.now();
    const spread = Math.random() * Math.min(RETRY_MOST_MS, RETRY_LEAST_MS * 2 ** this.attempts);
    const pause = this.retryMs ?? Math.max(RETRY_LEAST_MS, spread);
    this.retryMs = undefined;
    this.attempts += 1;
    this.retryAt = Date.now() + pause;
    this.retryTimer = setTimeout(() => this.connect(), pause);
    this.onLink();
  }

  watch() {
    if (this.socket && this.heardAt !== null && this.lostAt === null && Date.now() - this.heardAt > HEARTBEAT_DEAD_MS) {
      this.lose();
    }
    this.onLink();
  }

  takeFrame(messages) {
    this.heardAt = Date.now();
    for (const message of messages) this.take(message);
    if (this.unacknowledged >= ACK_EVERY_MESSAGES) this.acknowledge();
    this.onLink();
  }

  take(message) {
    const company = this.channels.get(message.ch);
    if (message.t === 'hello') {
      this.lostAt = null;
      this.attempts = 0;
    } else if (message.t === 'hb') this.compareHeads(message.heads);
    else if (message.t === 'bye') this.retryMs = message.retry_ms;
    else if (company === undefined) return;
    else if (message.t === 'snap') this.takeSnapshot(company, message);
    else if (message.t === 'd') this.takeDelta(company, message);
    else if (message.t === 'reset') this.books.delete(company);
    else if (message.t === 'err') this.onRefused(company);
  }

  takeSnapshot(company, { ch, inc, s, data, crc }) {
    this.unacknowledged += 1;
    const before = this.books.get(company);
    const book = new BookMirror(company, inc, s, data);
    this.books.set(company, book);
    this.behind.delete(ch);
    if (this.holds(book, crc, ch)) this.onBook(company, { snapshot: true, first: before === undefined });
  }

  takeDelta(company, { ch, inc, p, s, ops, crc }) {
    this.unacknowledged += 1;
    const book = this.books.get(company);
    if (!book || book.inc !== inc || book.s !== p) {
      this.startOver(ch);
      return;
    }
    book.apply(s, ops);
    this.behind.delete(ch);
    if (crc === undefined || this.holds(book, crc, ch)) this.onBook(company, { snapshot: false, ops });
  }

  holds(book, crc, channel) {
    if (book.checksum() === crc) return true;
    this.startOver(channel);
    return false;
  }

  // A book that stays behind its head for two heartbeats has lost something on the way.
  compareHeads(heads) {
    for (const [channel, head] of Object.entries(heads)) {
      const book = this.books.get(this.channels.get(channel));
      if (book && book.s >= head) {
        this.behind.delete(channel);
        continue;
      }
      const times = (this.behind.get(channel) ?? 0) + 1;
      this.behind.set(channel, times);
      if (times >= 2) this.startOver(channel);
    }
  }

  startOver(channel) {
    this.books.delete(this.channels.get(channel));
    this.behind.delete(channel);
    this.send([this.subscription(channel)]);
  }

  subscription(channel) {
    const book = this.books.get(this.channels.get(channel));
    const from = book ? { from: { inc: book.inc, s: book.s } } : {};
    return { t: 'sub', n: this.nextN++, ch: channel, ...from };
  }

  acknowledge() {
    this.unacknowledged = 0;
    const s = Object.fromEntries([...this.channels].filter(([, c]) => this.books.has(c)).map(([ch, c]) => [ch, this.books.get(c).s]));
    if (Object.keys(s).length) this.send([{ t: 'ack', s }]);
  }

  send(messages) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(messages));
  }
}
