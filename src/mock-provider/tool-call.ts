/** A tool call in an answer. `arguments` is JSON text. */
export interface ToolCall {
  name: string;
  arguments: string;
}

/**
 * The call that answers a request with tools, always the same for the same tools. Null when the
 * request has no tools, forbids calls, or ends with a tool's result.
 */
export function chooseToolCall(body: Record<string, unknown>): ToolCall | null {
  const tools = Array.isArray(body.tools) ? body.tools.map(functionOf).filter(isNamed) : [];
  const messages = Array.isArray(body.messages) ? body.messages : [];
  if (tools.length === 0 || body.tool_choice === 'none' || isToolResult(messages.at(-1))) {
    return null;
  }
  const wanted = functionOf(body.tool_choice).name;
  const tool = tools.find(({ name }) => name === wanted) ?? tools[0];
  return tool === undefined
    ? null
    : { name: tool.name, arguments: JSON.stringify(exampleOf(tool.parameters ?? {})) };
}

/** A value that a JSON schema allows; exact for types, enums, bounds and local references only. */
export function exampleOf(schema: unknown, root: unknown = schema, depth = 0): unknown {
  if (!isObject(schema) || depth > maxDepth) {
    return {};
  }
  if (typeof schema.$ref === 'string') {
    return exampleOf(resolve(schema.$ref, root), root, depth + 1);
  }
  const given = ['const', 'default'].find((name) => name in schema);
  if (given !== undefined) {
    return schema[given];
  }
  if (Array.isArray(schema.enum)) {
    return schema.enum[0];
  }
  const alternatives = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (Array.isArray(alternatives)) {
    return exampleOf(alternatives[0], root, depth + 1);
  }
  switch (typeOf(schema)) {
    case 'string':
      return exampleText(schema);
    case 'integer':
    case 'number':
      return exampleNumber(schema);
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array':
      return Array.from({ length: numberOr(schema.minItems, 1) }, () =>
        exampleOf(schema.items ?? { type: 'string' }, root, depth + 1),
      );
    default:
      return exampleObject(schema, root, depth);
  }
}

const maxDepth = 32;

function exampleObject(schema: Record<string, unknown>, root: unknown, depth: number): object {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required.map(String) : null;
  // Below the top level, optional properties of a recursive schema would never end.
  const names = required ?? (depth === 0 ? Object.keys(properties) : []);
  return Object.fromEntries(
    names.map((name) => [name, exampleOf(properties[name], root, depth + 1)]),
  );
}

function exampleText({ format, minLength, maxLength }: Record<string, unknown>): string {
  const text = typeof format === 'string' ? (textByFormat[format] ?? 'text') : 'text';
  return text.padEnd(numberOr(minLength, 0), 'x').slice(0, numberOr(maxLength, Infinity));
}

const textByFormat: Record<string, string> = {
  date: '2025-01-01',
  'date-time': '2025-01-01T00:00:00Z',
  time: '00:00:00Z',
  email: 'user@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

function exampleNumber(schema: Record<string, unknown>): number {
  const low = numberOr(schema.minimum, numberOr(schema.exclusiveMinimum, -Infinity));
  const high = numberOr(schema.maximum, numberOr(schema.exclusiveMaximum, Infinity));
  if (schema.type === 'number' && schema.multipleOf === undefined && Number.isFinite(high - low)) {
    return (low + high) / 2;
  }
  const step = numberOr(schema.multipleOf, 1);
  const least = schema.minimum === undefined ? low + step : low;
  const most = schema.maximum === undefined ? high - step : high;
  const wanted = Math.ceil(Math.max(step, least) / step) * step;
  return wanted <= most ? wanted : Math.floor(most / step) * step;
}

function typeOf({ type, properties, items }: Record<string, unknown>): unknown {
  if (type !== undefined) {
    return Array.isArray(type) ? type[0] : type;
  }
  return properties === undefined && items !== undefined ? 'array' : 'object';
}

function resolve(reference: string, root: unknown): unknown {
  return reference
    .split('/')
    .slice(1)
    .reduce<unknown>((node, name) => (isObject(node) ? node[name] : undefined), root);
}

function functionOf(tool: unknown): Record<string, unknown> {
  return isObject(tool) && isObject(tool.function) ? tool.function : {};
}

function isNamed(tool: Record<string, unknown>): tool is { name: string; parameters?: unknown } {
  return typeof tool.name === 'string';
}

function isToolResult(message: unknown): boolean {
  return isObject(message) && message.role === 'tool';
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
