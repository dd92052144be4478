/**
 * Merges a JSON Merge Patch (RFC 7396) into an object: null removes an entry. Unlike the RFC, it also
 * removes objects that become empty.
 */
export function mergePatch(target: object, patch: object): Record<string, unknown> {
  const result: Record<string, unknown> = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (!isObject(value)) result[name] = value;
    else {
      const below = mergePatch(isObject(result[name]) ? result[name] : {}, value);
      if (Object.keys(below).length > 0) result[name] = below;
      else delete result[name];
    }
  }
  return result;
}

function isObject(value: unknown): value is object {
  return value instanceof Object && !Array.isArray(value);
}
