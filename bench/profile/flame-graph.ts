/** A sampled profile in the format of `node --cpu-prof`. */
export interface CpuProfile {
  nodes: ProfileNode[];
  samples: number[];
  timeDeltas: number[];
}

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
}

/** A function below its callers; times in microseconds, without idle time. */
export interface Frame {
  name: string;
  us: number;
  children: Map<string, Frame>;
}

/** Idle time, and the profiler's own. */
const leftOut = new Set(['(idle)', '(program)']);

/** Sums the samples; functions of the same name, file and caller become one frame. */
export function framesOf(profile: CpuProfile): Frame {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id])),
  );
  const root: Frame = { name: 'all', us: 0, children: new Map() };
  for (const [index, id] of profile.samples.entries()) {
    const names: string[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = nodes.get(at);
      if (node && parents.has(at)) names.push(nameOf(node));
    }
    if (names[0] === undefined || leftOut.has(names[0])) continue;
    add(root, names.reverse(), profile.timeDeltas[index] ?? 0);
  }
  return root;
}

/** Time in functions themselves, longest first, by their names in the picture. */
export function selfTimes(root: Frame): [name: string, us: number][] {
  const times = new Map<string, number>();
  const visit = (frame: Frame) => {
    let own = frame.us;
    for (const child of frame.children.values()) {
      own -= child.us;
      visit(child);
    }
    times.set(frame.name, (times.get(frame.name) ?? 0) + own);
  };
  visit(root);
  return [...times].sort((a, b) => b[1] - a[1]);
}

const width = 1200;
const rowHeight = 17;
/** Narrower frames are not drawn: they would be unreadable, and the file large. */
const minWidth = 2;
const characterWidth = 6.6;

/** Draws the frames from the top down: callers above callees, as wide as their time. */
export function drawFrames(root: Frame, title: string): string {
  const boxes: string[] = [];
  const scale = width / root.us;
  let depth = 0;
  draw(root, 0, 0);
  const height = (depth + 3) * rowHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"`,
    ' font-family="monospace" font-size="11">',
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" fill="#fff"/><text x="4" y="12">${escaped(title)}</text>`,
    ...boxes,
    '</svg>\n',
  ].join('\n');

  function draw(frame: Frame, x: number, level: number): void {
    const w = frame.us * scale;
    if (w < minWidth) return;
    depth = Math.max(depth, level);
    const y = (level + 1) * rowHeight;
    const share = ((100 * frame.us) / root.us).toFixed(1);
    const shown = frame.name.slice(0, Math.max(0, Math.floor((w - 4) / characterWidth)));
    const text = shown.length > 2 ? `<text x="2" y="12">${escaped(shown)}</text>` : '';
    boxes.push(
      `<g transform="translate(${x.toFixed(1)},${y})"><title>${escaped(frame.name)} ${share} %</title>` +
        `<rect width="${(w - 0.5).toFixed(1)}" height="16" fill="${colorOf(frame.name)}"/>${text}</g>`,
    );
    let childX = x;
    for (const child of [...frame.children.values()].sort((a, b) => b.us - a.us)) {
      draw(child, childX, level + 1);
      childX += child.us * scale;
    }
  }
}

function add(root: Frame, names: readonly string[], us: number): void {
  let frame = root;
  frame.us += us;
  for (const name of names) {
    let child = frame.children.get(name);
    if (!child) {
      child = { name, us: 0, children: new Map() };
      frame.children.set(name, child);
    }
    child.us += us;
    frame = child;
  }
}

/** `relay proxy/relay`, `onData undici/client-h1`, `writev node:net`: the function and its file. */
function nameOf({ callFrame: { functionName, url } }: ProfileNode): string {
  const own = /dist\/src\/(.+)\.js$/.exec(url)?.[1];
  const [, library, file] = /node_modules\/([^/]+)\/(?:.*\/)?([^/]+)\.js$/.exec(url) ?? [];
  const place = own ?? (library ? `${library}/${file}` : url.replace(/^node:internal\//, 'node:'));
  return `${functionName || '(anonymous)'} ${place}`.trim();
}

/** A color each for the gateway, libraries, Node itself, native code with garbage collection. */
function colorOf(name: string): string {
  const place = name.slice(name.lastIndexOf(' ') + 1);
  if (place.startsWith('node:') || place === 'events') return '#cfe3f5';
  // The only WebAssembly is undici's parser.
  if (/^(undici|hyper-express|wasm:)/.test(place)) return '#f7dfa5';
  return place.includes('/') ? '#f3a683' : '#dddddd';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
