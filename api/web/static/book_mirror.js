// A book's view on this side: taken from a snapshot, moved on by deltas, checked by checksum.

const LEVELS_CHECKED = 10;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

export function crc32(ascii) {
  let crc = 0xffffffff;
  for (let at = 0; at < ascii.length; at += 1) crc = CRC_TABLE[(crc ^ ascii.charCodeAt(at)) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const byPriceAndTier = (a, b) => a[1] - b[1] || (a[2] < b[2] ? -1 : 1);
const byTerm = (a, b) => a[0] - b[0];

export class BookMirror {
  constructor(company, inc, s, data) {
    this.company = company;
    this.inc = inc;
    this.s = s;
    this.phase = data.phase;
    this.termsVersion = data.terms_version;
    this.offers = new Map(data.o.map((row) => [row.slice(0, 3).join(), row]));
    this.requests = new Map(data.r.map((row) => [row[0], row]));
    this.totals = data.tot;
    this.last = data.last;
  }

  // Ops and fields this client does not know are left alone: the server may add some.
  apply(s, ops) {
    for (const op of ops) {
      const [kind, ...row] = op;
      if (kind === 'o') {
        const key = row.slice(0, 3).join();
        if (row[3] === 0) this.offers.delete(key);
        else this.offers.set(key, row);
      } else if (kind === 'r') {
        if (row[1] === 0) this.requests.delete(row[0]);
        else this.requests.set(row[0], row);
      } else if (kind === 'tot') this.totals = row;
      else if (kind === 'k' && row[0] === 'phase') this.phase = row[1];
      else if (kind === 'k' && row[0] === 'terms_version') this.termsVersion = row[1];
      else if (kind === 'k' && row[0] === 'last') this.last = row[1];
    }
    this.s = s;
  }

  ladder(term) {
    return [...this.offers.values()].filter((row) => row[0] === term).sort(byPriceAndTier);
  }

  checksum() {
    const lines = [`book|${this.company}|${this.inc}|${this.s}|${this.termsVersion}|${this.phase}`];
    const terms = [...new Set([...this.offers.values()].map((row) => row[0]))].sort((a, b) => a - b);
    for (const term of terms) {
      for (const row of this.ladder(term).slice(0, LEVELS_CHECKED)) lines.push(['o', ...row].join('|'));
    }
    for (const row of [...this.requests.values()].sort(byTerm)) lines.push(['r', ...row].join('|'));
    lines.push(['t', ...this.totals].join('|'));
    return crc32(lines.join('\n'));
  }
}
