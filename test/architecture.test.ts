import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readMigrations } from '../src/db/migration-files.js';

/** Tests run from `dist`, but the rules are about the sources. */
const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const src = join(root, 'src');

/** The rooms that a room imports besides itself, including types. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  package: [],
  http1: [],
  websocket: [],
  threads: [],
  dialects: ['errors'],
  providers: ['dialects', 'config'],
  clouds: ['upstream', 'providers', 'config'],
  config: ['errors', 'observe'],
  pricing: ['dialects', 'config'],
  policies: ['dialects', 'config', 'errors', 'observe'],
  routing: ['policies', 'providers', 'pricing', 'dialects', 'config'],
  limits: [],
  upstream: ['dialects', 'routing', 'config', 'observe', 'http1'],
  server: ['errors', 'http1', 'limits'],
  proxy: [
    ...['upstream', 'limits', 'routing', 'config', 'errors', 'observe', 'server', 'dialects'],
    ...['policies', 'pricing', 'websocket', 'threads'],
  ],
  replay: [...['proxy', 'limits', 'routing', 'pricing', 'dialects', 'config', 'errors', 'observe']],
  db: ['config', 'dialects', 'limits', 'observe', 'package', 'pricing'],
  changes: ['routing', 'config', 'errors', 'db'],
  admin: [
    ...['changes', 'dialects', 'upstream', 'limits', 'routing', 'config', 'errors', 'observe'],
    ...['server', 'db', 'pricing', 'providers', 'replay', 'policies', 'package'],
  ],
  observe: ['dialects', 'package'],
  'mock-provider': ['dialects', 'server', 'errors', 'websocket'],
  console: ['admin', 'changes', 'config', 'db'],
  daemon: [
    ...['admin', 'changes', 'proxy', 'upstream', 'limits', 'routing', 'config', 'errors'],
    ...[
      'observe',
      'server',
      'db',
      'dialects',
      'pricing',
      'clouds',
      'policies',
      'package',
      'threads',
    ],
  ],
  cli: [
    ...['daemon', 'admin', 'changes', 'upstream', 'routing', 'config', 'errors', 'observe'],
    ...['server', 'db', 'mock-provider', 'dialects', 'providers', 'pricing', 'package'],
  ],
};

/** Modules that cost milliseconds, block, or use the disk or the database. */
const slow =
  /^(@pydantic\/genai-prices|postgres|winston|prom-client|tiktoken|bottleneck|chokidar|(node:)?fs(\/promises)?)$/;

interface Import {
  /** A path below `src`, or a package. */
  to: string;
  typeOnly: boolean;
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file))
  .sort();
const imports = new Map(files.map((file) => [file, importsOf(file)]));

function sourceOf(target: string): string {
  const [ts, tsx] = ['.ts', '.tsx'].map((end) => target.replace(/\.js$/, end));
  return tsx !== undefined && files.includes(tsx) ? tsx : (ts ?? target);
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  const add = (target: string, typeOnly: boolean) =>
    found.push({
      to: target.startsWith('.') ? sourceOf(normalize(join(dirname(file), target))) : target,
      typeOnly,
    });
  for (const [, keyword, what, target] of text.matchAll(
    /^(import|export)\s([^;'"]*?)\bfrom\s+['"]([^'"]+)['"]/gm,
  )) {
    if (keyword) add(target ?? '', /^type\s/.test(what ?? ''));
  }
  for (const [, target] of text.matchAll(/^import\s+['"]([^'"]+)['"]/gm)) add(target ?? '', false);
  for (const [, target] of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g))
    add(target ?? '', false);
  return found;
}

/** The folder of a file below `src`, or the name of a file there. */
function room(file: string): string {
  return file.split('/')[0]?.replace(/\.tsx?$/, '') ?? '';
}

function isOurs(target: string): boolean {
  return imports.has(target);
}

test('every import is found, and leads to a file or a package', () => {
  assert.ok(files.length > 80);
  const all = [...imports].flatMap(([file, list]) => list.map(({ to }) => `${file} ${to}`));
  assert.ok(all.includes('proxy/handle-request.ts proxy/attempts/dispatch.ts'));
  assert.ok(all.includes('cli/daemon/serve.ts daemon/serve.ts'), 'dynamic imports are seen');
  for (const line of all) {
    const to = line.split(' ')[1] ?? '';
    assert.ok(!/\.tsx?$/.test(to) || isOurs(to), `${line} is not below src`);
  }
});

test('every room is known, and imports point one way', () => {
  const wrong: string[] = [];
  for (const [file, list] of imports) {
    const from = room(file);
    assert.ok(allowed[from], `src/${from} is not in the architecture`);
    for (const { to } of list) {
      if (!isOurs(to) || room(to) === from) continue;
      if (!allowed[from].includes(room(to))) wrong.push(`${file} imports ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('the table names no room that is not imported', () => {
  const found = new Map<string, Set<string>>();
  for (const [file, list] of imports) {
    const rooms = found.get(room(file)) ?? new Set();
    for (const { to } of list) if (isOurs(to) && room(to) !== room(file)) rooms.add(room(to));
    found.set(room(file), rooms);
  }
  for (const [from, rooms] of Object.entries(allowed)) {
    assert.deepEqual([...rooms].sort(), [...(found.get(from) ?? [])].sort(), `imports of ${from}`);
  }
});

test('rooms import each other in the order that the documents describe', () => {
  for (const file of ['docs/architecture.md', 'CONTRIBUTING.md']) {
    const [, chain = ''] = /`(cli → [^`]+)`/.exec(readFileSync(join(root, file), 'utf8')) ?? [];
    const ranks = new Map(
      chain
        .split(' → ')
        .flatMap((rooms, rank) => [...rooms.matchAll(/[a-z-]+/g)].map(([name]) => [name, rank])),
    );
    assert.ok(ranks.size > 10, file);
    for (const [from, rooms] of Object.entries(allowed)) {
      const rank = ranks.get(from);
      if (rank === undefined) continue;
      for (const to of rooms) assert.ok((ranks.get(to) ?? 99) > rank, `${from} imports ${to}`);
    }
  }
});

test('no rooms import each other in a circle', () => {
  const done = new Set<string>();
  const visit = (name: string, path: string[]): void => {
    assert.ok(!path.includes(name), [...path, name].join(' → '));
    if (done.has(name)) return;
    for (const to of allowed[name] ?? []) visit(to, [...path, name]);
    done.add(name);
  };
  for (const name of Object.keys(allowed)) visit(name, []);
});

test('every exported value is used outside its file', () => {
  const sources = new Map(
    ['src', 'test', 'bench'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.tsx?$/.test(file))
        .map((file) => [join(folder, file), readFileSync(join(root, folder, file), 'utf8')]),
    ),
  );
  const used = new Set<string>();
  /** Files that import another file as a namespace: names used are searched in their text. */
  const wholes = new Map<string, string[]>();
  for (const [file, text] of sources) {
    const at = (target: string) => {
      const path = normalize(join(dirname(file), target));
      const tsx = path.replace(/\.js$/, '.tsx');
      return sources.has(tsx) ? tsx : path.replace(/\.js$/, '.ts');
    };
    const named = /^(?:import|export)\s(?:type\s)?(?:\w+,\s)?\{([^}]*)\} from '(\.[^']+)'/gm;
    for (const [, names = '', target = ''] of text.matchAll(named)) {
      for (const name of names.split(',')) {
        used.add(
          `${at(target)} ${
            name
              .trim()
              .replace(/^type /, '')
              .split(' as ')[0]
          }`,
        );
      }
    }
    for (const [, target = ''] of text.matchAll(/(?:import\(\s*|\* as \w+ from )'(\.[^']+)'/g)) {
      wholes.set(at(target), [...(wholes.get(at(target)) ?? []), text]);
    }
  }
  const exported = /^export (?:abstract )?(?:async )?(?:const|let|function\*?|class|enum) (\w+)/gm;
  const unused: string[] = [];
  for (const [file, text] of sources) {
    if (!file.startsWith('src')) continue;
    for (const [, name = ''] of text.matchAll(exported)) {
      const word = new RegExp(`\\b${name}\\b`);
      const isUsed =
        used.has(`${file} ${name}`) || wholes.get(file)?.some((each) => word.test(each));
      if (!isUsed) unused.push(`${file} exports ${name}`);
    }
  }
  assert.ok(used.size > 1_000);
  assert.deepEqual(unused, []);
});

test('only cli, daemon, admin and changes import db, and the console only its types', () => {
  const rooms = [...imports].filter(([file, list]) =>
    list.some(({ to, typeOnly }) => room(to) === 'db' && !(typeOnly && room(file) === 'console')),
  );
  for (const [file] of rooms) assert.match(file, /^(cli|daemon|admin|changes|db)\//);
});

test('the console loads nothing of the server: it shares types only', () => {
  for (const [file, list] of imports) {
    if (room(file) !== 'console') continue;
    for (const { to, typeOnly } of list.filter(({ to }) => isOurs(to) && room(to) !== 'console')) {
      assert.ok(typeOnly, `${file} loads ${to}`);
    }
  }
});

test('no files import each other in a circle', () => {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    const at = path.indexOf(file);
    assert.ok(at < 0, [...path.slice(at), file].join(' → '));
    if (done.has(file)) return;
    for (const { to } of imports.get(file) ?? []) if (isOurs(to)) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

/** The modules that these files load, each with its import path. Types are not loaded. */
function reached(starts: readonly string[]): Map<string, string> {
  const paths = new Map(starts.map((file) => [file, file]));
  for (const [file, path] of paths) {
    for (const { to, typeOnly } of imports.get(file) ?? []) {
      if (!typeOnly && !paths.has(to)) paths.set(to, `${path} → ${to}`);
    }
  }
  return paths;
}

test('the request path reaches neither the database nor the disk, nor slow modules', () => {
  const starts = files.filter((file) => file.startsWith('proxy/'));
  const paths = reached([...starts, 'daemon/workers/worker-main.ts']);
  // A worker without a control process has nobody else to leave its requests to.
  const orphaned = 'daemon/workers/worker-main.ts → daemon/workers/orphaned-requests.ts';
  for (const [target, path] of paths) {
    if (path.startsWith(orphaned)) continue;
    assert.ok(!slow.test(target) && room(target) !== 'db', path);
  }
  assert.ok(paths.has('node:net'));
});

test('only observe imports winston and prom-client', () => {
  for (const [file, list] of imports) {
    for (const { to } of list) {
      if (/^(winston|prom-client)$/.test(to)) assert.equal(room(file), 'observe', file);
    }
  }
});

test('only server knows the engines', () => {
  for (const [file, list] of imports) {
    for (const { to } of list) {
      if (/^(hyper-express|uwebsockets|uWebSockets\.js)$/i.test(to))
        assert.equal(room(file), 'server');
    }
  }
});

test('no folder holds more than 30 files', () => {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  assert.deepEqual(
    [...counts].filter(([, count]) => count > 30),
    [],
  );
});

test('a name says what is in a file or folder, in kebab case', () => {
  for (const file of files) {
    for (const part of file.replace(/\.tsx?$/, '').split('/')) {
      assert.match(part, /^[a-z0-9]+(-[a-z0-9]+)*$/, file);
      assert.doesNotMatch(part, /^(utils?|helpers?|common|services?|managers?|misc)$/, file);
    }
  }
});

test('migrations are numbered one by one', () => {
  assert.ok(readMigrations().length > 0);
});
