import assert from 'node:assert/strict';

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  type: string;
  help: string;
  samples: Sample[];
}

/**
 * Parses the text exposition format.
 * @throws AssertionError where a line is not well formed, or a sample is of no family.
 */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const family = (name: string) => {
    let found = families.get(name);
    if (!found) {
      found = { type: '', help: '', samples: [] };
      families.set(name, found);
    }
    return found;
  };
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const comment = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name = '', rest = ''] = comment;
      if (kind === 'TYPE') family(name).type = rest;
      else family(name).help = rest;
      continue;
    }
    const sample = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(sample, `not a sample: ${line}`);
    const [, name = '', list = '', value = ''] = sample;
    const labels: Record<string, string> = {};
    const rest = list.replace(/(\w+)="((?:[^"\\]|\\.)*)",?/g, (_all, key: string, text: string) => {
      labels[key] = text;
      return '';
    });
    assert.equal(rest, '', `labels of ${line}`);
    const base = name.replace(/_(bucket|sum|count)$/, '');
    const owner = families.get(families.has(name) ? name : base);
    assert.ok(owner, `${name} has no HELP and TYPE`);
    owner.samples.push({ name, labels, value: value === '+Inf' ? Infinity : Number(value) });
  }
  return families;
}

/** The value of the only sample with at least these labels; 0 when there is none. */
export function sampleValue(
  text: string,
  name: string,
  labels: Record<string, string> = {},
): number {
  const family = parseExposition(text).get(name.replace(/_(bucket|sum|count)$/, ''));
  const samples = (family ?? parseExposition(text).get(name))?.samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  assert.ok((samples?.length ?? 0) <= 1, `${name} ${JSON.stringify(labels)} is ambiguous`);
  return samples?.[0]?.value ?? 0;
}
