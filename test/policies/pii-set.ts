import { hardNegatives, hardPositives } from './pii-hard-lines.js';
import { laterNegatives, laterPositives } from './pii-later-lines.js';
import { negatives, positives } from './pii-lines.js';
import { thirdNegatives, thirdPositives } from './pii-third-lines.js';

/**
 * A labelled set for the detectors of personal data. One part is written by hand (`pii-lines.ts`),
 * with examples of the publishers of each format. The other is made here from the published formats:
 * prefixes and check digits of ISO/IEC 7812, structures of the registry of ISO 13616, the rules of
 * the Social Security Administration, numbering plans of the ITU, prefixes of issuers of keys. It
 * shares no code with the detectors.
 */

export interface Label {
  name: string;
  start: number;
  end: number;
}

export interface LabelledLine {
  text: string;
  labels: Label[];
}

/** Reads `{{email:alice@example.com}}` as a labelled part of a line. */
function labelled(line: string): LabelledLine {
  const labels: Label[] = [];
  let text = '';
  let place = 0;
  for (const match of line.matchAll(/\{\{([a-z]+):(.*?)\}\}/gs)) {
    const [all, name = '', value = ''] = match;
    text += line.slice(place, match.index);
    labels.push({ name, start: text.length, end: text.length + value.length });
    text += value;
    place = match.index + all.length;
  }
  return { text: text + line.slice(place), labels };
}

/** A sequence that is the same in every run (mulberry32). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = sequence(20_260_726);
const below = (count: number) => Math.floor(random() * count);
const pick = <T>(all: readonly T[]): T => all[below(all.length)] as T;
const of = (alphabet: string, length: number) =>
  Array.from({ length }, () => alphabet[below(alphabet.length)]).join('');
const digits = (length: number) => of('0123456789', length);
const nonZero = () => of('123456789', 1);
const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const lower = upper.toLowerCase();
const alnum = `${upper}${lower}0123456789`;
const hex = '0123456789abcdef';

function withLuhn(prefix: string, length: number): string {
  const body = prefix + digits(length - prefix.length - 1);
  const sum = [...body].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return body + String((10 - (sum % 10)) % 10);
}

const cardForms: readonly [prefixes: string[], length: number, groups: number[]][] = [
  [['4'], 16, [4, 4, 4, 4]],
  [['51', '52', '53', '54', '55', '2221', '2500', '2720'], 16, [4, 4, 4, 4]],
  [['34', '37'], 15, [4, 6, 5]],
  [['6011', '644', '65'], 16, [4, 4, 4, 4]],
  [['300', '305', '36', '38'], 14, [4, 6, 4]],
  [['3528', '3589'], 16, [4, 4, 4, 4]],
  [['62'], 16, [4, 4, 4, 4]],
  [['4'], 19, [4, 4, 4, 4, 3]],
];

function grouped(text: string, groups: readonly number[], separator: string): string {
  let place = 0;
  const parts = groups.map((length) => {
    place += length;
    return text.slice(place - length, place);
  });
  return parts.join(separator);
}

function card(): string {
  const [prefixes, length, groups] = pick(cardForms);
  return grouped(withLuhn(pick(prefixes), length), groups, pick(['', '', ' ', '-']));
}

/** Structures of account numbers: `a` upper-case letters, `n` digits, `c` either. */
const accounts: Readonly<Record<string, string>> = {
  ...{ AT: '16n', BE: '12n', BG: '4a6n8c', CH: '5n12c', CY: '8n16c', CZ: '20n', DE: '18n' },
  ...{ DK: '14n', EE: '16n', ES: '20n', FI: '14n', FR: '10n11c2n', GB: '4a14n', GR: '7n16c' },
  ...{ HR: '17n', HU: '24n', IE: '4a14n', IT: '1a10n12c', LT: '16n', LU: '3n13c', LV: '4a13c' },
  ...{ MT: '4a5n18c', NL: '4a10n', NO: '11n', PL: '24n', PT: '21n', RO: '4a16c', SA: '2n18c' },
  ...{ SE: '20n', SI: '15n', SK: '20n', TR: '6n16c', AE: '19n', IL: '19n', BR: '23n1a1c' },
};

function iban(): string {
  const [country, form] = pick(Object.entries(accounts));
  const account = form.replace(/(\d+)([anc])/g, (_, length, kind) =>
    of(kind === 'a' ? upper : kind === 'n' ? '0123456789' : `${upper}0123456789`, Number(length)),
  );
  const value = [...`${account}${country}00`].map((char) => Number.parseInt(char, 36)).join('');
  const check = String(98n - (BigInt(value) % 97n)).padStart(2, '0');
  const written = `${country}${check}${account}`;
  return random() < 0.5 ? written : (written.match(/.{1,4}/g) ?? []).join(' ');
}

function ssn(): string {
  let area = 666;
  while (area === 666) area = 1 + below(899);
  const group = String(1 + below(99)).padStart(2, '0');
  const serial = String(1 + below(9_999)).padStart(4, '0');
  return `${String(area).padStart(3, '0')}-${group}-${serial}`;
}

const names = ['alice', 'bob.smith', 'j_doe', 'maria-luisa', 'x', 'dr.who', 'o.brien', 'team+news'];
const hosts = ['example', 'mail.example', 'corp-site', 'sub.domain.example', 'uni-koeln', 'x1'];
const tops = ['com', 'org', 'de', 'co.uk', 'io', 'museum', 'com.br', 'jp'];
const email = () => `${pick(names)}${random() < 0.4 ? digits(2) : ''}@${pick(hosts)}.${pick(tops)}`;

/** `d` is a digit, `N` one from 2 to 9, `x` one from 1 to 9. */
const phoneForms = [
  ...['+1 (NNd) Ndd-dddd', '+1NNdNdddddd', '+1-NNd-Ndd-dddd', '(NNd) Ndd-dddd', 'NNd-Ndd-dddd'],
  ...['NNd.Ndd.dddd', '1-NNd-Ndd-dddd', '+44 20 xddd dddd', '+44 7xdd dddddd', '020 7ddd dddd'],
  ...['07xdd dddddd', '+49 30 xddddddd', '+49 151 xddddddd', '030 xddddddd', '0151 xddddddd'],
  ...['+33 1 dd dd dd dd', '+33 6 dd dd dd dd', '01 dd dd dd dd', '06.dd.dd.dd.dd', '0612dddddd'],
  ...['+39 06 xddd dddd', '+39 3dd ddd dddd', '3dd ddd dddd', '+34 9dd ddd ddd', '6dd ddd ddd'],
  ...['+31 20 xdd dddd', '020 xdd dddd', '+46 8 xdd ddd dd', '+41 44 xdd dd dd', '044 xdd dd dd'],
  ...['+48 xdd ddd ddd', '+351 21x ddd ddd', '+43 1 xdddddd', '+32 2 xdd dd dd', '+47 4xd dd ddd'],
  ...['+81 3-xddd-dddd', '03-xddd-dddd', '090-xddd-dddd', '+86 138 dddd dddd', '138dddddddd'],
  ...['+91 98xdd ddddd', '98xdd ddddd', '+61 2 xddd dddd', '02 9ddd dddd', '0412 ddd ddd'],
  ...[
    '+55 11 9dddd-dddd',
    '(11) 9dddd-dddd',
    '+52 55 xddd dddd',
    '+27 11 xdd dddd',
    '+7 495 xdd-dd-dd',
  ],
  ...[
    '+380 44 xdd dddd',
    '+972 3-xdd-dddd',
    '+971 4 xdd dddd',
    '+82 2-xddd-dddd',
    '0044 20 7ddd dddd',
  ],
];
const phone = () =>
  pick(phoneForms).replace(/[dNx]/g, (kind) =>
    kind === 'd' ? digits(1) : kind === 'N' ? of('23456789', 1) : nonZero(),
  );

const secrets: readonly (() => string)[] = [
  () => `sk-${of(alnum, 48)}`,
  () => `sk-proj-${of(alnum, 64)}`,
  () => `sk-ant-api03-${of(alnum, 80)}`,
  () => `AKIA${of('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}`,
  () => `AIza${of(`${alnum}_-`, 34)}x`,
  () => `ghp_${of(alnum, 36)}`,
  () => `github_pat_${of(alnum, 22)}_${of(alnum, 59)}`,
  () => `glpat-${of(alnum, 20)}`,
  () => `xoxb-${digits(12)}-${digits(12)}-${of(alnum, 24)}`,
  () => `sk_live_${of(alnum, 24)}`,
  () => `hf_${of(alnum, 34)}`,
  () => `npm_${of(alnum, 36)}`,
  () => `SG.${of(alnum, 22)}.${of(alnum, 43)}`,
  () => `eyJ${of(alnum, 30)}.eyJ${of(alnum, 60)}.${of(alnum, 43)}`,
  () => `dop_v1_${of(hex, 64)}`,
  () => `gsk_${of(alnum, 52)}`,
  () => `shpat_${of(hex, 32)}`,
];
const assignments = ['api_key: ', 'password=', 'SECRET_TOKEN="', 'token = '];

const frames: Readonly<Record<string, readonly string[]>> = {
  card: [
    'Charge # today.',
    'My card number is #, exp 04/29.',
    'card:#',
    'Pay with # please',
    '“#”',
  ],
  iban: ['Transfer to # by Friday.', 'IBAN: #', 'The account (#) was closed.', '#'],
  ssn: ['SSN # on file.', 'His social security number is #.', 'applicant #, born 1980', '#'],
  email: ['Write to #.', 'From: <#>', 'cc #, please', 'mailto:#', 'Is # yours?', '#'],
  phone: [
    'Call me at #.',
    'Tel. #',
    'The office is #, ask for Ann',
    'fax: #',
    'reach us on # today',
    '#',
  ],
  secret: ['Use # in the header.', 'export KEY=#', '{"key": "#"}', 'the token # leaked', '#'],
};
const makers: Readonly<Record<string, () => string>> = {
  ...{ card, iban, ssn, email, phone },
  secret: () => pick(secrets)(),
};
const perName = 70;

function made(): LabelledLine[] {
  const lines = Object.entries(makers).flatMap(([name, make]) =>
    Array.from({ length: perName }, () =>
      labelled(pick(frames[name] ?? ['#']).replace('#', () => `{{${name}:${make()}}}`)),
    ),
  );
  for (let i = 0; i < 20; i++) {
    const value = `${of(alnum, 18)}${digits(2)}`;
    lines.push(labelled(`${pick(assignments)}{{secret:${value}}}`));
  }
  return lines;
}

/** Numbers and texts that look like personal data and are none. */
const innocent: readonly (() => string)[] = [
  () => `Order ${nonZero()}${digits(7)} shipped on 2026-0${nonZero()}-1${digits(1)}.`,
  () => `invoice INV-${digits(8)} of ${nonZero()}${digits(2)},${digits(3)}.${digits(2)} EUR`,
  () => `commit ${of(hex, 40)} fixes it`,
  () => `request ${of(hex, 8)}-${of(hex, 4)}-4${of(hex, 3)}-a${of(hex, 3)}-${of(hex, 12)} failed`,
  () => `at 17${digits(11)} the job took ${digits(4)} ms`,
  () => `server 10.${below(255)}.${below(255)}.${below(255)}:${nonZero()}${digits(3)}`,
  () => `version ${below(20)}.${below(20)}.${digits(4)}-rc.${below(9)}`,
  () => `lat ${below(89)}.${digits(6)}, lon -${below(179)}.${digits(6)}`,
  () => `ISBN 978-${below(9)}-${digits(3)}-${digits(5)}-${below(9)}`,
  () =>
    `the range ${nonZero()}${digits(2)}-${nonZero()}${digits(3)} of ${nonZero()}${digits(6)} rows`,
  () => `sha256:${of(hex, 64)}`,
  () => `ticket PROJ-${digits(5)} and @${pick(names)} said so`,
  () => `article ${nonZero()}${digits(12)} (EAN) in stock`,
  () => `part number ${of(upper, 2)}${digits(2)} ${digits(4)} ${digits(4)}`,
];
const perInnocent = 12;

/** All lines: those with personal data first. */
export function labelledLines(): LabelledLine[] {
  const plain = innocent.flatMap((make) =>
    Array.from({ length: perInnocent }, () => ({ text: make(), labels: [] })),
  );
  return [
    ...positives.map(labelled),
    ...made(),
    ...negatives.map((text) => ({ text, labels: [] })),
    ...plain,
  ];
}

/** Unusual forms, then what resembles them. */
export function hardLines(): LabelledLine[] {
  return [
    ...[...hardPositives, ...laterPositives, ...thirdPositives].map(labelled),
    ...[...hardNegatives, ...laterNegatives, ...thirdNegatives].map((text) => ({
      text,
      labels: [],
    })),
  ];
}
