// Amounts and rates as people read them, from integers: the very same strings as number_format.py writes.

const NO_BREAK = '\u00a0';
const MINUS = '\u2212';
export const ABSENT = '–';

const grouped = (digits, separator) => digits.replace(/\B(?=(\d{3})+$)/g, separator);
const sign = (value) => (value < 0 ? MINUS : '');

export function formatCents(cents, language) {
  if (cents === null) return ABSENT;
  const digits = String(Math.abs(cents)).padStart(3, '0');
  const [euros, rest] = [digits.slice(0, -2), digits.slice(-2)];
  return language === 'it'
    ? `${sign(cents)}${grouped(euros, '.')},${rest}${NO_BREAK}€`
    : `${sign(cents)}€${grouped(euros, ',')}.${rest}`;
}

function percent(scaled, decimals, language) {
  const digits = String(Math.abs(scaled)).padStart(decimals + 1, '0');
  const [whole, rest] = [digits.slice(0, -decimals), digits.slice(-decimals)];
  return language === 'it'
    ? `${sign(scaled)}${whole},${rest}${NO_BREAK}%`
    : `${sign(scaled)}${whole}.${rest}%`;
}

export const formatBp = (bp, language) => (bp === null ? ABSENT : percent(bp, 2, language));

export const formatCbp = (cbp, language) =>
  cbp % 100 === 0 ? percent(cbp / 100, 2, language) : percent(cbp, 4, language);

export const formatCount = (count, language) =>
  sign(count) + grouped(String(Math.abs(count)), language === 'it' ? '.' : ',');
